/**
 * @file Soft actor-critic in tensorflow.js. onnx/sac.ts has the same updates as graphs; compare the two side by side.
 */
import * as tf from "@tensorflow/tfjs-core";
import { at } from "../../at.js";
import { actorLayers, CORRECTION, criticLayers, LOG_STD, type SacModel, updatesInRun } from "../models.js";
import { actorView, criticView, type Operations } from "../placement-view.js";
import { type Feeds, type Functions, feed, type Outputs, regressionLoss } from "./heads.js";
import {
  adam,
  element,
  flatten,
  layerTensors,
  mean,
  perceptron,
  polyak,
  toColumns,
  together,
  twinPerceptron,
  twinTensors,
  type Variables,
} from "./networks.js";

const OPERATIONS: Operations<tf.Tensor> = {
  columns: (x, first, end) => tf.slice(x, [0, first], [at(x.shape, 0), end - first]),
  join: (parts) => tf.concat([...parts], 1),
  add: (a, b) => tf.add(a, b),
  multiply: (a, b) => tf.mul(a, b),
  project: (x, matrix) => tf.matMul(x as tf.Tensor2D, tf.tensor2d(matrix.map((row) => [...row]))),
  clip: (x, low, high) => tf.clipByValue(x, low, high),
  abs: (x) => tf.abs(x),
  sin: (x) => tf.sin(x),
  cos: (x) => tf.cos(x),
};

interface Draw {
  readonly mean: tf.Tensor;
  readonly logStd: tf.Tensor;
  readonly action: tf.Tensor;
  /** [rows] */
  readonly logProb: tf.Tensor;
}

/** 1 − tanh²(u), precise where tanh is near ±1 (see onnx/sac.ts). */
function tanhSlope(u: tf.Tensor): tf.Tensor {
  const decay = tf.exp(tf.mul(tf.abs(u), -2));
  const sum = tf.add(decay, 1);
  return tf.div(tf.mul(decay, 4), tf.mul(sum, sum));
}

/** The results of a step under the names of golden/sac; the learner's variables hold the state that it changes. */
interface Moved {
  readonly loss: Readonly<Outputs>;
  /** Intermediate values, and gradients as `gradient.VARIABLE`. */
  readonly seen: Readonly<Outputs>;
}

