/**
 * @file The default agent (arm "rls3"): two heads over a decoded placement, validity p and hardness ĥ, and a
 * maximum-entropy policy over uniform proposals with Q = 2p − 1 + p·β·ĥ (+ γ·V̂, learned by fitted iteration over the
 * recent window). For comparison, one head can learn the whole reward instead.
 */
import { at } from "../at.js";
import { InputError } from "../errors.js";
import { Random } from "../random/random.js";
import { annealedCorrection } from "../replay/replay.js";
import { float32, scalar, type Tensors } from "../tensor.js";
import type { Agent, AgentObservation, AgentStatistics, Transition } from "./agent.js";
import type { AgentOptions } from "./agent-options.js";
import { fromState, RunningMeans, toState } from "./agent-state.js";
import { ACTION_WIDTH } from "./agent-world.js";
import { featureWidth, writeFeatures } from "./features.js";
import { type Learner, outputOf } from "./learner.js";
import { checkVariables, type Head, type HeadsModel, headLayers, initialVariables, updatesInRun } from "./models.js";
import { openLearner } from "./open-learner.js";
import { type MemoryOptions, memoryBytes, PlacementMemory } from "./placement-memory.js";
import { chooseProposals, softValues, steeredBudget } from "./proposal-policy.js";
import { stack } from "./stack.js";

/** Number of recent iterations from which hardness is learned: the model changes, so older answers mislead. */
const WINDOW = 6;
const LEARNING_RATE = 1e-3;
/** How much pre-training lowers the validity head's learning rate, linearly over its updates. */
const RATE_DECAY = 0.8;
/** Initial exponent of the importance weights. */
const CORRECTION_START = 0.4;
/** Mean hardness by construction: the head's prediction before it has learned. */
const HARDNESS_START = 0.3;

/** Batch sizes of one evaluation, in multiples of one observation's proposals. */
const CHUNKS = [16, 8, 4, 2, 1] as const;

function headsOf({ extrinsicWeight, discount, heads }: AgentOptions): readonly Head[] {
  const future = discount > 0 ? ["future" as const] : [];
  if (heads === "one") return ["reward", ...future];
  return ["validity", ...(extrinsicWeight > 0 ? ["hardness" as const] : []), ...future];
}

/** Heads that learn feasibility before the loop, and from all data in it. */
const lasting = (head: Head): boolean => head === "validity" || head === "reward";

function memoryOptions(head: Head, { world, replay, replayCapacity, iterationSamples }: AgentOptions): MemoryOptions {
  return {
    world,
    replay,
    capacity: lasting(head) ? replayCapacity : WINDOW * iterationSamples,
    next: head === "future" ? "stored" : "dropped",
  };
}

export function proposalAgentBytes(options: AgentOptions): number {
  return headsOf(options).reduce((sum, head) => sum + memoryBytes(memoryOptions(head, options)), 0);
}

function modelOf(options: AgentOptions): HeadsModel {
  return {
    kind: "heads",
    features: featureWidth(options.world),
    hidden: options.hidden,
    heads: headsOf(options),
    batch: options.updateBatch,
    rows: CHUNKS.map((observations) => observations * options.proposals),
    loss: options.replay === "lap" ? "huber" : "squared",
  };
}

/** Initial weights. The hardness head starts near its mean everywhere. */
function firstVariables(model: HeadsModel, seed: number): Tensors {
  const variables = initialVariables(model, Random.stream(seed, "networks"));
  const hardness = variables["hardness"]?.data;
  const last = headLayers(model).at(-1);
  if (hardness instanceof Float32Array && last) {
    for (let i = hardness.length - 1 - last.inputs; i < hardness.length - 1; i++) hardness[i] = at(hardness, i) * 0.1;
    hardness[hardness.length - 1] = HARDNESS_START;
  }
  return variables;
}

