/**
 * @file The step of pre-training as a graph: naming with a sigmoid loss (Zhai et al., 2023), and three heads that are thrown away
 * afterwards, which make places readable in the image embedding without a word for any relation.
 */
import { at } from "../../at.js";
import {
  adam,
  adamVariables,
  add,
  assignAdam,
  binaryCrossEntropy,
  clipByGlobalNorm,
  crossEntropy,
  divide,
  exp,
  Graph,
  gradients,
  type Layout,
  layoutSize,
  matMul,
  maximum,
  mean,
  minimum,
  multiply,
  reshape,
  slice,
  smoothL1,
  sum,
  l2Normalize as unit,
  type Value,
  views,
} from "../../graph/index.js";
import type { ClipConfig } from "../clip/config.js";
import { imageFeatures, logitScale, textFeatures, textModel, visionModel } from "../clip/network.js";
import { type TextInputs, textInputs } from "../contrastive/text-tree.js";
import { patchShape } from "../files/patches.js";
import { axis } from "../layers/axes.js";
import { linearLayer } from "../layers/linear.js";
import { type Scope, scopeOf } from "../layers/scope.js";
import { type Built, built } from "../training/program-cache.js";
import { record } from "../weights/recording.js";

export const PRETRAINED = "pretrained";

/** exp(4.6) ≈ 100: openai's limit on the factor of cosines. */
export const LARGEST_LOG_SCALE = 4.6;

export interface PretrainingShape {
  readonly images: number;
  readonly names: number;
  /** Captions of two objects a step. */
  readonly pairs: number;
  readonly tokens: number;
}

export interface LossWeights {
  /** Of the coordinates read from the image embedding. */
  readonly coordinates: number;
  readonly order: number;
}

const DENSE_PRESENCE = 4;
const DENSE_COORDINATES = 0.5;

/** A head that is thrown away afterwards; its parameters lie beside CLIP's. */
const head = (scope: Scope, name: string, x: Value, outputs: number): Value =>
  linearLayer(scope, `head.${name}`, x, outputs);

/** Sum of `values` where `mask` is 1, over the number of those. */
const masked = (values: Value, mask: Value): Value => divide(sum(multiply(values, mask)), maximum(sum(mask), 1));

/** Mean over the three coordinates of the smooth distance. */
const distance = (prediction: Value, target: Value): Value => mean(smoothL1(prediction, target), -1);

/** What a step is fed, one tensor each of the same name. */
interface Inputs {
  readonly patches: Value;
  readonly texts: TextInputs;
  /** [images, names + pairs]: 1 where the caption is true of the image. */
  readonly truth: Value;
  /** [images, names] */
  readonly present: Value;
  /** [images, names, 3], standardised. */
  readonly coordinates: Value;
  /** [images, patches, names]: 1 where the object covers enough of the patch. */
  readonly covered: Value;
  /** First and second name of each pair caption. */
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

/** From each patch token entering the last block: which objects cover the patch, and where those are. */
function denseLoss(scope: Scope, tokens: Value, { coordinates, covered }: Inputs): Value {
  const [images, names] = [axis(coordinates, 0), axis(coordinates, 1)];
  const read = head(scope, "dense", tokens, names * 4);
  const presence = mean(binaryCrossEntropy(slice(read, 2, 0, names), covered));
  const places = reshape(slice(read, 2, names, names * 4), [images, -1, names, 3]);
  const near = masked(distance(places, reshape(coordinates, [images, 1, names, 3])), covered);
  return add(multiply(presence, DENSE_PRESENCE), multiply(near, DENSE_COORDINATES));
}

/** From a pair caption's embedding: which name comes first, and which second. */
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
  // A unit vector's elements are small: scaled to a mean square of 1 for the linear heads.
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

function trainedScope(graph: Graph, flat: Value, layout: Layout): Scope {
  const all = views(flat, layout);
  return scopeOf(graph, (name) => {
    const value = all.get(name);
    if (value === undefined) throw new Error(`no parameter ${name}`);
    return value;
  });
}

const GRADIENT_LIMIT = 1;
const OPTIMIZER = { weightDecay: 0.01, beta1: 0.9, beta2: 0.98 };

/** One AdamW step on all losses; outputs each of them. */
export function pretrainingProgram(
  config: ClipConfig,
  layout: Layout,
  shape: PretrainingShape,
  weights: LossWeights,
): Built {
  const graph = new Graph();
  const state = adamVariables(graph, PRETRAINED, layoutSize(layout));
  const fed = inputs(graph, config, shape);
  const { naming, dense, coordinates, order } = losses(
    trainedScope(graph, state.parameters, layout),
    config,
    shape,
    fed,
  );
  const loss = add(add(naming, dense), add(multiply(coordinates, weights.coordinates), multiply(order, weights.order)));
  const flat = at(gradients(loss, [state.parameters]), 0);
  const { gradient } = clipByGlobalNorm(flat, GRADIENT_LIMIT);
  assignAdam(graph, PRETRAINED, adam(state, gradient, { ...OPTIMIZER, learningRate: graph.input("learningRate", []) }));
  for (const [name, value] of Object.entries({ naming, dense, coordinates, order }))
    graph.output(`${name} loss`, value);
  return built(graph);
}

/** patches → the coordinates that the head reads from the image embedding: [images, names, 3]. */
export function readingProgram(config: ClipConfig, layout: Layout, images: number, names: number): Built {
  const graph = new Graph();
  const scope = trainedScope(graph, graph.variable(PRETRAINED, [layoutSize(layout)]), layout);
  const patches = graph.input("patches", [images, ...patchShape(config.vision)]);
  const features = imageFeatures(scope, visionModel(scope, config.vision, patches).pooled, config);
  const image = multiply(unit(features), Math.sqrt(config.projection));
  graph.output("read", reshape(head(scope, "coordinates", image, names * 3), [images, names, 3]));
  return built(graph);
}
