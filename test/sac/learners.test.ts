/** @file From the same weights, batches and noise, both learners agree over a hundred updates at 2×256. */
import { describe, expect, test } from "vitest";
import { Random } from "../../trainer/random/random.js";
import { ACTION_WIDTH, observationWidth, writeObservation } from "../../trainer/sac/agent-world.js";
import { LEARNERS, type Learner, type LearnerKind, outputOf } from "../../trainer/sac/learner.js";
import {
  type HeadsModel,
  initialVariables,
  type Model,
  type SacModel,
  updatesInRun,
} from "../../trainer/sac/models.js";
import { openLearner } from "../../trainer/sac/open-learner.js";
import { actSac, type SacBatch, updateSac, updateSacMany } from "../../trainer/sac/sac-updates.js";
import { stack } from "../../trainer/sac/stack.js";
import type { Tensor, Tensors } from "../../trainer/tensor.js";
import { drawObservation, world } from "./world.js";

const UPDATES = 100;
const BATCH = 64;
const WIDTH = 12;
const ACTION = 3;
const SHARE = 0.01;

const sac = (convention: SacModel["convention"]): SacModel => ({
  kind: "sac",
  convention,
  observation: WIDTH,
  action: ACTION,
  hidden: [256, 256],
  batch: BATCH,
  rows: [BATCH],
  gamma: 0.99,
  tau: 0.005,
  targetEntropy: -ACTION,
  learningRates: { actor: 3e-4, critic: 1e-3, temperature: 1e-3 },
  policyFrequency: 2,
  actionScale: [1, 1, 1],
  actionBias: [0, 0, 0],
  criticLoss: "squared",
});

const heads: HeadsModel = {
  kind: "heads",
  features: WIDTH,
  hidden: [256, 256],
  heads: ["validity", "hardness"],
  batch: BATCH,
  rows: [BATCH],
  loss: "squared",
};

const draw = (count: number, random: Random): Float32Array =>
  Float32Array.from({ length: count }, () => random.normal());
const tensor = (data: Float32Array, ...dims: number[]): Tensor => ({ type: "float32", dims, data });

async function withLearner<T>(model: Model, learner: LearnerKind, use: (learner: Learner) => Promise<T>): Promise<T> {
  const opened = await openLearner(model, { learner, device: "cpu", threads: 1 });
  try {
    await opened.set(initialVariables(model, new Random(1)));
    return await use(opened);
  } finally {
    await opened.close();
  }
}

async function onBoth<T>(model: Model, use: (learner: Learner) => Promise<T>): Promise<[onnx: T, tfjs: T]> {
  return Promise.all([withLearner(model, "onnx", use), withLearner(model, "tfjs", use)]);
}

const meanSize = (values: Float32Array): number =>
  values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;

/** Each value agrees within 1 % of its size, or of `scale` where it is smaller. */
function expectTogether(what: string, a: Float32Array, b: Float32Array, scale = meanSize(a)): void {
  const shares = a.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) / Math.max(scale, Math.abs(value)));
  expect(a).toHaveLength(b.length);
  expect(meanSize(a)).toBeGreaterThan(0.01);
  expect(Math.max(...shares), what).toBeLessThan(SHARE);
}

/** Q and modes on a fixed batch after the updates. */
async function trainSac(
  model: SacModel,
  learner: Learner,
): Promise<{ q1: Float32Array; q2: Float32Array; modes: Float32Array }> {
  const random = new Random(2);
  for (let update = 0; update < UPDATES; update++) {
    const observations = draw(BATCH * WIDTH, random);
    const batch = {
      observations,
      nextObservations: draw(BATCH * WIDTH, random),
      actions: draw(BATCH * ACTION, random).map(Math.tanh),
      rewards: Float32Array.from({ length: BATCH }, (_, i) => 2 + (observations[i * WIDTH] ?? 0)),
      terminated: Float32Array.from({ length: BATCH }, () => random.below(5) / 4),
      weights: Float32Array.from({ length: BATCH }, () => random.uniform(0.2, 1)),
    };
    await updateSac(learner, model, batch, update, random);
  }
  const observations = draw(BATCH * WIDTH, random);
  const feeds: Tensors = {
    observations: tensor(observations, BATCH, WIDTH),
    actions: tensor(draw(BATCH * ACTION, random).map(Math.tanh), BATCH, ACTION),
  };
  const values = await learner.call("evaluate", feeds);
  const modes = await actSac(learner, model, observations, BATCH);
  return { q1: outputOf(values, "q1"), q2: outputOf(values, "q2"), modes };
}

