/** @file The paper's agent: SAC with a squashed Gaussian, twin critics over state and action, and automatic temperature (`--agent paper`). */

import { at } from "../at.js";
import { InputError } from "../errors.js";
import { Random } from "../random/random.js";
import type { ColumnArrays, Schema } from "../replay/columns.js";
import { annealedCorrection, createReplay, type Replay, type ReplayOptions, replayBytes } from "../replay/replay.js";
import { OBJECT_FIELDS } from "../rooms/index.js";
import type { Tensors } from "../tensor.js";
import type { Agent, AgentObservation, AgentStatistics, Transition } from "./agent.js";
import type { AgentOptions } from "./agent-options.js";
import { fromState, RunningMeans, toState } from "./agent-state.js";
import { ACTION_WIDTH, type AgentWorld, observationWidth, writeObservation } from "./agent-world.js";
import type { Learner } from "./learner.js";
import { checkVariables, initialVariables, type SacModel, updatesInRun } from "./models.js";
import { openLearner } from "./open-learner.js";
import { actSac, type SacBatch, type SacOutcome, updateSac, updateSacMany } from "./sac-updates.js";

const CORRECTION_START = 0.4;
/** Batch sizes of a single call to act. */
const CHUNKS = [16, 8, 4, 2, 1] as const;

/** CleanRL's settings. */
function modelOf({ world, hidden, updateBatch, discount, targetEntropy, replay, view }: AgentOptions): SacModel {
  return {
    kind: "sac",
    convention: "cleanrl",
    observation: observationWidth(world),
    action: ACTION_WIDTH,
    hidden,
    batch: updateBatch,
    rows: CHUNKS,
    gamma: discount,
    tau: 0.005,
    targetEntropy,
    learningRates: { actor: 3e-4, critic: 1e-3, temperature: 1e-3 },
    policyFrequency: 2,
    actionScale: Array.from({ length: ACTION_WIDTH }, () => 1),
    actionBias: Array.from({ length: ACTION_WIDTH }, () => 0),
    criticLoss: replay === "lap" ? "huber" : "squared",
    ...(view === "objects" ? { view: world } : {}),
  };
}

function replayOptions({ world, replay, replayCapacity }: AgentOptions): ReplayOptions {
  const one = { width: 1 } as const;
  const objects = { type: "int32", width: OBJECT_FIELDS * world.activeObjects } as const;
  const observation = { type: "float32", width: observationWidth(world), derived: true } as const;
  const schema: Schema = {
    scene: { type: "int32", ...one },
    objects,
    progress: { type: "float32", ...one },
    action: { type: "float32", width: ACTION_WIDTH },
    reward: { type: "float32", ...one },
    terminated: { type: "float32", ...one },
    nextScene: { type: "int32", ...one },
    nextObjects: objects,
    nextProgress: { type: "float32", ...one },
    observation,
    nextObservation: observation,
  };
  return { kind: replay, capacity: replayCapacity, schema };
}

export const paperAgentBytes = (options: AgentOptions): number => replayBytes(replayOptions(options));

export async function openPaperAgent(options: AgentOptions): Promise<Agent> {
  const model = modelOf(options);
  const learner = await openLearner(model, options);
  try {
    await learner.set(initialVariables(model, Random.stream(options.seed, "networks")));
  } catch (error) {
    await learner.close();
    throw error;
  }
  return new PaperAgent(model, learner, options);
}

class PaperAgent implements Agent {
  readonly name = "paper";
  readonly #replay: Replay;
  #updates = 0;

  constructor(
    private readonly model: SacModel,
    private readonly learner: Learner,
    private readonly options: AgentOptions,
  ) {
    this.#replay = createReplay(replayOptions(options));
  }

  get description(): string {
    return `${this.name} on ${this.learner.description}`;
  }

  async act(observations: readonly AgentObservation[], random: Random): Promise<Float32Array> {
    const width = this.model.observation;
    const actions = new Float32Array(observations.length * ACTION_WIDTH);
    for (let first = 0; first < observations.length; ) {
      const rows = CHUNKS.find((chunk) => chunk <= observations.length - first) ?? 1;
      const flat = new Float32Array(rows * width);
      observations.slice(first, first + rows).forEach((observation, i) => {
        writeObservation(this.options.world, observation, flat, i * width);
      });
      const drawn = await actSac(this.learner, this.model, flat, rows, random);
      // tanh may round to slightly beyond the bounds.
      drawn.forEach((value, i) => {
        actions[first * ACTION_WIDTH + i] = Math.min(1, Math.max(-1, value));
      });
      first += rows;
    }
    return actions;
  }

  remember(transitions: readonly Transition[]): void {
    const indices = this.#replay.add(columnsOf(this.options.world, transitions), transitions.length);
    for (const index of new Set(indices)) this.#computeObservations(index);
  }

  async pretrain(
    transitions: readonly Transition[],
    updates: number,
    random: Random,
    progress: (done: number) => void,
  ): Promise<AgentStatistics> {
    this.remember(transitions);
    const means = new RunningMeans();
    for (let done = 0; done < updates; ) {
      const some = Math.min(12 * updatesInRun(this.model), updates - done);
      await this.#learn(some, random, means);
      done += some;
      progress(done);
    }
    return camelCase(means.take());
  }

