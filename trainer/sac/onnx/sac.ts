/**
 * @file Soft actor-critic as ONNX graphs: one run is one complete update. tfjs/sac.ts has the same updates by automatic
 * differentiation; compare the two side by side.
 */

import { at, only } from "../../at.js";
import {
  type AdamState,
  abs,
  adam,
  adamVariables,
  add,
  assignAdam,
  clip,
  concat,
  cos,
  divide,
  exp,
  Graph,
  gradients,
  log,
  matMul,
  mean,
  minimum,
  multiply,
  negate,
  polyak,
  reshape,
  sin,
  slice,
  split,
  square,
  stopGradient,
  subtract,
  sum,
  tanh,
  type Value,
} from "../../graph/index.js";
import { parameterCount } from "../layout.js";
import { ADAM, actorLayers, CORRECTION, criticLayers, LOG_STD, type SacModel, updatesInRun } from "../models.js";
import { actorView, criticView, type Operations } from "../placement-view.js";
import { element, layerTensors, meanOf, perceptron, regressionLoss, together, twinPerceptron } from "./networks.js";

const OPERATIONS: Operations<Value> = {
  columns: (x, first, end) => slice(x, 1, first, end),
  join: (parts) => concat(parts, 1),
  add,
  multiply,
  project: (x, matrix) =>
    matMul(x, x.graph.constant(Float32Array.from(matrix.flat()), [matrix.length, at(matrix, 0).length])),
  clip,
  abs,
  sin,
  cos,
};

interface Draw {
  readonly mean: Value;
  readonly logStd: Value;
  readonly action: Value;
  /** [rows] */
  readonly logProb: Value;
}

/** The variables that updates change. */
interface State {
  readonly actor: AdamState;
  readonly critics: AdamState;
  /** log α */
  readonly temperature: AdamState;
  /** The critics' parameters as a slow moving average. */
  readonly targets: Value;
}

/** Values under the names of golden/sac. */
type Named = Readonly<Record<string, Value>>;

/** The result of a step, or of a whole update. */
interface Moved {
  readonly state: State;
  readonly loss: Named;
  /** Intermediate values, and gradients as `gradient.VARIABLE`. */
  readonly seen: Named;
}

interface Batch {
  readonly observations: Value;
  readonly next_observations: Value;
  readonly actions: Value;
  readonly rewards: Value;
  readonly terminated: Value;
  readonly weights: Value;
}

/** Each function of the model, and how to build its graph. */
export function sacGraphs(model: SacModel): Map<string, () => Graph> {
  return new Map([
    ["update", () => updateGraph(model, model.convention === "sb3")],
    ...(model.convention === "cleanrl"
      ? ([
          ["update_actor", () => updateGraph(model, true)],
          ["update_many", () => manyGraph(model)],
        ] as const)
      : []),
    ...model.rows.map((rows) => [`act_${rows}`, () => actGraph(model, rows)] as const),
    ["evaluate", () => evaluateGraph(model)],
  ]);
}

/** 1 − tanh²(u) as 4·e^(−2|u|) / (1 + e^(−2|u|))², which stays precise where tanh is near ±1. */
function tanhSlope(u: Value): Value {
  const decay = exp(multiply(abs(u), -2));
  return divide(multiply(decay, 4), square(add(decay, 1)));
}

/** An action and its log probability, for noise drawn from N(0, 1). */
function policy(model: SacModel, observations: Value, actor: Value, noise: Value): Draw {
  const cleanrl = model.convention === "cleanrl";
  const { low, high } = LOG_STD[model.convention];
  const { graph } = observations;
  const seen = model.view === undefined ? observations : actorView(OPERATIONS, model.view, observations);
  const output = perceptron(seen, layerTensors(actor, actorLayers(model)));
  const average = slice(output, 1, 0, model.action);
  const raw = slice(output, 1, model.action, 2 * model.action);
  const logStd = cleanrl ? add(multiply(add(tanh(raw), 1), (high - low) / 2), low) : clip(raw, low, high);
  const drawn = add(average, multiply(exp(logStd), noise));
  const squashed = tanh(drawn);
  const slope = tanhSlope(drawn);
  const scale = graph.constant(Float32Array.from(model.actionScale), [1, model.action]);
  const bias = graph.constant(Float32Array.from(model.actionBias), [1, model.action]);
  const correction = log(add(cleanrl ? multiply(slope, scale) : slope, CORRECTION));
  const density = add(add(multiply(square(noise), 0.5), logStd), 0.5 * Math.log(2 * Math.PI));
  return {
    mean: average,
    logStd,
    action: add(multiply(squashed, scale), bias),
    logProb: negate(sum(add(density, correction), 1)),
  };
}

