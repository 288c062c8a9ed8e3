/** @file SAC's schedule, for any environment: which update is due, and the noise that it needs. */

import { at } from "../at.js";
import type { Random } from "../random/random.js";
import { float32, type Tensor, type Tensors } from "../tensor.js";
import { type Learner, outputOf } from "./learner.js";
import type { SacModel } from "./models.js";
import { stack } from "./stack.js";

export interface SacBatch {
  readonly observations: Float32Array;
  readonly nextObservations: Float32Array;
  readonly actions: Float32Array;
  readonly rewards: Float32Array;
  readonly terminated: Float32Array;
  readonly weights: Float32Array;
}

export interface SacOutcome {
  /** Mean of both critics' |TD| for each row. */
  readonly errors: Float32Array;
  readonly statistics: Readonly<Record<string, number>>;
}

function noise(dims: readonly number[], random: Random): Tensor {
  const data = new Float32Array(dims.reduce((product, length) => product * length, 1));
  random.fillNormal(data);
  return float32(data, dims);
}

/** Update number `count` (from 0); in the cleanrl convention, the actor is updated every `policyFrequency` updates. */
export async function updateSac(
  learner: Pick<Learner, "call">,
  model: SacModel,
  batch: SacBatch,
  count: number,
  random: Random,
): Promise<SacOutcome> {
  const { batch: rows, action, convention, policyFrequency } = model;
  const cleanrl = convention === "cleanrl";
  const withActor = cleanrl && count % policyFrequency === 0;
  const feeds: Tensors = {
    ...batchTensors(model, batch),
    noise_next: noise([rows, action], random),
    ...(cleanrl ? {} : { noise_policy: noise([rows, action], random) }),
    ...(withActor
      ? {
          noise_policy: noise([policyFrequency, rows, action], random),
          noise_temperature: noise([policyFrequency, rows, action], random),
        }
      : {}),
  };
  return outcomeOf(await learner.call(withActor ? "update_actor" : "update", feeds));
}

/** `updatesInRun` updates in one run; starts at an update that includes the actor (cleanrl). */
export async function updateSacMany(
  learner: Pick<Learner, "call">,
  model: SacModel,
  batches: readonly SacBatch[],
  random: Random,
): Promise<SacOutcome> {
  const shape = [batches.length, model.batch, model.action];
  const outputs = await learner.call("update_many", {
    ...stack(batches.map((batch) => batchTensors(model, batch))),
    noise_next: noise(shape, random),
    noise_policy: noise(shape, random),
    noise_temperature: noise(shape, random),
  });
  return outcomeOf(outputs);
}

function batchTensors({ batch: rows, action, observation }: SacModel, batch: SacBatch): Tensors {
  return {
    observations: float32(batch.observations, [rows, observation]),
    next_observations: float32(batch.nextObservations, [rows, observation]),
    actions: float32(batch.actions, [rows, action]),
    rewards: float32(batch.rewards, [rows]),
    terminated: float32(batch.terminated, [rows]),
    weights: float32(batch.weights, [rows]),
  };
}

function outcomeOf(outputs: Tensors): SacOutcome {
  const { errors: _, ...scalars } = outputs;
  const statistics = Object.keys(scalars).map((name) => [name, at(outputOf(outputs, name), 0)]);
  return { errors: outputOf(outputs, "errors"), statistics: Object.fromEntries(statistics) };
}

/** Actions for `rows` observations: drawn from the policy with `random`, or its modes without. */
export async function actSac(
  learner: Pick<Learner, "call">,
  model: SacModel,
  observations: Float32Array,
  rows: number,
  random?: Random,
): Promise<Float32Array> {
  const dims = [rows, model.action];
  const outputs = await learner.call(`act_${rows}`, {
    observations: float32(observations, [rows, model.observation]),
    noise: random === undefined ? float32(new Float32Array(rows * model.action), dims) : noise(dims, random),
  });
  return outputOf(outputs, "actions");
}
