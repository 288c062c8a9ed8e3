/** @file The interface of a contrastive architecture: two networks, and how texts are encoded for them. */
import type { Tensors, Value } from "../../graph/index.js";
import type { TextTokenizer } from "../files/tokenizer.js";
import type { Scope } from "../layers/scope.js";
import type { Network } from "../network.js";
import type { Calibration, CaptionSetInputs } from "./losses.js";

/** Encoded texts in the layout of the text network. */
export interface TextBatch {
  /** Batches with the same key use the same graph. */
  readonly key: string;
  /** Rows of features: the texts in order, then padding. */
  readonly texts: number;
  readonly tensors: Tensors;
  /** [texts, embedding], not normalized; declares the inputs that `tensors` supplies. */
  features(scope: Scope): Value;
}

export interface ContrastiveNetwork extends Network {
  /** Length of the embeddings. */
  readonly embedding: number;
  /** → [images, embedding], not normalized. */
  image(scope: Scope, patches: Value): Value;
  /** Number of texts in one pass when scoring. */
  readonly textBatch: number;
  /** The most ids of a text; longer texts are cut. */
  readonly positions: number;
  /** The ids of a text. */
  encode(tokenizer: TextTokenizer, text: string): Int32Array;
  texts(encoded: readonly Int32Array[]): TextBatch;
  /** The token of a text that its features come from. */
  pooledToken(ids: Int32Array): number;
  calibration(scope: Scope): Calibration;
  /** The loss from logits [images, texts] and caption sets: a scalar. */
  captionSetLoss(logits: Value, sets: CaptionSetInputs): Value;
  /** The loss of the model's pre-training: text i belongs to image i; further texts are wrong for all images. */
  pairLoss(logits: Value): Value;
}