/** Both critics' values, [2, rows]. */
function values(model: SacModel, critics: Value, observations: Value, actions: Value): Value {
  const x =
    model.view === undefined ? [observations, actions] : [criticView(OPERATIONS, model.view, observations, actions)];
  const q = twinPerceptron(x, critics, criticLayers(model));
  return reshape(q, q.shape.slice(0, 2));
}

/** The value of each critic, [rows]. */
const apart = (q: Value): [Value, Value] => split(q, 0, [1, 1]).map((value) => reshape(value, [-1])) as [Value, Value];

const criticCount = (model: SacModel): number => 2 * parameterCount(criticLayers(model));

/** The inputs of one update, besides its state. */
interface Feeds {
  readonly batch: Batch;
  readonly noiseNext: Value;
  /** sb3: [rows, action]; cleanrl, when the actor is updated: [policyFrequency, rows, action]. */
  readonly noisePolicy?: Value;
  readonly noiseTemperature?: Value;
}

/** The inputs that every update has; `lead` adds a leading axis for several updates. */
function batchInputs(
  graph: Graph,
  { batch: rows, observation, action }: SacModel,
  lead: readonly number[],
): Omit<Feeds, "noisePolicy"> {
  return {
    batch: {
      observations: graph.input("observations", [...lead, rows, observation]),
      next_observations: graph.input("next_observations", [...lead, rows, observation]),
      actions: graph.input("actions", [...lead, rows, action]),
      rewards: graph.input("rewards", [...lead, rows]),
      terminated: graph.input("terminated", [...lead, rows]),
      weights: graph.input("weights", [...lead, rows]),
    },
    noiseNext: graph.input("noise_next", [...lead, rows, action]),
  };
}

const alphaOf = ({ temperature }: State): Value => exp(temperature.parameters);

const targetsFollow = (model: SacModel, state: State): State => ({
  ...state,
  targets: polyak(state.targets, state.critics.parameters, model.tau),
});

const update = (model: SacModel, state: State, feeds: Feeds): Moved =>
  model.convention === "cleanrl" ? cleanrlUpdate(model, state, feeds) : sb3Update(model, state, feeds);

/** Updates the critics; every `policyFrequency` updates also actor and temperature, with that many steps. */
function cleanrlUpdate(model: SacModel, before: State, feeds: Feeds): Moved {
  const { batch, noiseNext, noisePolicy, noiseTemperature } = feeds;
  let { state, loss, seen } = criticStep(model, before, batch, noiseNext, alphaOf(before));
  for (let i = 0; noisePolicy !== undefined && noiseTemperature !== undefined && i < model.policyFrequency; i++) {
    const actor = actorStep(model, state, batch, element(noisePolicy, i), alphaOf(state));
    const fresh = policy(model, batch.observations, actor.state.actor.parameters, element(noiseTemperature, i));
    const temperature = temperatureStep(model, actor.state, fresh.logProb);
    const turn = { ...actor.loss, ...temperature.loss, ...actor.seen, ...temperature.seen };
    state = temperature.state;
    loss = { ...loss, ...actor.loss, ...temperature.loss };
    // Record gradients of the first step only, everything else of every step.
    seen = { ...turn, ...seen, ...numbered({ ...turn, log_pi_for_alpha: fresh.logProb }, i) };
  }
  return { state: targetsFollow(model, state), loss, seen };
}

