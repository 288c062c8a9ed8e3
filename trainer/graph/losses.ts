/** @file Elementwise losses and cross entropy, stable in float32. */
import type { Value } from "./graph.js";
import { abs, softplus } from "./operators/activations.js";
import { add, minimum, multiply, negate, square, subtract } from "./operators/arithmetic.js";
import { oneHot } from "./operators/indexing.js";
import { logSoftmax } from "./operators/normalization.js";
import { sum } from "./operators/reductions.js";
import { lengthOf } from "./shapes.js";

/** −t·log σ(x) − (1 − t)·log(1 − σ(x)) for logits x, elementwise: softplus(x) − t·x. */
export const binaryCrossEntropy = (logits: Value, targets: Value): Value =>
  subtract(softplus(logits), multiply(targets, logits));

/** Huber's loss with δ = 1 (torch's smooth L1), elementwise: ½c² + |d| − c with c = min(|d|, 1). */
export function smoothL1(prediction: Value, target: Value): Value {
  const distance = abs(subtract(prediction, target));
  const near = minimum(distance, 1);
  return add(multiply(square(near), 0.5), subtract(distance, near));
}

/**
 * −log softmax(logits)[label] of each row: [..., classes] and int labels [...] → [...]. A label that is no class, such
 * as torch's −100, gives loss 0 and no gradient; a mean still counts its row.
 */
export function crossEntropy(logits: Value, labels: Value): Value {
  const classes = lengthOf(logits.shape, -1);
  return negate(sum(multiply(logSoftmax(logits), oneHot(labels, classes)), -1));
}