export async function openProposalAgent(options: AgentOptions): Promise<Agent> {
  const model = modelOf(options);
  const learner = await openLearner(model, options);
  try {
    await learner.set(firstVariables(model, options.seed));
  } catch (error) {
    await learner.close();
    throw error;
  }
  return new ProposalAgent(model, learner, options);
}

class ProposalAgent implements Agent {
  readonly name = "rls3";
  readonly #memories: ReadonlyMap<Head, PlacementMemory>;
  /** Number of transitions of each iteration in the windows, oldest first: [hardness, future]. */
  #windows: (readonly [hardness: number, future: number])[] = [];
  /** Updates done by each head. */
  readonly #updates: Record<Head, number> = { validity: 0, hardness: 0, future: 0, reward: 0 };
  #validityRate = LEARNING_RATE;
  /** The KL budget from uniform, in nats. Where it is steered, it is a float32, as checkpoints store it. */
  #budget: number;
  /** Statistics of `act` since the last update. */
  #seen = new RunningMeans();

  constructor(
    private readonly model: HeadsModel,
    private readonly learner: Learner,
    private readonly options: AgentOptions,
  ) {
    this.#memories = new Map(model.heads.map((head) => [head, new PlacementMemory(memoryOptions(head, options))]));
    this.#budget = options.validityTarget > 0 ? Math.fround(options.klBudget) : options.klBudget;
  }

  get description(): string {
    return `${this.name} on ${this.learner.description}`;
  }

  async act(observations: readonly AgentObservation[], random: Random): Promise<Float32Array> {
    const { proposals } = this.options;
    const actions = uniformActions(observations.length * proposals, random);
    const q = await this.#values(observations, actions, proposals);
    const { chosen, temperature, kl } = chooseProposals(q, proposals, this.#budget, random);
    this.#seen.add({ temperature, kl });
    const taken = new Float32Array(observations.length * ACTION_WIDTH);
    chosen.forEach((proposal, row) => {
      const start = (row * proposals + proposal) * ACTION_WIDTH;
      taken.set(actions.subarray(start, start + ACTION_WIDTH), row * ACTION_WIDTH);
    });
    return taken;
  }

  remember(transitions: readonly Transition[]): void {
    this.#learnFrom(transitions);
    this.#steer(transitions);
    const scored = transitions.filter(({ hardness }) => hardness !== null);
    // First makes room: a full memory would overwrite rows of the window.
    this.#windows = this.#windows.slice(1 - WINDOW);
    this.#forget("hardness", ([hardness]) => hardness);
    this.#forget("future", ([, future]) => future);
    this.#memories.get("hardness")?.add(
      scored,
      scored.map(({ hardness }) => hardness ?? 0),
    );
    this.#memories.get("future")?.add(transitions, new Float32Array(transitions.length));
    this.#windows.push([scored.length, transitions.length]);
  }

