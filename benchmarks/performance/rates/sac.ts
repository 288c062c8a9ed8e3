/**
 * @file Updates of the agents. The floor is exactly their matrix products as plain MatMuls, in one session with the
 * same threads.
 */
import { matMulFloor, type Product } from "../../../trainer/graph/matmul-floor.js";
import { Random } from "../../../trainer/random/random.js";
import {
  type HeadsModel,
  initialVariables,
  type Model,
  type SacModel,
  updatesInRun,
} from "../../../trainer/sac/models.js";
import { openLearner } from "../../../trainer/sac/open-learner.js";
import { type SacBatch, updateSacMany } from "../../../trainer/sac/sac-updates.js";
import { stack } from "../../../trainer/sac/stack.js";
import type { Tensor, Tensors } from "../../../trainer/tensor.js";
import { type Benchmark, bestOfEach, type Measurement } from "./benchmark.js";

const THREADS = 2;
const BATCH = 256;
const WIDTH = 256;
const OBSERVATION = 40;
const ACTION = 6;
/** Number of features of a placement in the default world (trainer/sac/features.ts). */
const FEATURES = 86;

const random = new Random(1);
const vector = (...dims: number[]): Tensor => ({
  type: "float32",
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.float()),
});
const data = (...dims: number[]): Float32Array => vector(...dims).data as Float32Array;

type Backward = Product["backward"];

/**
 * The products of `networks` equal 2×256 perceptrons, in one batched product or separately. `first` is what the
 * backward pass of the first layer needs, `rest` that of the others.
 */
function perceptron(
  inputs: number,
  outputs: number,
  first: Backward,
  rest: Backward,
  count: number,
  batch = 1,
): Product[] {
  return [
    { m: BATCH, k: inputs, n: WIDTH, backward: first, count, batch },
    { m: BATCH, k: WIDTH, n: WIDTH, backward: rest, count, batch },
    { m: BATCH, k: WIDTH, n: outputs, backward: rest, count, batch },
  ];
}

const Q_INPUTS = OBSERVATION + ACTION;

/** Both critics' products, separate or as one. */
const critics = (backward: readonly [first: Backward, rest: Backward], batch: number): Product[] =>
  perceptron(Q_INPUTS, 1, ...backward, 4 / batch, batch);

/** For two updates: both train the critics; the first one also takes two steps of actor and temperature. */
const sacProducts = (batch: number): readonly Product[] => [
  // Next actions, and the targets' values of them.
  ...perceptron(OBSERVATION, 2 * ACTION, "none", "none", 2),
  ...critics(["none", "none"], batch),
  // The critics.
  ...critics(["weights", "both"], batch),
  // The actor; the critics' values of its actions (their weights get no gradient); and its actions for the last
  // temperature step. Those for the first temperature step use the same products as the second actor step.
  ...perceptron(OBSERVATION, 2 * ACTION, "weights", "both", 2),
  ...critics(["inputs", "inputs"], batch),
  ...perceptron(OBSERVATION, 2 * ACTION, "none", "none", 1),
];

const headProducts = (batch: number): readonly Product[] =>
  perceptron(FEATURES, 1, "weights", "both", 2 / batch, batch);

const SAC: SacModel = {
  kind: "sac",
  convention: "cleanrl",
  observation: OBSERVATION,
  action: ACTION,
  hidden: [WIDTH, WIDTH],
  batch: BATCH,
  rows: [1],
  gamma: 0.99,
  tau: 0.005,
  targetEntropy: -ACTION,
  learningRates: { actor: 3e-4, critic: 1e-3, temperature: 1e-3 },
  policyFrequency: 2,
  actionScale: Array.from({ length: ACTION }, () => 1),
  actionBias: Array.from({ length: ACTION }, () => 0),
  criticLoss: "squared",
};

const HEADS: HeadsModel = {
  kind: "heads",
  features: FEATURES,
  hidden: [WIDTH, WIDTH],
  heads: ["validity", "hardness"],
  batch: BATCH,
  rows: [BATCH],
  loss: "squared",
};

