/** @file SigLIP (Zhai et al., 2023): two bidirectional towers, images pooled by a learned query, texts at their last position. */
import { add, expand, gather, linear, reshape, slice, type Value } from "../../graph/index.js";
import { axis } from "../layers/axes.js";
import { linearLayer, norm, patchEmbedding } from "../layers/linear.js";
import type { Scope } from "../layers/scope.js";
import { attention, type Encoder, encode, encodePooled, joinHeads, mlp, splitHeads } from "../layers/transformer.js";
import type { SiglipTextConfig, SiglipVisionConfig } from "./config.js";

/** Patches [batch, patches, 3 · patch²] → tokens [batch · patches, width] after the last norm. */
export function visionTower(scope: Scope, config: SiglipVisionConfig, patches: Value, path = "vision_model"): Value {
  const { width, tokens, epsilon } = config;
  const batch = axis(patches, 0);
  const cut = patchEmbedding(scope, `${path}.embeddings.patch_embedding`, patches, { ...config, bias: true });
  const positions = scope.parameter(`${path}.embeddings.position_embedding.weight`, [tokens, width]);
  const start = scope.stage("vision.embeddings", reshape(add(cut, positions), [-1, width]));
  const encoded = encode({ scope, path: `${path}.encoder`, name: "vision", config, batch }, start);
  return scope.stage("vision.post_layernorm", norm(scope, `${path}.post_layernorm`, encoded, epsilon));
}

/** One learned query attends to all tokens of an image: [batch · tokens, width] → [batch, width]. */
export function attentionPooling(scope: Scope, config: SiglipVisionConfig, rows: Value, batch: number): Value {
  const { width, heads, epsilon } = config;
  const path = "vision_model.head";
  // torch stores the three projections as one matrix, which is no linear layer: LoRA ignores it.
  const weight = scope.parameter(`${path}.attention.in_proj_weight`, [3 * width, width]);
  const bias = scope.parameter(`${path}.attention.in_proj_bias`, [3 * width]);
  const part = (x: Value, index: number): Value => {
    const [from, to] = [index * width, (index + 1) * width];
    return linear(x, slice(weight, 0, from, to), slice(bias, 0, from, to), { transB: true });
  };
  const probe = expand(
    reshape(part(reshape(scope.parameter(`${path}.probe`, [1, 1, width]), [1, width]), 0), [1, heads, 1, -1]),
    [batch, heads, 1, width / heads],
  );
  const mixed = attention(probe, splitHeads(part(rows, 1), batch, heads), splitHeads(part(rows, 2), batch, heads));
  // PEFT cannot change this layer, because torch reads its weight without calling the module: here it is an ordinary
  // parameter.
  const out = linear(
    joinHeads(mixed, width),
    scope.parameter(`${path}.attention.out_proj.weight`, [width, width]),
    scope.parameter(`${path}.attention.out_proj.bias`, [width]),
    { transB: true },
  );
  scope.observe("vision.head.attention", out);
  const changed = mlp(scope, `${path}.mlp`, norm(scope, `${path}.layernorm`, out, epsilon), config);
  scope.observe("vision.head.mlp", changed);
  return scope.stage("vision.head", add(out, changed));
}

/** Patches → the image embedding, compared with texts: [batch, width]. */
export function imageFeatures(scope: Scope, config: SiglipVisionConfig, patches: Value): Value {
  return attentionPooling(scope, config, visionTower(scope, config, patches), axis(patches, 0));
}

/**
 * Ids [texts, positions] → [texts, projection]. Padded to the full length; padding is attended to like any other token.
 */
export function textFeatures(scope: Scope, config: SiglipTextConfig, ids: Value, path = "text_model"): Value {
  const { width, vocabulary, positions, epsilon } = config;
  const [batch, tokens] = [axis(ids, 0), axis(ids, 1)];
  const words = scope.parameter(`${path}.embeddings.token_embedding.weight`, [vocabulary, width]);
  const places = scope.parameter(`${path}.embeddings.position_embedding.weight`, [positions, width]);
  const start = scope.stage("text.embeddings", reshape(add(gather(words, ids), places), [-1, width]));

  const encoder: Encoder = { scope, path: `${path}.encoder`, name: "text", config, batch };
  const lasts = (rows: Value): Value =>
    reshape(slice(reshape(rows, [batch, tokens, width]), 1, tokens - 1, tokens), [batch, width]);
  const { pooled } = encodePooled(encoder, start, { pick: lasts });

  const normed = norm(scope, `${path}.final_layer_norm`, pooled, epsilon);
  scope.observe("text.final_layer_norm", normed);
  return scope.stage("text.head", linearLayer(scope, `${path}.head`, normed, config.projection));
}
