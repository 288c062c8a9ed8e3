/**
 * @file CLIP (Radford et al., 2021): an image tower over patches and a class token, a causal text tower, and a
 * projection for each.
 */
import { add, concat, expand, gather, reshape, slice, type Value } from "../../graph/index.js";
import type { TextInputs } from "../contrastive/text-tree.js";
import { axis } from "../layers/axes.js";
import { norm, patchEmbedding, projection } from "../layers/linear.js";
import type { Scope } from "../layers/scope.js";
import { pick } from "../layers/shared-rows.js";
import { causalMask, type Encoder, encodePooled, encodeUpTo } from "../layers/transformer.js";
import type { ClipConfig, ClipTextConfig, ClipVisionConfig } from "./config.js";

export interface VisionOutput {
  /** The class token after the last block and norm, [batch, width]. */
  readonly pooled: Value;
  /** Tokens at the input of the last block, [batch · tokens, width]. */
  readonly lastInput: Value;
}

/** Patches [batch, patches, 3 · patch²] → patches and class token at the input of the blocks, and the blocks. */
function visionEncoder(
  scope: Scope,
  config: ClipVisionConfig,
  patches: Value,
  path: string,
): { encoder: Encoder; start: Value } {
  const { width, tokens, epsilon } = config;
  const batch = axis(patches, 0);
  const cut = patchEmbedding(scope, `${path}.embeddings.patch_embedding`, patches, { ...config, bias: false });
  const classToken = reshape(scope.parameter(`${path}.embeddings.class_embedding`, [width]), [1, 1, width]);
  const sequence = concat([expand(classToken, [batch, 1, width]), cut], 1);
  const positions = scope.parameter(`${path}.embeddings.position_embedding.weight`, [tokens, width]);
  const embedded = reshape(add(sequence, positions), [-1, width]);
  scope.observe("vision.embeddings", embedded);

  const start = scope.stage("vision.pre_layrnorm", norm(scope, `${path}.pre_layrnorm`, embedded, epsilon));
  return { encoder: { scope, path: `${path}.encoder`, name: "vision", config, batch }, start };
}

/** Patches → the pooled token of each image. */
export function visionModel(
  scope: Scope,
  config: ClipVisionConfig,
  patches: Value,
  path = "vision_model",
): VisionOutput {
  const { width, tokens, epsilon } = config;
  const { encoder, start } = visionEncoder(scope, config, patches, path);
  const { batch } = encoder;
  const firsts = (rows: Value): Value => reshape(slice(reshape(rows, [batch, tokens, width]), 1, 0, 1), [batch, width]);
  const { pooled, lastInput } = encodePooled(encoder, start, { pick: firsts });

  const normed = norm(scope, `${path}.post_layernorm`, pooled, epsilon);
  scope.observe("vision.post_layernorm", normed);
  return { pooled: normed, lastInput };
}

/** Patches → all tokens at the input of the last block, the class token first: [batch · tokens, width]. */
export function visionTokens(scope: Scope, config: ClipVisionConfig, patches: Value, path: string): Value {
  const { encoder, start } = visionEncoder(scope, config, patches, path);
  return encodeUpTo(encoder, start, config.layers - 1);
}

/** A tree of texts → the end token of each text, [texts, width]. */
export function textModel(scope: Scope, config: ClipTextConfig, inputs: TextInputs, path = "text_model"): Value {
  const { width, vocabulary, positions, epsilon } = config;
  const { texts: batch, tokens, ids, ends, endOf, isEnd, reach } = inputs;
  const words = scope.parameter(`${path}.embeddings.token_embedding.weight`, [vocabulary, width]);
  const places = scope.parameter(`${path}.embeddings.position_embedding.weight`, [positions, width]);
  const start = scope.stage("text.embeddings", add(gather(words, ids), gather(places, inputs.positions)));

  const mask = causalMask(scope.graph, tokens);
  const encoder: Encoder = { scope, path: `${path}.encoder`, name: "text", config, batch, mask, cells: inputs };
  const { pooled } = encodePooled(encoder, start, { pick: (rows) => pick(rows, ends, endOf, isEnd), reach });

  const normed = norm(scope, `${path}.final_layer_norm`, pooled, epsilon);
  scope.observe("text.final_layer_norm", normed);
  return normed;
}

/** The image embedding, compared with texts: [batch, projection]. */
export const imageFeatures = (scope: Scope, pooled: Value, config: ClipConfig): Value =>
  scope.stage("vision.features", projection(scope, "visual_projection", pooled, config.projection));

/** The text embedding, compared with images: [texts, projection]. */
export const textFeatures = (scope: Scope, pooled: Value, config: ClipConfig): Value =>
  scope.stage("text.features", projection(scope, "text_projection", pooled, config.projection));

/** The logarithm of the factor on cosines. */
export const logitScale = (scope: Scope): Value => scope.parameter("logit_scale", []);