/** With the faster of two floors: the products of two equal networks separately, or as one batched product. */
async function measure(
  model: Model,
  products: (batch: number) => readonly Product[],
  updatesInFloor: number,
  /** As in the agents: several updates per run. */
  update: (call: (name: string, feeds: Tensors) => Promise<Tensors>) => Promise<unknown>,
  variables: Tensors = initialVariables(model, new Random(2)),
): Promise<Measurement> {
  const learner = await openLearner(model, { learner: "onnx", device: "cpu", threads: THREADS });
  const floors = [await matMulFloor(products(1), THREADS), await matMulFloor(products(2), THREADS)] as const;
  try {
    await learner.set(variables);
    const updates = 2 * updatesInRun(model);
    const work = async (): Promise<number> => {
      for (let i = 0; i < updates; i += updatesInRun(model)) await update((name, feeds) => learner.call(name, feeds));
      return updates;
    };
    const [apart, batched] = floors.map((floor) => async (): Promise<number> => {
      for (let i = 0; i < updates; i += updatesInFloor) await floor.run();
      return updates;
    }) as [() => Promise<number>, () => Promise<number>];
    const rates = await bestOfEach([work, apart, batched]);
    const [value = 0, separate = 0, together = 0] = rates;
    const faster = together > separate ? floors[1] : floors[0];
    const flop = faster.gigaFlop / updatesInFloor;
    const note =
      `${flop.toFixed(3)} GFLOP an update; floor of ${updatesInFloor} ${updatesInFloor === 1 ? "update" : "updates"}: ` +
      `${separate.toFixed(0)}/s each network by itself, ${together.toFixed(0)}/s batched`;
    return { value, floor: Math.max(separate, together), note, shapes: faster.shapes };
  } finally {
    await learner.close();
    for (const floor of floors) await floor.close();
  }
}

const sacUpdates = (observations: Float32Array, variables?: Tensors): Promise<Measurement> => {
  const batch = {
    observations,
    nextObservations: data(BATCH, OBSERVATION),
    actions: data(BATCH, ACTION),
    rewards: data(BATCH),
    terminated: new Float32Array(BATCH),
    weights: new Float32Array(BATCH).fill(1),
  };
  const batches = new Array<SacBatch>(updatesInRun(SAC)).fill(batch);
  return measure(SAC, sacProducts, 2, (call) => updateSacMany({ call }, SAC, batches, random), variables);
};

/**
 * As late in a training: half of the observation has been 0 for a thousand updates, so the moments of its weights have
 * decayed to denormal numbers.
 */
function measureLateSac(): Promise<Measurement> {
  const observations = data(BATCH, OBSERVATION).map((value, i) => (i % 2 === 0 ? value : 0));
  const variables = Object.entries(initialVariables(SAC, new Random(2))).map(([name, variable]) => [
    name,
    name.endsWith(".first") ? { ...variable, data: new Float32Array(variable.data.length).fill(1e-40) } : variable,
  ]);
  return sacUpdates(observations, Object.fromEntries(variables));
}

async function measureHeads(): Promise<Measurement> {
  const feeds: Tensors = {
    features: vector(BATCH, FEATURES),
    targets: vector(BATCH),
    weights: vector(BATCH),
    learning_rate: { type: "float32", dims: [], data: Float32Array.of(1e-4) },
  };
  const updates = new Array<Tensors>(updatesInRun(HEADS)).fill(feeds);
  // Both heads' updates run at the same time, as in the agent.
  return measure(HEADS, headProducts, 1, (call) =>
    Promise.all(HEADS.heads.map((head) => call(`${head}_many`, stack(updates)))),
  );
}

export const benchmarks: readonly Benchmark[] = [
  { name: "sac.update", counts: "updates", measure: () => sacUpdates(data(BATCH, OBSERVATION)) },
  { name: "sac.update.late", counts: "updates", measure: measureLateSac },
  { name: "agent.update", counts: "updates of both heads", measure: measureHeads },
];
