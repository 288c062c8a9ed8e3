/**
 * @file The graphs of a fine-tuning step: a loss, its gradient for the trained parameters, and AdamW; in one piece, or
 * in parts with added gradients.
 */
import { at } from "../../at.js";
import {
  type AdamState,
  adam,
  adamVariables,
  add,
  assignAdam,
  clipByGlobalNorm,
  Graph,
  gradients,
  layoutSize,
  type Value,
} from "../../graph/index.js";
import { type Scope, scopeOf } from "../layers/scope.js";
import { storedParameters, type Trainable, trainedParameters } from "../weights/parameters.js";
import { dropped } from "./dropout.js";
import type { Built } from "./program-cache.js";
import { placed, type Source, TRAINED } from "./source.js";

export interface StepOptions {
  readonly weightDecay: number;
  readonly gradientClip: number;
}

export interface TrainedSource extends Source {
  readonly trainable: Trainable;
}

/** A loss over the trained parameters. */
export interface Objective {
  /** The scalar loss; declares its inputs. */
  loss(scope: Scope): Value;
  /** A stage of the network that is the input "front"; null: none. */
  readonly front: string | null;
}

function lossAndGradient(
  graph: Graph,
  { parameters, trainable }: TrainedSource,
  flat: Value,
  { loss: build, front }: Objective,
): { loss: Value; gradient: Value } {
  const drop = (trainable.lora?.dropout ?? 0) > 0 ? (path: string, x: Value) => dropped(graph, path, x) : undefined;
  const scope = scopeOf(graph, trainedParameters(storedParameters(graph, parameters), trainable, flat, drop), {
    stage: (name, value) => (name === front ? graph.input("front", value.shape) : value),
  });
  const loss = build(scope);
  return { loss, gradient: at(gradients(loss, [flat]), 0) };
}

/**
 * The optimizer's part of a step: gradient, learningRate → gradientNorm; updates the trained parameters and Adam's
 * state.
 */
function update(graph: Graph, state: AdamState, flat: Value, options: StepOptions): void {
  const { gradient, norm } = clipByGlobalNorm(flat, options.gradientClip);
  const learningRate = graph.input("learningRate", []);
  assignAdam(graph, TRAINED, adam(state, gradient, { learningRate, weightDecay: options.weightDecay }));
  graph.output("gradientNorm", norm);
}

/** A whole step: → loss, gradientNorm. */
export function stepProgram(source: TrainedSource, objective: Objective, options: StepOptions): Built {
  const graph = new Graph();
  const state = adamVariables(graph, TRAINED, layoutSize(source.trainable.layout));
  const { loss, gradient } = lossAndGradient(graph, source, state.parameters, objective);
  update(graph, state, gradient, options);
  graph.output("loss", loss);
  return placed(graph, source);
}

/** The runtime's variable in which a step's parts add up their gradients. */
export const ACCUMULATED = "accumulated";

/** Part of a step: → its share of the loss; adds its gradient to those of earlier parts. */
export function partProgram(source: TrainedSource, objective: Objective): Built {
  const graph = new Graph();
  const size = [layoutSize(source.trainable.layout)];
  const flat = graph.variable(TRAINED, size);
  const { loss, gradient } = lossAndGradient(graph, source, flat, objective);
  graph.assign(ACCUMULATED, add(graph.variable(ACCUMULATED, size), gradient));
  graph.output("loss", loss);
  return placed(graph, source);
}

/** The end of a step in parts: → gradientNorm. */
export function updateProgram(source: TrainedSource, options: StepOptions): Built {
  const graph = new Graph();
  const size = layoutSize(source.trainable.layout);
  const state = adamVariables(graph, TRAINED, size);
  const sum = graph.variable(ACCUMULATED, [size]);
  update(graph, state, sum, options);
  return placed(graph, source);
}