test("with the object-centric view onnxruntime and tensorflow.js agree after 20 updates", async () => {
  const model: SacModel = {
    ...sac("cleanrl"),
    observation: observationWidth(world),
    action: ACTION_WIDTH,
    actionScale: Array.from({ length: ACTION_WIDTH }, () => 1),
    actionBias: Array.from({ length: ACTION_WIDTH }, () => 0),
    hidden: [32, 32],
    view: world,
  };
  const observed = (random: Random): Float32Array => {
    const rows = new Float32Array(BATCH * model.observation);
    for (let row = 0; row < BATCH; row++)
      writeObservation(world, drawObservation(random), rows, row * model.observation);
    return rows;
  };
  const [onnx, tfjs] = await onBoth(model, async (learner) => {
    const random = new Random(2);
    for (let update = 0; update < 20; update++) {
      const batch = {
        observations: observed(random),
        nextObservations: observed(random),
        actions: Float32Array.from({ length: BATCH * ACTION_WIDTH }, () => random.uniform(-1, 1)),
        rewards: draw(BATCH, random),
        terminated: new Float32Array(BATCH),
        weights: new Float32Array(BATCH).fill(1),
      };
      await updateSac(learner, model, batch, update, random);
    }
    return actSac(learner, model, observed(random), BATCH);
  });
  expectTogether("modes", onnx, tfjs, 1);
});

describe.each(["cleanrl", "sb3"] as const)("SAC, %s", (convention) => {
  test("onnxruntime and tensorflow.js have the same Q and the same policy after 100 updates", async () => {
    const model = sac(convention);
    const [onnx, tfjs] = await onBoth(model, (learner) => trainSac(model, learner));
    expectTogether("q1", onnx.q1, tfjs.q1);
    expectTogether("q2", onnx.q2, tfjs.q2);
    // Actions are in [−1, 1].
    expectTogether("modes", onnx.modes, tfjs.modes, 1);
  });
});

/** The errors, and the variables afterwards. */
async function learned(learner: Learner, errors: readonly Float32Array[]): Promise<Tensors> {
  return { errors: tensor(Float32Array.from(errors.flatMap((own) => [...own]))), ...(await learner.get()) };
}

function expectClose(one: Tensors, other: Tensors, within: number): void {
  expect(Object.keys(other).sort()).toEqual(Object.keys(one).sort());
  for (const [name, { data }] of Object.entries(one)) {
    const others = other[name]?.data as Float32Array;
    expect(others.length, name).toBe(data.length);
    const most = Math.max(...(data as Float32Array).map((value, i) => Math.abs(value - (others[i] ?? Number.NaN))));
    expect(most, name).toBeLessThan(within);
  }
}

describe.each(LEARNERS)("%s: many updates in one run equal those updates one after another", (kind) => {
  test("of SAC", async () => {
    const model: SacModel = { ...sac("cleanrl"), hidden: [16, 16], batch: 8, rows: [1] };
    const batches = Array.from({ length: updatesInRun(model) }, (_, i): SacBatch => {
      const random = new Random(i);
      return {
        observations: draw(8 * WIDTH, random),
        nextObservations: draw(8 * WIDTH, random),
        actions: draw(8 * ACTION, random),
        rewards: draw(8, random),
        terminated: Float32Array.from({ length: 8 }, (_, row) => row % 2),
        weights: Float32Array.from({ length: 8 }, () => random.float()),
      };
    });
    let inRun: Tensors = {};
    const together = await withLearner(model, kind, async (learner) => {
      const call: Learner["call"] = (name, feeds) => {
        inRun = feeds;
        return learner.call(name, feeds);
      };
      return learned(learner, [(await updateSacMany({ call }, model, batches, new Random(5))).errors]);
    });
    const apart = await withLearner(model, kind, async (learner) => {
      const errors: Float32Array[] = [];
      for (const i of batches.keys()) {
        // The same noise as in that run; the actor's for every other update.
        const turn = i % model.policyFrequency === 0;
        const feeds = Object.entries(inRun).flatMap(([name, { data, dims }]): [string, Tensor][] => {
          const size = data.length / batches.length;
          const part = (count: number): Float32Array => (data as Float32Array).slice(i * size, (i + count) * size);
          if (!/policy|temperature/.test(name)) return [[name, tensor(part(1), ...dims.slice(1))]];
          return turn ? [[name, tensor(part(2), 2, ...dims.slice(1))]] : [];
        });
        const outputs = await learner.call(turn ? "update_actor" : "update", Object.fromEntries(feeds));
        errors.push(outputOf(outputs, "errors"));
      }
      return learned(learner, errors);
    });
    expectClose(apart, together, 1e-5);
  });

  test("of a head, each with its own rate", async () => {
    const model: HeadsModel = { ...heads, hidden: [16, 16], batch: 8 };
    const random = new Random(5);
    const feeds = Array.from({ length: updatesInRun(model) }, (_, i) => ({
      features: tensor(draw(8 * WIDTH, random), 8, WIDTH),
      targets: tensor(new Float32Array(8).fill(i % 2), 8),
      weights: tensor(new Float32Array(8).fill(0.7), 8),
      learning_rate: tensor(Float32Array.of(1e-3 * (i + 1))),
    }));
    const apart = await withLearner(model, kind, async (learner) => {
      const errors: Float32Array[] = [];
      for (const own of feeds) errors.push(outputOf(await learner.call("hardness", own), "errors"));
      return learned(learner, errors);
    });
    const together = await withLearner(model, kind, async (learner) =>
      learned(learner, [outputOf(await learner.call("hardness_many", stack(feeds)), "errors")]),
    );
    expectClose(apart, together, 1e-5);
  });
});