/** Updates temperature, critics and actor, all three with the old temperature. */
function sb3Update(model: SacModel, before: State, { batch, noiseNext, noisePolicy }: Feeds): Moved {
  if (noisePolicy === undefined) throw new Error("every update of this convention takes a step of the actor");
  const alpha = alphaOf(before);
  const { logProb } = policy(model, batch.observations, before.actor.parameters, noisePolicy);
  const temperature = temperatureStep(model, before, logProb);
  const critics = criticStep(model, temperature.state, batch, noiseNext, alpha);
  const actor = actorStep(model, critics.state, batch, noisePolicy, alpha);
  return {
    state: targetsFollow(model, actor.state),
    loss: { ...temperature.loss, ...critics.loss, ...actor.loss },
    seen: { ...temperature.seen, ...critics.seen, ...actor.seen },
  };
}

function errorsOf({ errors }: Named): Value {
  if (errors === undefined) throw new Error("an update has errors");
  return errors;
}

const numbered = (values: Named, i: number): Named =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${name}.${i}`, value]));

const stateOf = (graph: Graph, model: SacModel): State => ({
  actor: adamVariables(graph, "actor", parameterCount(actorLayers(model))),
  critics: adamVariables(graph, "critics", criticCount(model)),
  temperature: adamVariables(graph, "temperature", 1),
  targets: graph.variable("targets", [criticCount(model)]),
});

function assign(graph: Graph, state: State, withActor: boolean): void {
  graph.assign("targets", state.targets);
  assignAdam(graph, "critics", state.critics);
  if (!withActor) return;
  assignAdam(graph, "actor", state.actor);
  assignAdam(graph, "temperature", state.temperature);
}

function updateGraph(model: SacModel, withActor: boolean): Graph {
  const graph = new Graph();
  const { batch: rows, action, convention, policyFrequency } = model;
  const shape = convention === "cleanrl" ? [policyFrequency, rows, action] : [rows, action];
  const feeds: Feeds = {
    ...batchInputs(graph, model, []),
    ...(withActor ? { noisePolicy: graph.input("noise_policy", shape) } : {}),
    ...(withActor && convention === "cleanrl" ? { noiseTemperature: graph.input("noise_temperature", shape) } : {}),
  };
  const { state, loss, seen } = update(model, stateOf(graph, model), feeds);
  assign(graph, state, withActor);
  const outputs = { ...(model.trace ? seen : { errors: errorsOf(seen) }), ...loss };
  for (const [name, value] of Object.entries(outputs)) graph.output(name, value);
  return graph;
}

/** The actor is updated with the first update, and with each `policyFrequency`-th after it. */
function manyGraph(model: SacModel): Graph {
  const graph = new Graph();
  const { batch: rows, action, policyFrequency } = model;
  const count = updatesInRun(model);
  const { batch, noiseNext } = batchInputs(graph, model, [count]);
  const noisePolicy = graph.input("noise_policy", [count, rows, action]);
  const noiseTemperature = graph.input("noise_temperature", [count, rows, action]);
  let state = stateOf(graph, model);
  const updates = Array.from({ length: count }, (_, i) => {
    const elements = Object.entries(batch).map(([name, all]) => [name, element(all as Value, i)]);
    const turn = (noise: Value): Value => slice(noise, 0, i, i + policyFrequency);
    const actor =
      i % policyFrequency === 0 ? { noisePolicy: turn(noisePolicy), noiseTemperature: turn(noiseTemperature) } : {};
    const feeds = { batch: Object.fromEntries(elements) as Batch, noiseNext: element(noiseNext, i), ...actor };
    const moved = update(model, state, feeds);
    state = moved.state;
    return moved;
  });
  assign(graph, state, true);
  graph.output("errors", together(updates.map(({ seen }) => errorsOf(seen))));
  const losses = new Set(updates.flatMap(({ loss }) => Object.keys(loss)));
  for (const name of losses) {
    const values = updates.flatMap(({ loss }) => loss[name] ?? []);
    graph.output(name, meanOf(values.map((value) => reshape(value, []))));
  }
  return graph;
}

/** Moves both critics toward r + γ·(the smaller target at the next observation, plus its entropy). */
function criticStep(model: SacModel, state: State, batch: Batch, noise: Value, alpha: Value): Moved {
  const next = policy(model, batch.next_observations, state.actor.parameters, noise);
  const [next1, next2] = apart(values(model, state.targets, batch.next_observations, next.action));
  const future = subtract(minimum(next1, next2), multiply(next.logProb, alpha));
  const alive = multiply(subtract(1, batch.terminated), model.gamma);
  const y = stopGradient(add(batch.rewards, multiply(alive, future)));
  const q = values(model, state.critics.parameters, batch.observations, batch.actions);
  const difference = subtract(q, y);
  // The sum of both critics' mean losses; half of it in Stable-Baselines3.
  const scale = (model.convention === "cleanrl" ? 1 : 0.5) / model.batch;
  const losses = multiply(batch.weights, regressionLoss(difference, model.criticLoss));
  const loss = multiply(sum(losses), scale);
  const gradient = only(gradients(loss, [state.critics.parameters]));
  const [q1, q2] = apart(q);
  const [td1, td2] = apart(abs(difference));
  return {
    state: {
      ...state,
      critics: adam(state.critics, gradient, { learningRate: model.learningRates.critic, ...ADAM }),
    },
    loss: { critic_loss: loss },
    seen: {
      ...{ next_actions: next.action, next_log_prob: next.logProb, next_q1: next1, next_q2: next2 },
      ...{ y, q1, q2, td1, td2, errors: multiply(add(td1, td2), 0.5), "gradient.critics": gradient },
    },
  };
}

/** Moves the actor toward entropy and actions that the smaller critic values. */
function actorStep(model: SacModel, state: State, batch: Batch, noise: Value, alpha: Value): Moved {
  const draw = policy(model, batch.observations, state.actor.parameters, noise);
  const [q1, q2] = apart(values(model, state.critics.parameters, batch.observations, draw.action));
  const loss = mean(subtract(multiply(draw.logProb, stopGradient(alpha)), minimum(q1, q2)));
  const gradient = only(gradients(loss, [state.actor.parameters]));
  return {
    state: { ...state, actor: adam(state.actor, gradient, { learningRate: model.learningRates.actor, ...ADAM }) },
    loss: { actor_loss: loss },
    seen: {
      ...{ pi: draw.action, log_pi: draw.logProb, mean: draw.mean, log_std: draw.logStd },
      ...{ q1_pi: q1, q2_pi: q2, "gradient.actor": gradient },
    },
  };
}

/** Moves log α toward the target entropy. */
function temperatureStep(model: SacModel, state: State, logProb: Value): Moved {
  const logAlpha = state.temperature.parameters;
  const excess = stopGradient(mean(add(logProb, model.targetEntropy)));
  const factor = model.convention === "cleanrl" ? exp(logAlpha) : logAlpha;
  const loss = negate(multiply(factor, excess));
  const gradient = only(gradients(reshape(loss, []), [logAlpha]));
  const options = { learningRate: model.learningRates.temperature, ...ADAM };
  const moved = { ...state, temperature: adam(state.temperature, gradient, options) };
  return {
    state: moved,
    loss: { temperature_loss: loss, alpha: alphaOf(moved) },
    seen: { "gradient.temperature": gradient },
  };
}

function actGraph(model: SacModel, rows: number): Graph {
  const graph = new Graph();
  const observations = graph.input("observations", [rows, model.observation]);
  const noise = graph.input("noise", [rows, model.action]);
  const actor = graph.variable("actor", [parameterCount(actorLayers(model))]);
  graph.output("actions", policy(model, observations, actor, noise).action);
  return graph;
}

function evaluateGraph(model: SacModel): Graph {
  const graph = new Graph();
  const observations = graph.input("observations", [model.batch, model.observation]);
  const actions = graph.input("actions", [model.batch, model.action]);
  const critics = graph.variable("critics", [criticCount(model)]);
  const [q1, q2] = apart(values(model, critics, observations, actions));
  graph.output("q1", q1);
  graph.output("q2", q2);
  return graph;
}