  /** Drops what is older than the windows. */
  #forget(head: Head, rowsOf: (window: readonly [hardness: number, future: number]) => number): void {
    const memory = this.#memories.get(head);
    const recent = this.#windows.reduce((sum, window) => sum + rowsOf(window), 0);
    memory?.forget(Math.max(0, memory.size - recent));
  }

  #steer(transitions: readonly Transition[]): void {
    const { validityTarget, klBudget } = this.options;
    if (validityTarget === 0 || transitions.length === 0) return;
    const valid = transitions.filter((transition) => transition.valid).length / transitions.length;
    this.#budget = steeredBudget(this.#budget, validityTarget - valid, klBudget);
  }

  async pretrain(
    transitions: readonly Transition[],
    updates: number,
    random: Random,
    progress: (done: number) => void,
  ): Promise<AgentStatistics> {
    this.#learnFrom(transitions);
    const head = this.options.heads === "one" ? "reward" : "validity";
    const losses = new RunningMeans();
    const rates = Array.from({ length: updates }, (_, done) => LEARNING_RATE * (1 - (RATE_DECAY * done) / updates));
    this.#validityRate = rates.at(-1) ?? this.#validityRate;
    await this.#train(head, rates, random, losses, progress);
    return losses.take();
  }

  #learnFrom(transitions: readonly Transition[]): void {
    const feasible = transitions.map(({ valid }) => (valid ? 1 : 0));
    this.#memories.get("validity")?.add(transitions, feasible);
    const whole = transitions.map(({ reward }) => reward);
    this.#memories.get("reward")?.add(transitions, whole);
  }

  async update(updates: number, random: Random): Promise<AgentStatistics> {
    await this.#refreshFuture(random);
    const losses = new RunningMeans();
    // The heads train concurrently, so that one samples while the other computes; each has its own random stream.
    const chains = this.model.heads.map(async (head, _i, heads) => {
      const stream = new Random(random.seed());
      const rate = head === "validity" ? this.#validityRate : LEARNING_RATE;
      if (this.#memories.get(head)?.size === 0) return;
      const count = Math.floor(updates / (head === "reward" ? heads.length : Math.max(2, heads.length)));
      await this.#train(head, new Array<number>(count).fill(rate), stream, losses);
    });
    await Promise.all(chains);
    return { ...this.#seen.take(), ...losses.take() };
  }

  async state(): Promise<Tensors> {
    const { validity, hardness, future, reward } = this.#updates;
    const steered = this.options.validityTarget > 0;
    return toState({
      learner: await this.learner.get(),
      counters: {
        updates: Int32Array.of(validity, hardness, future, reward),
        windows: Int32Array.from(this.#windows.flat()),
      },
      rates: {
        validity: Float32Array.of(this.#validityRate),
        ...(steered && { budget: Float32Array.of(this.#budget) }),
      },
      ...Object.fromEntries([...this.#memories].map(([head, memory]) => [`memory_${head}`, memory.state()])),
    });
  }

  async restore(state: Tensors): Promise<void> {
    const parts = fromState(state);
    const windows = parts.arrays("counters")["windows"] ?? new Int32Array();
    const [validity, hardness, future, reward] = parts.arrays("counters")["updates"] ?? [];
    if (validity === undefined || hardness === undefined || future === undefined || reward === undefined) {
      throw new InputError("the saved agent is not one of kind rls3");
    }
    const variables = parts.tensors("learner");
    checkVariables(this.model, variables);
    for (const [head, memory] of this.#memories) memory.restore(parts.arrays(`memory_${head}`));
    await this.learner.set(variables);
    Object.assign(this.#updates, { validity, hardness, future, reward });
    this.#windows = Array.from({ length: windows.length / 2 }, (_, i) => [at(windows, 2 * i), at(windows, 2 * i + 1)]);
    const rates = parts.arrays("rates");
    this.#validityRate = rates["validity"]?.[0] ?? LEARNING_RATE;
    this.#budget = rates["budget"]?.[0] ?? this.options.klBudget;
    this.#seen = new RunningMeans();
  }

  close(): Promise<void> {
    return this.learner.close();
  }

  /** Updates a head once for each of the learning rates: several per run where they fit, the rest one by one. */
  async #train(
    head: Head,
    rates: readonly number[],
    random: Random,
    losses: RunningMeans,
    progress: (done: number) => void = () => undefined,
  ): Promise<void> {
    const memory = this.#memories.get(head);
    if (memory === undefined) throw new Error(`the agent has no head "${head}"`);
    for (let done = 0; done < rates.length; ) {
      const many = rates.length - done >= updatesInRun(this.model);
      const count = many ? updatesInRun(this.model) : 1;
      const drawn = rates.slice(done, done + count).map((rate) => this.#draw(head, memory, rate, random));
      const feeds = drawn.map((update) => update.feeds);
      const outputs = await (many
        ? this.learner.call(`${head}_many`, stack(feeds))
        : this.learner.call(head, feeds[0] as Tensors));
      const errors = outputOf(outputs, "errors");
      for (const [i, { indices }] of drawn.entries()) {
        memory.update(indices, errors.subarray(i * indices.length, (i + 1) * indices.length));
      }
      losses.add({ [`${head}Loss`]: at(outputOf(outputs, "loss"), 0) }, count);
      done += count;
      progress(done);
    }
  }

  #draw(
    head: Head,
    memory: PlacementMemory,
    rate: number,
    random: Random,
  ): { readonly indices: Int32Array; readonly feeds: Tensors } {
    const { batch } = this.model;
    const correction = annealedCorrection(CORRECTION_START, this.#updates[head]++, this.options.annealingUpdates);
    const { indices, features, targets, weights } = memory.sample(batch, random, correction);
    const feeds = {
      // The next sample overwrites the columns.
      features: float32(features.slice(), [batch, this.model.features]),
      targets: float32(targets.slice(), [batch]),
      weights: float32(weights, [batch]),
      learning_rate: scalar(rate),
    };
    return { indices, feeds };
  }

  /** Q of `proposals` actions for each observation. */
  async #values(
    observations: readonly AgentObservation[],
    actions: Float32Array,
    proposals: number,
  ): Promise<Float64Array> {
    const { extrinsicWeight, discount, world } = this.options;
    const width = this.model.features;
    const calls: Promise<void>[] = [];
    const q = new Float64Array(observations.length * proposals);
    for (let first = 0; first < observations.length; ) {
      const count = CHUNKS.find((chunk) => chunk <= observations.length - first) ?? 1;
      const rows = count * proposals;
      const features = new Float32Array(rows * width);
      for (let i = 0; i < count; i++) {
        const observation = observations[first + i] as AgentObservation;
        writeFeatures(world, observation, actions, (first + i) * proposals, proposals, features, i * proposals * width);
      }
      calls.push(
        this.#valuesOf(
          features,
          rows,
          extrinsicWeight,
          discount,
          q.subarray(first * proposals, (first + count) * proposals),
        ),
      );
      first += count;
    }
    await Promise.all(calls);
    return q;
  }

  async #valuesOf(features: Float32Array, rows: number, beta: number, gamma: number, out: Float64Array): Promise<void> {
    const feeds = { features: float32(features, [rows, this.model.features]) };
    const evaluated = this.model.heads.map(async (head) => {
      return [head, outputOf(await this.learner.call(`evaluate_${head}_${rows}`, feeds), "values")] as const;
    });
    const { validity, hardness, future, reward } = Object.fromEntries(await Promise.all(evaluated)) as Partial<
      Record<Head, Float32Array>
    >;
    for (let i = 0; i < rows; i++) {
      const p = validity?.[i] ?? 0;
      const h = Math.min(this.options.hardnessCap, Math.max(0, hardness?.[i] ?? 0));
      out[i] = (reward?.[i] ?? 2 * p - 1 + p * beta * h) + gamma * (future?.[i] ?? 0);
    }
  }

  /**
   * With γ > 0: once per iteration, computes the soft value of the next observation as the target of the future head.
   */
  async #refreshFuture(random: Random): Promise<void> {
    const memory = this.#memories.get("future");
    if (memory === undefined) return;
    const { proposals } = this.options;
    for (let first = 0; first < memory.size; first += CHUNKS[0]) {
      const ages = Array.from({ length: Math.min(CHUNKS[0], memory.size - first) }, (_, i) => first + i);
      const next = ages.map((age) => memory.nextOf(age));
      const actions = uniformActions(next.length * proposals, random);
      const q = await this.#values(
        next.map(({ observation }) => observation),
        actions,
        proposals,
      );
      softValues(q, proposals, this.#budget).forEach((value, i) => {
        memory.setTarget(first + i, next[i]?.terminated ? 0 : value);
      });
    }
  }
}

function uniformActions(count: number, random: Random): Float32Array {
  const actions = new Float32Array(count * ACTION_WIDTH);
  for (let i = 0; i < actions.length; i++) actions[i] = random.uniform(-1, 1);
  return actions;
}
