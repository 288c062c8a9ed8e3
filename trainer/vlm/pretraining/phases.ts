/**
 * @file Phases of pre-training: each runs a graph over batches under its own learning rate, and starts from the results
 * of the phase before.
 */
import { InputError } from "../../errors.js";
import { type Layout, layoutSize, pack, sizeOf, unpack } from "../../graph/index.js";
import type { Runtime } from "../../graph/runtime.js";
import { Random } from "../../random/random.js";
import { float32, floats, scalar, type Tensors } from "../../tensor.js";
import type { Built } from "../training/program-cache.js";
import { PRETRAINED } from "./step.js";

export interface Schedule {
  readonly steps: number;
  readonly learningRate: number;
}

export interface PretrainingProgress {
  readonly step: number;
  readonly steps: number;
  readonly losses: Readonly<Record<string, number>>;
}

export type OnProgress = (progress: PretrainingProgress) => void;

const WARM_UP = 50;
/** The learning rate decays over this last share of a phase. */
const DECAY_SHARE = 0.3;

function learningRate({ steps, learningRate: rate }: Schedule, step: number): number {
  const left = 1 - (step + 1) / steps;
  return rate * Math.min(1, (step + 1) / WARM_UP) * Math.min(1, left / DECAY_SHARE + 0.01);
}

/** The initial values of a parameter, by its name. */
export type Start = (name: string, shape: readonly number[]) => (random: Random) => number;

/**
 * Initial values for every tensor of a layout. Each has its own random stream, so the values do not depend on the
 * order.
 */
export function initialValues(layout: Layout, start: Start, seed: number, phase: number): Map<string, Float32Array> {
  return new Map(
    layout.map(({ name, shape }) => {
      const draw = start(name, shape);
      const random = Random.stream(seed, "initial", phase, name);
      return [name, Float32Array.from({ length: sizeOf(shape) }, () => draw(random))];
    }),
  );
}

type Values = ReadonlyMap<string, Float32Array>;

/** Each phase starts with a fresh Adam state. */
async function startPhase(runtime: Runtime, layout: Layout, values: Values): Promise<void> {
  const size = layoutSize(layout);
  await runtime.set({
    [PRETRAINED]: float32(
      pack(layout, (name) => values.get(name) ?? new Float32Array()),
      [size],
    ),
    [`${PRETRAINED}.first`]: float32(new Float32Array(size)),
    [`${PRETRAINED}.second`]: float32(new Float32Array(size)),
    [`${PRETRAINED}.step`]: scalar(0),
  });
}

export interface Phase extends Schedule {
  /** The trained parameters. */
  readonly layout: Layout;
  readonly program: () => Built;
  /** The inputs of a step, without its learning rate. */
  readonly batch: (random: Random) => Tensors;
}

export interface PhasesOptions {
  readonly seed: number;
  readonly start: Start;
  /** Whether a phase takes over a parameter from earlier phases. */
  readonly keeps: (name: string) => boolean;
  readonly onProgress?: OnProgress;
}

/**
 * Runs the phases one after another → everything that they have trained. The last phase's parameters stay in the
 * runtime.
 */
export async function runPhases(runtime: Runtime, phases: readonly Phase[], options: PhasesOptions): Promise<Values> {
  const { seed, start, keeps, onProgress } = options;
  const steps = phases.reduce((sum, phase) => sum + phase.steps, 0);
  const values = new Map<string, Float32Array>();
  let done = 0;
  for (const [index, phase] of phases.entries()) {
    const { layout } = phase;
    const fresh = initialValues(layout, start, seed, index);
    await startPhase(runtime, layout, new Map([...fresh, ...[...values].filter(([name]) => keeps(name))]));
    const { model, binding } = phase.program();
    const program = await runtime.load(model, binding);
    const random = Random.stream(seed, "batches", index);
    let fed = phase.batch(random);
    for (let step = 0; step < phase.steps; step++) {
      const running = program.run({ ...fed, learningRate: scalar(learningRate(phase, step)) });
      fed = phase.batch(random);
      const found = await running;
      done++;
      const losses = Object.fromEntries(Object.entries(found).map(([name, { data: own }]) => [name, Number(own[0])]));
      const spoiled = Object.entries(losses).find(([, loss]) => !Number.isFinite(loss));
      if (spoiled !== undefined) {
        throw new InputError(
          `pre-training: ${spoiled[0]} is ${spoiled[1]} at step ${done} of ${steps}: it cannot go on; try another --seed`,
        );
      }
      onProgress?.({ step: done, steps, losses });
    }
    await program.release();
    const trained = unpack(layout, floats(await runtime.get([PRETRAINED]), PRETRAINED));
    for (const [name, value] of trained) values.set(name, value);
  }
  return values;
}
