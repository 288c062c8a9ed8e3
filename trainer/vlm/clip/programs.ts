/** @file The graphs that a CLIP runs: either tower's embeddings, and a step of fine-tuning on caption sets. */

import { adam, adamVariables, assignAdam, clipByGlobalNorm, Graph, gradients, layoutSize } from "../../graph/index.js";
import { captionSetLoss, logitsPerImage } from "../training/losses.js";
import { type Built, built } from "../training/program-cache.js";
import type { TreeSize } from "../training/text-tree.js";
import { constants, type Parameters, type Trainable, trainedParameters } from "../weights/parameters.js";
import type { ClipParameters } from "./parameters.js";
import { imageFeatures, type TextInputs, textFeatures, unit } from "./towers.js";

/** The runtime's variable that holds the trained parameters. */
export const TRAINED = "trained";

export interface Source {
  readonly clip: ClipParameters;
  /** null: nothing is trained, all parameters are constants. */
  readonly trainable: Trainable | null;
}

function sourceParameters(graph: Graph, { clip, trainable }: Source): Parameters {
  const base = constants(graph, clip);
  if (trainable === null) return base;
  return trainedParameters(base, trainable, graph.variable(TRAINED, [layoutSize(trainable.layout)]));
}

export function patchesInput(graph: Graph, { config }: ClipParameters, batch: number) {
  return graph.input("patches", [batch, config.vision.tokens - 1, 3 * config.vision.patch ** 2]);
}

/** Inputs of the sizes of a tree of texts, under the names of `treeTensors`. */
export function textInputs(graph: Graph, { texts, tokens, nodes, heads }: TreeSize): TextInputs {
  const cells = texts * tokens * heads;
  return {
    texts,
    heads,
    tokens,
    ids: graph.input("ids", [nodes], "int32"),
    positions: graph.input("positions", [nodes], "int32"),
    paths: graph.input("paths", [cells], "int32"),
    order: graph.input("order", [cells], "int32"),
    last: graph.input("last", [nodes], "int32"),
    representatives: graph.input("representatives", [nodes * heads], "int32"),
    isRepresentative: graph.input("isRepresentative", [cells, 1]),
    ends: graph.input("ends", [texts], "int32"),
    endOf: graph.input("endOf", [nodes], "int32"),
    isEnd: graph.input("isEnd", [nodes, 1]),
    reach: graph.input("reach", [texts, 1, 1, tokens]),
  };
}

/** patches → embeddings [batch, projection] of unit length. */
export function imageProgram(source: Source, batch: number): Built {
  const graph = new Graph();
  const parameters = sourceParameters(graph, source);
  const { features } = imageFeatures(parameters, source.clip.config, patchesInput(graph, source.clip, batch));
  graph.output("embeddings", unit(features));
  return built(graph);
}

/** A tree of texts → embeddings [texts, projection] of unit length. */
export function textProgram(source: Source, size: TreeSize): Built {
  const graph = new Graph();
  const parameters = sourceParameters(graph, source);
  graph.output("embeddings", unit(textFeatures(parameters, source.clip.config, textInputs(graph, size))));
  return built(graph);
}

/** The logarithm of the factor on cosines, as the model has it now. */
export function scaleProgram(source: Source): Built {
  const graph = new Graph();
  graph.output("scale", sourceParameters(graph, source)("logit_scale"));
  return built(graph);
}

export interface StepShape extends TreeSize {
  readonly images: number;
  /** Caption sets an image has at most. */
  readonly sets: number;
}

export interface StepOptions {
  readonly weightDecay: number;
  readonly gradientClip: number;
}

/** patches, a tree of texts, members, right, learningRate → loss, gradientNorm; the trained parameters and Adam's state move on. */
export function stepProgram(clip: ClipParameters, trainable: Trainable, shape: StepShape, options: StepOptions): Built {
  const graph = new Graph();
  const state = adamVariables(graph, TRAINED, layoutSize(trainable.layout));
  const parameters = trainedParameters(constants(graph, clip), trainable, state.parameters);
  const { images, sets, texts } = shape;
  const image = imageFeatures(parameters, clip.config, patchesInput(graph, clip, images)).features;
  const text = textFeatures(parameters, clip.config, textInputs(graph, shape));
  const logits = logitsPerImage(unit(image), unit(text), parameters("logit_scale"));
  const loss = captionSetLoss(logits, {
    members: graph.input("members", [images, sets, texts]),
    right: graph.input("right", [images, sets, texts]),
  });
  const [flat] = gradients(loss, [state.parameters]);
  if (flat === undefined) throw new Error("no gradient");
  const { gradient, norm } = clipByGlobalNorm(flat, options.gradientClip);
  const next = adam(state, gradient, {
    learningRate: graph.input("learningRate", []),
    weightDecay: options.weightDecay,
  });
  assignAdam(graph, TRAINED, next);
  graph.output("loss", loss);
  graph.output("gradientNorm", norm);
  return built(graph);
}
