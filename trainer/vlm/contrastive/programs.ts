/** @file The graphs that a contrastive model runs: either tower's embeddings, and a step of fine-tuning on caption sets. */
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
  l2Normalize as unit,
  type Value,
} from "../../graph/index.js";
import { type Scope, scopeOf, type Watcher } from "../layers/scope.js";
import { dropped } from "../training/dropout.js";
import { type Built, built } from "../training/program-cache.js";
import { type ModelParameters, storedParameters, type Trainable, trainedParameters } from "../weights/parameters.js";
import { patchShape } from "./batches.js";
import { logitsPerImage } from "./losses.js";
import type { ContrastiveNetwork, TextBatch } from "./network.js";

/** The runtime's variable that holds the trained parameters. */
export const TRAINED = "trained";

export interface Source {
  readonly network: ContrastiveNetwork;
  readonly parameters: ModelParameters;
  /** null: all parameters are as they are on disk. */
  readonly trainable: Trainable | null;
}

const placed = (graph: Graph, { parameters }: Source): Built =>
  built(graph, parameters.weights.placement(parameters.shapes));

/** The parameters as they are now. */
export function currentScope(graph: Graph, { parameters, trainable }: Source, watcher?: Watcher): Scope {
  const base = storedParameters(graph, parameters);
  if (trainable === null) return scopeOf(graph, base, watcher);
  const flat = graph.variable(TRAINED, [layoutSize(trainable.layout)]);
  return scopeOf(graph, trainedParameters(base, trainable, flat), watcher);
}

export const patchesInput = (graph: Graph, { grid }: ContrastiveNetwork, images: number): Value =>
  graph.input("patches", [images, ...patchShape(grid)]);

/** patches → embeddings [images, embedding] of unit length. */
export function imageProgram(source: Source, images: number): Built {
  const graph = new Graph();
  const scope = currentScope(graph, source);
  graph.output("embeddings", unit(source.network.image(scope, patchesInput(graph, source.network, images))));
  return placed(graph, source);
}

/** Texts → embeddings [texts, embedding] of unit length. */
export function textProgram(source: Source, batch: TextBatch): Built {
  const graph = new Graph();
  graph.output("embeddings", unit(batch.features(currentScope(graph, source))));
  return placed(graph, source);
}

/** → factor and, where the architecture has one, bias, as the model has them now. */
export function calibrationProgram(source: Source): Built {
  const graph = new Graph();
  const { factor, bias } = source.network.calibration(currentScope(graph, source));
  graph.output("factor", factor);
  if (bias !== null) graph.output("bias", bias);
  return placed(graph, source);
}

/** patches → the value at a stage of the image network, one row or more for each image. */
export function frontProgram(source: Source, images: number, stage: string): Built {
  const graph = new Graph();
  const scope = currentScope(graph, source, {
    observe: (name, value) => {
      if (name === stage) graph.output("front", value);
    },
  });
  source.network.image(scope, patchesInput(graph, source.network, images));
  return placed(graph, source);
}

export interface StepShape {
  readonly images: number;
  /** Caption sets an image has at most. */
  readonly sets: number;
}

export interface StepOptions {
  readonly weightDecay: number;
  readonly gradientClip: number;
}

/** Where a step starts: what lies before is frozen, and fed. */
export interface StepStart {
  /** A stage of the image network whose value is fed as "front"; null: patches are. */
  readonly image: string | null;
  /** Whether the embeddings of texts are fed, as "text_embeddings". */
  readonly textsFrozen: boolean;
}

interface Training extends Source {
  readonly trainable: Trainable;
}

/** patches (or front), texts (or their embeddings), members, right → the loss and its gradient by the flat vector. */
function lossAndGradient(
  graph: Graph,
  { network, parameters, trainable }: Training,
  flat: Value,
  batch: TextBatch,
  { images, sets }: StepShape,
  start: StepStart,
): { loss: Value; gradient: Value } {
  const drop = (trainable.lora?.dropout ?? 0) > 0 ? (path: string, x: Value) => dropped(graph, path, x) : undefined;
  const scope = scopeOf(graph, trainedParameters(storedParameters(graph, parameters), trainable, flat, drop), {
    stage: (name, value) => (name === start.image ? graph.input("front", value.shape) : value),
  });
  const image = unit(network.image(scope, patchesOf(graph, network, images, start)));
  const text = start.textsFrozen
    ? graph.input("text_embeddings", [batch.texts, network.embedding])
    : unit(batch.features(scope));
  const loss = network.captionSetLoss(logitsPerImage(image, text, network.calibration(scope)), {
    members: graph.input("members", [images, sets, batch.texts]),
    right: graph.input("right", [images, sets, batch.texts]),
  });
  return { loss, gradient: at(gradients(loss, [flat]), 0) };
}

/** The patches; where a later stage is fed, nothing that is run follows from them, and they are no input. */
const patchesOf = (graph: Graph, network: ContrastiveNetwork, images: number, { image }: StepStart): Value =>
  image === null
    ? patchesInput(graph, network, images)
    : graph.external([images, ...patchShape(network.grid)], "float32", { file: "unused", offset: 0, length: 0 });

/** The optimizer's part of a step: gradient, learningRate → gradientNorm; the trained parameters and Adam's state move on. */
function update(graph: Graph, state: AdamState, flat: Value, options: StepOptions): void {
  const { gradient, norm } = clipByGlobalNorm(flat, options.gradientClip);
  const learningRate = graph.input("learningRate", []);
  assignAdam(graph, TRAINED, adam(state, gradient, { learningRate, weightDecay: options.weightDecay }));
  graph.output("gradientNorm", norm);
}

/** A whole step: → loss, gradientNorm. */
export function stepProgram(
  source: Training,
  batch: TextBatch,
  shape: StepShape,
  start: StepStart,
  options: StepOptions,
): Built {
  const graph = new Graph();
  const state = adamVariables(graph, TRAINED, layoutSize(source.trainable.layout));
  const { loss, gradient } = lossAndGradient(graph, source, state.parameters, batch, shape, start);
  update(graph, state, gradient, options);
  graph.output("loss", loss);
  return placed(graph, source);
}

/** The runtime's variable that a step's parts add their gradients to. */
export const ACCUMULATED = "accumulated";

/** Part of a step: → its share of the loss; its gradient is added to what the parts before gave. */
export function partProgram(source: Training, batch: TextBatch, shape: StepShape, start: StepStart): Built {
  const graph = new Graph();
  const size = [layoutSize(source.trainable.layout)];
  const flat = graph.variable(TRAINED, size);
  const { loss, gradient } = lossAndGradient(graph, source, flat, batch, shape, start);
  graph.assign(ACCUMULATED, add(graph.variable(ACCUMULATED, size), gradient));
  graph.output("loss", loss);
  return placed(graph, source);
}

/** The end of a step in parts: → gradientNorm. */
export function updateProgram(source: Training, options: StepOptions): Built {
  const graph = new Graph();
  const size = layoutSize(source.trainable.layout);
  const state = adamVariables(graph, TRAINED, size);
  const sum = graph.variable(ACCUMULATED, [size]);
  update(graph, state, sum, options);
  return placed(graph, source);
}