const numbered = (values: Readonly<Outputs>, i: number): Outputs =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${name}.${i}`, value]));

interface SacLearner {
  readonly model: SacModel;
  readonly variables: Variables;
}

export function sacFunctions(model: SacModel, variables: Variables): Functions {
  const learner = { model, variables };
  const act = (feeds: Feeds): Outputs => ({
    actions: policy(model, feed(feeds, "observations"), actorParameters(learner), feed(feeds, "noise")).action,
  });
  return {
    update: (feeds) => update(learner, feeds, false),
    ...(model.convention === "cleanrl"
      ? {
          update_actor: (feeds: Feeds) => update(learner, feeds, true),
          update_many: (feeds: Feeds) => updateMany(learner, feeds),
        }
      : {}),
    ...Object.fromEntries(model.rows.map((rows) => [`act_${rows}`, act])),
    evaluate: (feeds) => {
      const critics = criticParameters(learner, "critics");
      const [q1, q2] = values(model, critics, feed(feeds, "observations"), feed(feeds, "actions"));
      return { q1, q2 };
    },
  };
}

const actorParameters = ({ model, variables }: SacLearner): tf.Tensor[] =>
  layerTensors(variables.get("actor"), actorLayers(model));

const criticParameters = ({ model, variables }: SacLearner, name: "critics" | "targets"): tf.Tensor[] =>
  twinTensors(variables.get(name), criticLayers(model));

/** An action and its log probability, for noise drawn from N(0, 1). */
function policy(model: SacModel, observations: tf.Tensor, parameters: readonly tf.Tensor[], noise: tf.Tensor): Draw {
  const cleanrl = model.convention === "cleanrl";
  const { low, high } = LOG_STD[model.convention];
  const seen = model.view === undefined ? observations : actorView(OPERATIONS, model.view, observations);
  const [average, raw] = toColumns(perceptron(seen, parameters), [model.action, model.action]);
  const logStd = cleanrl
    ? tf.add(tf.mul(tf.add(tf.tanh(raw), 1), (high - low) / 2), low)
    : tf.clipByValue(raw, low, high);
  const drawn = tf.add(average, tf.mul(tf.exp(logStd), noise));
  const squashed = tf.tanh(drawn);
  const slope = tanhSlope(drawn);
  const scale = tf.tensor1d([...model.actionScale]);
  const correction = tf.log(tf.add(cleanrl ? tf.mul(scale, slope) : slope, CORRECTION));
  const density = tf.add(tf.add(tf.mul(tf.mul(noise, noise), 0.5), logStd), 0.5 * Math.log(2 * Math.PI));
  return {
    mean: average,
    logStd,
    action: tf.add(tf.mul(squashed, scale), tf.tensor1d([...model.actionBias])),
    logProb: tf.neg(tf.sum(tf.add(density, correction), 1)),
  };
}

/** Both critics' values, [rows] each. */
function values(
  model: SacModel,
  parameters: readonly tf.Tensor[],
  observations: tf.Tensor,
  actions: tf.Tensor,
): [tf.Tensor, tf.Tensor] {
  const x =
    model.view === undefined
      ? tf.concat([observations, actions], 1)
      : criticView(OPERATIONS, model.view, observations, actions);
  const q = twinPerceptron(x, parameters);
  return [0, 1].map((critic) => tf.reshape(tf.slice(q, [critic, 0, 0], [1, -1, -1]), [-1])) as [tf.Tensor, tf.Tensor];
}

const alphaOf = ({ variables }: SacLearner): number => Math.exp(at(variables.get("temperature").dataSync(), 0));

function update(learner: SacLearner, feeds: Feeds, withActor: boolean): Outputs {
  const { model, variables } = learner;
  const { loss, seen } =
    model.convention === "cleanrl" ? cleanrlUpdate(learner, feeds, withActor) : sb3Update(learner, feeds);
  polyak(variables, "targets", "critics", model.tau);
  return { ...(model.trace ? seen : { errors: seen["errors"] as tf.Tensor }), ...loss };
}

/** Updates the critics; every `policyFrequency` updates also actor and temperature, with that many steps. */
function cleanrlUpdate(learner: SacLearner, feeds: Feeds, withActor: boolean): Moved {
  const { model } = learner;
  let { loss, seen } = criticStep(learner, feeds, alphaOf(learner));
  for (let i = 0; withActor && i < model.policyFrequency; i++) {
    const actor = actorStep(learner, feeds, alphaOf(learner), element(feed(feeds, "noise_policy"), i));
    const noise = element(feed(feeds, "noise_temperature"), i);
    const fresh = policy(model, feed(feeds, "observations"), actorParameters(learner), noise);
    const temperature = temperatureStep(learner, fresh.logProb);
    const turn = { ...actor.loss, ...temperature.loss, ...actor.seen, ...temperature.seen };
    loss = { ...loss, ...actor.loss, ...temperature.loss };
    // Record gradients of the first step only, everything else of every step.
    seen = { ...turn, ...seen, ...numbered({ ...turn, log_pi_for_alpha: fresh.logProb }, i) };
  }
  return { loss, seen };
}

/** Updates temperature, critics and actor, all three with the old temperature. */
function sb3Update(learner: SacLearner, feeds: Feeds): Moved {
  const alpha = alphaOf(learner);
  const noise = feed(feeds, "noise_policy");
  const { logProb } = policy(learner.model, feed(feeds, "observations"), actorParameters(learner), noise);
  const temperature = temperatureStep(learner, logProb);
  const critics = criticStep(learner, feeds, alpha);
  const actor = actorStep(learner, feeds, alpha, noise);
  return {
    loss: { ...temperature.loss, ...critics.loss, ...actor.loss },
    seen: { ...temperature.seen, ...critics.seen, ...actor.seen },
  };
}

/** One update after another. */
function updateMany(learner: SacLearner, feeds: Feeds): Outputs {
  const { model } = learner;
  const { policyFrequency } = model;
  const each = Array.from({ length: updatesInRun(model) }, (_, i) => {
    const elements = Object.entries(feeds).map(([name, all]): [string, tf.Tensor] =>
      name === "noise_policy" || name === "noise_temperature"
        ? [name, tf.slice(all, i, policyFrequency)]
        : [name, element(all, i)],
    );
    return update(learner, Object.fromEntries(elements), i % policyFrequency === 0);
  });
  return together(each);
}

function criticStep(learner: SacLearner, feeds: Feeds, alpha: number): Moved {
  const { model, variables } = learner;
  const next = policy(model, feed(feeds, "next_observations"), actorParameters(learner), feed(feeds, "noise_next"));
  const [next1, next2] = values(
    model,
    criticParameters(learner, "targets"),
    feed(feeds, "next_observations"),
    next.action,
  );
  const future = tf.sub(tf.minimum(next1, next2), tf.mul(next.logProb, alpha));
  const alive = tf.mul(tf.sub(1, feed(feeds, "terminated")), model.gamma);
  const y = tf.add(feed(feeds, "rewards"), tf.mul(alive, future));
  const before = criticParameters(learner, "critics");
  const both = (parameters: readonly tf.Tensor[]) =>
    values(model, parameters, feed(feeds, "observations"), feed(feeds, "actions"));
  const { value: loss, grads } = tf.valueAndGrads((...parameters: tf.Tensor[]) => {
    const [q1, q2] = both(parameters).map((q) =>
      mean(tf.mul(feed(feeds, "weights"), regressionLoss(tf.sub(q, y), model.criticLoss))),
    ) as [tf.Scalar, tf.Scalar];
    return tf.mul<tf.Scalar>(tf.add(q1, q2), model.convention === "cleanrl" ? 1 : 0.5);
  })(before);
  const [q1, q2] = both(before);
  const [td1, td2] = [tf.abs(tf.sub(q1, y)), tf.abs(tf.sub(q2, y))];
  const gradient = flatten(grads);
  adam(variables, "critics", gradient, model.learningRates.critic);
  return {
    loss: { critic_loss: loss },
    seen: {
      ...{ next_actions: next.action, next_log_prob: next.logProb, next_q1: next1, next_q2: next2 },
      ...{ y, q1, q2, td1, td2, errors: tf.mul(tf.add(td1, td2), 0.5), "gradient.critics": gradient },
    },
  };
}

function actorStep(learner: SacLearner, feeds: Feeds, alpha: number, noise: tf.Tensor): Moved {
  const { model, variables } = learner;
  const observations = feed(feeds, "observations");
  const critics = criticParameters(learner, "critics");
  const before = actorParameters(learner);
  const { value: loss, grads } = tf.valueAndGrads((...parameters: tf.Tensor[]) => {
    const { action, logProb } = policy(model, observations, parameters, noise);
    const [q1, q2] = values(model, critics, observations, action);
    return mean(tf.sub(tf.mul(logProb, alpha), tf.minimum(q1, q2)));
  })(before);
  const draw = policy(model, observations, before, noise);
  const [q1, q2] = values(model, critics, observations, draw.action);
  const gradient = flatten(grads);
  adam(variables, "actor", gradient, model.learningRates.actor);
  return {
    loss: { actor_loss: loss },
    seen: {
      ...{ pi: draw.action, log_pi: draw.logProb, mean: draw.mean, log_std: draw.logStd },
      ...{ q1_pi: q1, q2_pi: q2, "gradient.actor": gradient },
    },
  };
}

function temperatureStep({ model, variables }: SacLearner, logProb: tf.Tensor): Moved {
  const cleanrl = model.convention === "cleanrl";
  const logAlpha = variables.get("temperature");
  const excess = mean(tf.add(logProb, model.targetEntropy));
  // d/d log α of −α·(log π + H) and of −log α·(log π + H), means over the batch.
  const factor = cleanrl ? tf.exp(logAlpha) : tf.onesLike(logAlpha);
  const gradient = tf.neg(tf.mul(factor, excess));
  const loss = tf.neg(tf.mul(cleanrl ? factor : logAlpha, excess));
  adam(variables, "temperature", gradient, model.learningRates.temperature);
  return {
    loss: { temperature_loss: loss, alpha: tf.exp(variables.get("temperature")) },
    seen: { "gradient.temperature": gradient },
  };
}