test("the heads of the object-centric agent agree after 100 updates", async () => {
  const train = async (learner: Learner): Promise<Float32Array[]> => {
    const random = new Random(3);
    const errors: Float32Array[] = [];
    for (let update = 0; update < UPDATES; update++) {
      const features = draw(BATCH * WIDTH, random);
      for (const head of heads.heads) {
        const targets = Float32Array.from({ length: BATCH }, (_, i) => ((features[i * WIDTH] ?? 0) > 0 ? 1 : 0));
        const feeds = {
          features: tensor(features, BATCH, WIDTH),
          targets: tensor(targets, BATCH),
          weights: tensor(new Float32Array(BATCH).fill(0.7), BATCH),
          learning_rate: tensor(Float32Array.of(1e-3)),
        };
        errors.push(outputOf(await learner.call(head, feeds), "errors"));
      }
    }
    const feeds = { features: tensor(draw(BATCH * WIDTH, random), BATCH, WIDTH) };
    const values = [];
    for (const head of heads.heads)
      values.push(outputOf(await learner.call(`evaluate_${head}_${BATCH}`, feeds), "values"));
    const mean = (own: Float32Array | undefined): number =>
      (own ?? draw(1, random)).reduce((sum, e) => sum + e, 0) / BATCH;
    expect(mean(errors.at(-2))).toBeLessThan(0.5 * mean(errors[0]));
    return values;
  };
  const [onnx, tfjs] = await onBoth(heads, train);
  onnx.forEach((values, i) => {
    expectTogether(heads.heads[i] ?? "", values, tfjs[i] ?? values.slice(0, 0));
  });
});

test("heads on separate threads learn the same as on one, to the bit", async () => {
  const small: HeadsModel = { ...heads, hidden: [16, 16] };
  const train = async (threads: number) => {
    const learner = await openLearner(small, { learner: "onnx", device: "cpu", threads });
    try {
      await learner.set(initialVariables(small, new Random(1)));
      const random = new Random(3);
      for (let update = 0; update < 10; update++) {
        const feeds = {
          features: tensor(draw(BATCH * WIDTH, random), BATCH, WIDTH),
          targets: tensor(new Float32Array(BATCH).fill(1), BATCH),
          weights: tensor(new Float32Array(BATCH).fill(0.7), BATCH),
          learning_rate: tensor(Float32Array.of(1e-3)),
        };
        await Promise.all(small.heads.map((head) => learner.call(head, feeds)));
      }
      await expect(learner.call("no such function", {})).rejects.toThrow(
        'the model has no function "no such function"',
      );
      return await learner.get();
    } finally {
      await learner.close();
    }
  };
  const [one, two] = [await train(1), await train(2)];
  expect(Object.keys(two).sort()).toEqual(Object.keys(one).sort());
  expect(two).toEqual(one);
});

test("the tensorflow.js learner says which backend it found, and why no faster one", async () => {
  const description = await withLearner(heads, "tfjs", async (learner) => learner.description);
  expect(description).toMatch(
    /^tensorflow\.js, (wasm \(.*tfjs-node-gpu: .+; .*tfjs-node: .+\)|@tensorflow\/tfjs-node)/,
  );
});

test.each(LEARNERS)("%s: an invalid call is an error, and the learner goes on", async (kind) => {
  await withLearner(heads, kind, async (learner) => {
    await expect(learner.call("nothing", {})).rejects.toThrow(/no function "nothing"/);
    await expect(learner.call("validity", {})).rejects.toThrow();
    expect(Object.keys(await learner.get())).toContain("validity.step");
  });
});
