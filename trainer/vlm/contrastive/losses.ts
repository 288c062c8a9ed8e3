/**
 * @file Training losses of contrastive models: CLIP's and SigLIP's own, and each right caption against its wrong ones.
 */
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
  softplus,
  subtract,
  sum,
  transposeMatrix,
  type Value,
} from "../../graph/index.js";
import { axis } from "../layers/axes.js";

/** Logits are factor · cosine + bias. */
export interface Calibration {
  readonly factor: Value;
  readonly bias: Value | null;
}

/** factor · images · textsᵀ + bias for unit embeddings: [images, texts]. */
export function logitsPerImage(images: Value, texts: Value, { factor, bias }: Calibration): Value {
  const logits = multiply(matMul(images, texts, { transB: true }), factor);
  return bias === null ? logits : add(logits, bias);
}

const range = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

/** Mean cross entropy of each row against its own index. */
function diagonal(logits: Value): Value {
  return mean(crossEntropy(logits, logits.graph.constant(range(axis(logits, 0)))));
}

/**
 * Image i belongs to text i: the mean of the cross entropies over rows and over columns. Further texts are hard
 * negatives (NegCLIP): they compete for every image, but no image is matched to them.
 */
export function contrastiveLoss(logits: Value): Value {
  const own = slice(logits, 1, 0, axis(logits, 0));
  return multiply(add(diagonal(logits), diagonal(transposeMatrix(own))), 0.5);
}

export interface CaptionSetInputs {
  /** [images, sets, texts]: 0 for the texts of a set, very low for the others. */
  readonly members: Value;
  /** [images, sets, texts]: the set's weight at the right caption, else 0. The weights of all sets sum to 1. */
  readonly right: Value;
}

/** [images, texts] → [images, 1, texts], the layout of caption sets. */
const perImage = (x: Value): Value => reshape(x, [axis(x, 0), 1, axis(x, 1)]);

/** Logits [images, texts] for each caption set, very low outside the set: [images, sets, texts]. */
const scoresOf = (logits: Value, members: Value): Value => add(perImage(logits), members);

/** Weighted mean over caption sets of the cross entropy of the right caption against the set's others. */
export function captionSetCrossEntropy(logits: Value, { members, right }: CaptionSetInputs): Value {
  return negate(sum(multiply(logSoftmax(scoresOf(logits, members)), right)));
}

/**
 * Weighted mean over caption sets of −Σ log σ(±logit), plus for the right caption: each caption of a set is judged
 * alone.
 */
export function captionSetSigmoid(logits: Value, { members, right }: CaptionSetInputs): Value {
  const weights = sum(right, -1, "keep");
  // −log σ(−l) is softplus(l), and −log σ(l) is softplus(l) − l. The exponential of `members` is 1 within a set, else
  // 0.
  const counted = multiply(multiply(exp(members), weights), perImage(softplus(logits)));
  return subtract(sum(counted), sum(multiply(right, perImage(logits))));
}

/** −mean over images of Σ over texts of log σ(±logit), with plus where text i meets image i. */
export function sigmoidLoss(logits: Value): Value {
  const [images, texts] = [axis(logits, 0), axis(logits, 1)];
  const own = Float32Array.from({ length: images * texts }, (_, cell) =>
    Number(Math.floor(cell / texts) === cell % texts),
  );
  const right = logits.graph.constant(own, [images, texts]);
  return multiply(subtract(sum(softplus(logits)), sum(multiply(right, logits))), 1 / images);
}