  async update(updates: number, random: Random): Promise<AgentStatistics> {
    const means = new RunningMeans();
    // A round may consist of last steps alone, which are remembered later.
    if (this.#replay.size > 0) await this.#learn(updates, random, means);
    return camelCase(means.take());
  }

  async state(): Promise<Tensors> {
    return toState({
      learner: await this.learner.get(),
      counters: { updates: Int32Array.of(this.#updates) },
      replay: this.#replay.state(),
    });
  }

  async restore(state: Tensors): Promise<void> {
    const parts = fromState(state);
    const [updates] = parts.arrays("counters")["updates"] ?? [];
    if (updates === undefined || parts.arrays("replay")["ring"] === undefined) {
      throw new InputError("the saved agent is not one of kind paper");
    }
    const variables = parts.tensors("learner");
    checkVariables(this.model, variables);
    this.#replay.restore(parts.arrays("replay"));
    for (let age = 0; age < this.#replay.size; age++) this.#computeObservations(this.#replay.indexOf(age));
    await this.learner.set(variables);
    this.#updates = updates;
  }

  close(): Promise<void> {
    return this.learner.close();
  }

  /** Does several updates per run where they fit, and single ones before and after. */
  async #learn(updates: number, random: Random, means: RunningMeans): Promise<void> {
    const { policyFrequency } = this.model;
    for (let left = updates; left > 0; ) {
      const many = this.#updates % policyFrequency === 0 && left >= updatesInRun(this.model);
      const count = many ? updatesInRun(this.model) : 1;
      const drawn = Array.from({ length: count }, () => this.#draw(random));
      const batches = drawn.map(({ batch }) => batch);
      const outcome: SacOutcome = many
        ? await updateSacMany(this.learner, this.model, batches, random)
        : await updateSac(this.learner, this.model, batches[0] as SacBatch, this.#updates - 1, random);
      for (const [i, { indices }] of drawn.entries()) {
        this.#replay.update(indices, outcome.errors.subarray(i * indices.length, (i + 1) * indices.length));
      }
      means.add(outcome.statistics, count);
      left -= count;
    }
  }

  #draw(random: Random): { readonly indices: Int32Array; readonly batch: SacBatch } {
    const correction = annealedCorrection(CORRECTION_START, this.#updates++, this.options.annealingUpdates);
    const names = ["observation", "nextObservation", "action", "reward", "terminated"];
    const { indices, weights, columns } = this.#replay.sample(this.model.batch, random, correction, names);
    // The next sample overwrites the columns.
    const column = (name: string): Float32Array => (columns[name] as Float32Array).slice();
    const batch = {
      observations: column("observation"),
      nextObservations: column("nextObservation"),
      actions: column("action"),
      rewards: column("reward"),
      terminated: column("terminated"),
      weights,
    };
    return { indices, batch };
  }

  #computeObservations(index: number): void {
    const write = (prefix: string, names: readonly [string, string, string]): void => {
      const [scene, objects, progress] = names;
      const observation: AgentObservation = {
        scene: at(this.#replay.row(scene, index), 0),
        objects: this.#replay.row(objects, index) as Int32Array,
        progress: at(this.#replay.row(progress, index), 0),
      };
      writeObservation(this.options.world, observation, this.#replay.row(prefix, index) as Float32Array, 0);
    };
    write("observation", ["scene", "objects", "progress"]);
    write("nextObservation", ["nextScene", "nextObjects", "nextProgress"]);
  }
}

function columnsOf({ activeObjects }: AgentWorld, transitions: readonly Transition[]): ColumnArrays {
  const width = OBJECT_FIELDS * activeObjects;
  const joined = (parts: readonly Int32Array[]): Int32Array => {
    const flat = new Int32Array(parts.length * width);
    parts.forEach((part, i) => {
      flat.set(part, i * width);
    });
    return flat;
  };
  const action = new Float32Array(transitions.length * ACTION_WIDTH);
  transitions.forEach((transition, i) => {
    action.set(transition.action, i * ACTION_WIDTH);
  });
  return {
    action,
    scene: Int32Array.from(transitions, ({ observation }) => observation.scene),
    objects: joined(transitions.map(({ observation }) => observation.objects)),
    progress: Float32Array.from(transitions, ({ observation }) => observation.progress),
    reward: Float32Array.from(transitions, ({ reward }) => reward),
    terminated: Float32Array.from(transitions, ({ terminated }) => (terminated ? 1 : 0)),
    nextScene: Int32Array.from(transitions, ({ next }) => next.scene),
    nextObjects: joined(transitions.map(({ next }) => next.objects)),
    nextProgress: Float32Array.from(transitions, ({ next }) => next.progress),
  };
}

/** critic_loss → criticLoss, the form of metric names; the policy's α becomes the temperature. */
const camelCase = (values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name === "alpha" ? "temperature" : name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
