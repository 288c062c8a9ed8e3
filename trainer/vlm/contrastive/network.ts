/** @file What a contrastive architecture is to the model, its programs and its comparisons: two networks, and how texts are fed. */
import type { Tensors, Value } from "../../graph/index.js";
import type { TextTokenizer } from "../files/tokenizer.js";
import type { Scope } from "../layers/scope.js";
import type { Network } from "../network.js";
import type { Calibration, CaptionSetInputs } from "./losses.js";

/** Encoded texts, laid out for the text network. */
export interface TextBatch {
  /** Batches of one key go through the same graph. */
  readonly key: string;
  /** Rows of features: the texts in their order, then padding. */
  readonly texts: number;
  readonly tensors: Tensors;
  /** [texts, embedding], not normalised; declares the inputs that `tensors` feeds. */
  features(scope: Scope): Value;
}

export interface ContrastiveNetwork extends Network {
  /** Length of what images and texts are compared by. */
  readonly embedding: number;
  /** → [images, embedding], not normalised. */
  image(scope: Scope, patches: Value): Value;
  /** Texts that go through the network at once when scoring. */
  readonly textBatch: number;
  /** Ids that a text may have; what is longer is cut. */
  readonly positions: number;
  /** The ids that a text is to the model. */
  encode(tokenizer: TextTokenizer, text: string): Int32Array;
  texts(encoded: readonly Int32Array[]): TextBatch;
  /** Which of a text's tokens its features are taken from. */
  pooledToken(ids: Int32Array): number;
  calibration(scope: Scope): Calibration;
  /** Of logits [images, texts] and what the caption sets are: a scalar. */
  captionSetLoss(logits: Value, sets: CaptionSetInputs): Value;
  /** What the model was pre-trained with: text i belongs to image i, texts beyond the images are wrong for all. */
  pairLoss(logits: Value): Value;
}
