/**
 * @file The step of pre-training as a graph: naming with a sigmoid loss (Zhai et al., 2023), and three temporary heads.
 * They make positions readable from the image embedding without any word for a relation.
 */
import {
  add,
  binaryCrossEntropy,
  crossEntropy,
  exp,
  Graph,
  type Layout,
  matMul,
  mean,
  minimum,
  multiply,
  reshape,
  slice,
  l2Normalize as unit,
  type Value,
} from "../../../graph/index.js";
import type { ClipConfig } from "../../clip/config.js";
import { imageFeatures, logitScale, textFeatures, textModel, visionModel } from "../../clip/network.js";
import { type TextInputs, textInputs } from "../../contrastive/text-tree.js";
import { patchShape } from "../../files/patches.js";
import type { Scope } from "../../layers/scope.js";
import { type Built, built } from "../../training/program-cache.js";
import { record } from "../../weights/recording.js";
import { denseLoss, distance, head, masked, type PatchLabels } from "../heads.js";
import { pretrainedScope, pretrainingStep } from "../step.js";

/** exp(4.6) ≈ 100: OpenAI's limit on the factor of cosines. */
export const LARGEST_LOG_SCALE = 4.6;

export interface PretrainingShape {
  readonly images: number;
  readonly names: number;
  /** Captions of two objects per step. */
  readonly pairs: number;
  readonly tokens: number;
}

export interface LossWeights {
  /** Weight of the loss on coordinates read from the image embedding. */
  readonly coordinates: number;
  readonly order: number;
}

/** The inputs of a step, one tensor of the same name each. */
interface Inputs extends PatchLabels {
  readonly patches: Value;
  readonly texts: TextInputs;
  /** [images, names + pairs]: 1 where the caption is true of the image. */
  readonly truth: Value;
  /** [images, names] */
  readonly present: Value;
  /** First and second name in each pair caption. */
  readonly first: Value;
  readonly second: Value;
}

function inputs(graph: Graph, config: ClipConfig, { images, names, pairs, tokens }: PretrainingShape): Inputs {
  const texts = names + pairs;
  const [patches, size] = patchShape(config.vision);
  return {
    patches: graph.input("patches", [images, patches, size]),
    texts: textInputs(graph, { texts, tokens, nodes: texts * tokens, heads: config.text.heads }),
    truth: graph.input("truth", [images, texts]),
    present: graph.input("present", [images, names]),
    coordinates: graph.input("coordinates", [images, names, 3]),
    covered: graph.input("covered", [images, patches, names]),
    first: graph.input("first", [pairs], "int32"),
    second: graph.input("second", [pairs], "int32"),
  };
}

/** Which captions are true of which images. */
function namingLoss(scope: Scope, image: Value, text: Value, truth: Value): Value {
  const factor = exp(minimum(logitScale(scope), LARGEST_LOG_SCALE));
  const logits = add(multiply(matMul(image, text, { transB: true }), factor), scope.parameter("sigmoid_bias", []));
  return mean(binaryCrossEntropy(logits, truth));
}

/** Reads from a pair caption's embedding which name comes first, and which second. */
function orderLoss(scope: Scope, pairTexts: Value, names: number, { first, second }: Inputs): Value {
  const read = head(scope, "order", pairTexts, names * 2);
  const one = mean(crossEntropy(slice(read, 1, 0, names), first));
  return multiply(add(one, mean(crossEntropy(slice(read, 1, names, names * 2), second))), 0.5);
}

function losses(scope: Scope, config: ClipConfig, shape: PretrainingShape, fed: Inputs) {
  const { images, names, pairs } = shape;
  const { tokens, width } = config.vision;
  const { pooled, lastInput } = visionModel(scope, config.vision, fed.patches);
  const image = unit(imageFeatures(scope, pooled, config));
  const text = unit(textFeatures(scope, textModel(scope, config.text, fed.texts), config));
  const patchTokens = slice(reshape(lastInput, [images, tokens, width]), 1, 1, tokens);
  // A unit vector's elements are small: scale them to a mean square of 1 for the linear heads.
  const spread = Math.sqrt(config.projection);
  const read = reshape(head(scope, "coordinates", multiply(image, spread), names * 3), [images, names, 3]);
  return {
    naming: namingLoss(scope, image, text, fed.truth),
    dense: denseLoss(scope, patchTokens, fed),
    coordinates: masked(distance(read, fed.coordinates), fed.present),
    order: orderLoss(scope, multiply(slice(text, 0, names, names + pairs), spread), names, fed),
  };
}

/** CLIP's parameters and those of the heads. */
export const pretrainingLayout = (config: ClipConfig, shape: PretrainingShape): Layout =>
  record((scope) => losses(scope, config, shape, inputs(scope.graph, config, shape))).shapes;

/** One AdamW step on all losses; outputs each of them. */
export function pretrainingProgram(
  config: ClipConfig,
  layout: Layout,
  shape: PretrainingShape,
  weights: LossWeights,
): Built {
  return pretrainingStep(layout, (scope) => {
    const { naming, dense, coordinates, order } = losses(scope, config, shape, inputs(scope.graph, config, shape));
    const read = add(multiply(coordinates, weights.coordinates), multiply(order, weights.order));
    return { total: add(add(naming, dense), read), parts: { naming, dense, coordinates, order } };
  });
}

/** patches → the coordinates that the head reads from the image embedding: [images, names, 3]. */
export function readingProgram(config: ClipConfig, layout: Layout, images: number, names: number): Built {
  const graph = new Graph();
  const scope = pretrainedScope(graph, layout);
  const patches = graph.input("patches", [images, ...patchShape(config.vision)]);
  const features = imageFeatures(scope, visionModel(scope, config.vision, patches).pooled, config);
  const image = multiply(unit(features), Math.sqrt(config.projection));
  graph.output("read", reshape(head(scope, "coordinates", image, names * 3), [images, names, 3]));
  return built(graph);
}
