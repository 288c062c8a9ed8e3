/** @file What CLIP is trained on: contrastive, NegCLIP, and each right caption against its wrong ones. */
import {
  add,
  crossEntropy,
  exp,
  logSoftmax,
  matMul,
  mean,
  multiply,
  negate,
  reshape,
  slice,
  sum,
  transposeMatrix,
  type Value,
} from "../../graph/index.js";

/** exp(scale) · images · textsᵀ for unit embeddings: [images, texts]. */
export function logitsPerImage(images: Value, texts: Value, logScale: Value): Value {
  return multiply(matMul(images, texts, { transB: true }), exp(logScale));
}

const range = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

/** Mean cross entropy of each row against its own index. */
function diagonal(logits: Value): Value {
  return mean(crossEntropy(logits, logits.graph.constant(range(logits.shape[0] ?? 0))));
}

/**
 * Image i belongs to text i: the mean of the cross entropies over rows and over columns. Texts beyond the images are hard
 * negatives (NegCLIP): every image competes with them, they are not matched to an image themselves.
 */
export function contrastiveLoss(logits: Value): Value {
  const [images = 0] = logits.shape;
  const own = slice(logits, 1, 0, images);
  return multiply(add(diagonal(logits), diagonal(transposeMatrix(own))), 0.5);
}

export interface CaptionSetInputs {
  /** [images, sets, texts]: 0 for the texts of a set, very low for all others. */
  readonly members: Value;
  /** [images, sets, texts]: at the right caption the set's weight, else 0. The weights of all sets sum to 1. */
  readonly right: Value;
}

/** Weighted mean over caption sets of the cross entropy of the right caption against the set's others. */
export function captionSetLoss(logits: Value, { members, right }: CaptionSetInputs): Value {
  const [images = 0, texts = 0] = logits.shape;
  const scores = add(reshape(logits, [images, 1, texts]), members);
  return negate(sum(multiply(logSoftmax(scores), right)));
}
