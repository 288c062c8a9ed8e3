/**
 * @file CLIP's two towers as graphs: a pre-LN transformer over image patches and a causal one over tokens. Activations are
 * matrices [batch · tokens, width] throughout, so that every linear layer is one product.
 */

import {
  add,
  concat,
  expand,
  type Graph,
  gather,
  gelu,
  l2Normalize,
  layerNormalization,
  linear,
  matMul,
  multiply,
  reshape,
  silu,
  slice,
  softmax,
  transpose,
  type Value,
} from "../../graph/index.js";
import { type Cells, gatherNodes, pick, spread } from "../training/shared-rows.js";
import type { Parameters } from "../weights/parameters.js";
import type { ClipConfig, TowerConfig } from "./config.js";
import type { Tower } from "./modules.js";

/** A parameter's value in the graph, by its name in the file. */

/** Sees named intermediate values, for comparisons. */
export type Observe = (name: string, value: Value) => void;

interface Encoder {
  readonly parameters: Parameters;
  readonly tower: Tower;
  readonly config: TowerConfig;
  readonly batch: number;
  /** Added to the attention's scores. */
  readonly mask?: Value;
  /** Where the rows are nodes of a tree: how they lie in its texts. Else there is a row for each token of each text or image. */
  readonly cells?: Cells;
}

/** What is masked gets this score; its exponential is zero. */
const MASKED = -1e30;

function norm({ parameters, config }: Encoder, name: string, x: Value): Value {
  return layerNormalization(x, parameters(`${name}.weight`), parameters(`${name}.bias`), config.epsilon);
}

/** x · Wᵀ + b of the linear layer of that name. */
function layer({ parameters }: Encoder, name: string, x: Value): Value {
  return linear(x, parameters(`${name}.weight`), parameters(`${name}.bias`), { transB: true });
}

/** openai's GELU: x · σ(1.702 x). */
const QUICK = 1.702;

/** fc2(activation(fc1(x))). */
function mlp({ parameters, config }: Encoder, prefix: string, x: Value): Value {
  const [w1, b1] = [parameters(`${prefix}.fc1.weight`), parameters(`${prefix}.fc1.bias`)];
  const [w2, b2] = [parameters(`${prefix}.fc2.weight`), parameters(`${prefix}.fc2.bias`)];
  if (config.activation === "gelu") return linear(gelu(linear(x, w1, b1, { transB: true })), w2, b2, { transB: true });
  // x · σ(c·x) is silu(c·x) / c, and the products take the factors at no cost.
  const hidden = silu(linear(x, w1, b1, { transB: true, alpha: QUICK, beta: QUICK }));
  return linear(hidden, w2, b2, { transB: true, alpha: 1 / QUICK });
}

/** Queries [batch, heads, rows, size], keys and values [batch, heads, tokens, size] → like the queries. */
function attend({ config, mask }: Encoder, query: Value, key: Value, value: Value): Value {
  const size = config.width / config.heads;
  const scores = multiply(matMul(query, key, { transB: true }), size ** -0.5);
  const weights = softmax(mask === undefined ? scores : add(scores, mask));
  return matMul(weights, value);
}

/** Rows of a linear layer's result as [batch, heads, tokens, size]; a tree's nodes are copied to the cells of its texts. */
function heads({ config, batch, cells }: Encoder, x: Value): Value {
  if (cells !== undefined) return spread(x, cells);
  return transpose(reshape(x, [batch, -1, config.heads, config.width / config.heads]), [0, 2, 1, 3]);
}

/** The way back from [batch, heads, tokens, size] to rows. */
function rows({ config, cells }: Encoder, mixed: Value): Value {
  if (cells !== undefined) return gatherNodes(mixed, cells);
  return reshape(transpose(mixed, [0, 2, 1, 3]), [-1, config.width]);
}

/** The part of a block after attention: both residual sums and the MLP. */
function finish(encoder: Encoder, prefix: string, x: Value, attention: Value): Value {
  const middle = add(x, attention);
  return add(middle, mlp(encoder, `${prefix}.mlp`, norm(encoder, `${prefix}.layer_norm2`, middle)));
}

/** One block for all rows: [rows, width] → the same. */
function block(encoder: Encoder, prefix: string, x: Value, observe: (value: Value) => void): Value {
  const h = norm(encoder, `${prefix}.layer_norm1`, x);
  const part = (name: string): Value => heads(encoder, layer(encoder, `${prefix}.self_attn.${name}`, h));
  const mixed = attend(encoder, part("q_proj"), part("k_proj"), part("v_proj"));
  const attention = layer(encoder, `${prefix}.self_attn.out_proj`, rows(encoder, mixed));
  observe(attention);
  return finish(encoder, prefix, x, attention);
}

/** One block for the pooled token alone, which is all that the last block's result is used for: [batch, width]. */
function pooledBlock(encoder: Encoder, prefix: string, x: Value, pooled: Value): Value {
  const { batch, config } = encoder;
  const all = norm(encoder, `${prefix}.layer_norm1`, x);
  const one = norm(encoder, `${prefix}.layer_norm1`, pooled);
  const part = (name: string): Value => heads(encoder, layer(encoder, `${prefix}.self_attn.${name}`, all));
  // With one row for each image or text, splitting it into heads moves nothing.
  const query = reshape(layer(encoder, `${prefix}.self_attn.q_proj`, one), [batch, config.heads, 1, -1]);
  const mixed = reshape(attend(encoder, query, part("k_proj"), part("v_proj")), [batch, config.width]);
  return finish(encoder, prefix, pooled, layer(encoder, `${prefix}.self_attn.out_proj`, mixed));
}

const layerName = (tower: Tower, index: number): string => `${tower}.encoder.layers.${index}`;

/** All blocks but the last, whose input is returned. */
function trunk(encoder: Encoder, x: Value): Value {
  let state = x;
  for (let index = 0; index < encoder.config.layers - 1; index++) {
    state = block(encoder, layerName(encoder.tower, index), state, () => undefined);
  }
  return state;
}

const lastLayer = ({ tower, config }: Encoder): string => layerName(tower, config.layers - 1);

/** Patches of an image as rows: [batch, patches, 3 · patch²], channel by channel, as the convolution's kernel lies in the file. */
function visionEmbeddings({ parameters, config, batch }: Encoder, patches: Value): Value {
  const kernel = parameters("vision_model.embeddings.patch_embedding.weight");
  const cut = linear(patches, reshape(kernel, [config.width, -1]), undefined, { transB: true });
  const first = reshape(parameters("vision_model.embeddings.class_embedding"), [1, 1, config.width]);
  const sequence = concat([expand(first, [batch, 1, config.width]), cut], 1);
  const placed = add(sequence, parameters("vision_model.embeddings.position_embedding.weight"));
  return reshape(placed, [-1, config.width]);
}

function visionEncoder(parameters: Parameters, config: ClipConfig, batch: number): Encoder {
  return { parameters, tower: "vision_model", config: config.vision, batch };
}

export interface ImageFeatures {
  /** [batch, projection], not normalised. */
  readonly features: Value;
  /** Tokens entering the last block, [batch · tokens, width]. */
  readonly lastInput: Value;
}

/** patches [batch, patches, 3 · patch²] → projected features. */
export function imageFeatures(parameters: Parameters, config: ClipConfig, patches: Value): ImageFeatures {
  const batch = patches.shape[0] ?? 1;
  const encoder = visionEncoder(parameters, config, batch);
  const { width, tokens } = { ...config.vision };
  const start = norm(encoder, "vision_model.pre_layrnorm", visionEmbeddings(encoder, patches));
  const lastInput = trunk(encoder, start);
  const classToken = reshape(slice(reshape(lastInput, [batch, tokens, width]), 1, 0, 1), [batch, width]);
  const pooled = norm(
    encoder,
    "vision_model.post_layernorm",
    pooledBlock(encoder, lastLayer(encoder), lastInput, classToken),
  );
  return { features: linear(pooled, parameters("visual_projection.weight"), undefined, { transB: true }), lastInput };
}

/** A tree of texts (text-tree.ts), int32 unless said. */
export interface TextInputs extends Cells {
  /** Token and position of each node. */
  readonly ids: Value;
  readonly positions: Value;
  /** The pooled node of each text. */
  readonly ends: Value;
  /** For each node the text that it ends, and whether it does: float32 [nodes, 1]. */
  readonly endOf: Value;
  readonly isEnd: Value;
  /** What the pooled token may see: 0 at the cells of its text, else very low. float32 [texts, 1, 1, tokens]. */
  readonly reach: Value;
}

function causalMask(graph: Graph, tokens: number): Value {
  const later = (cell: number): boolean => cell % tokens > Math.floor(cell / tokens);
  const mask = Float32Array.from({ length: tokens * tokens }, (_, cell) => (later(cell) ? MASKED : 0));
  return graph.constant(mask, [tokens, tokens]);
}

function textEmbeddings(parameters: Parameters, ids: Value, positions: Value): Value {
  return add(
    gather(parameters("text_model.embeddings.token_embedding.weight"), ids),
    gather(parameters("text_model.embeddings.position_embedding.weight"), positions),
  );
}

/** → projected features [texts, projection], not normalised. */
export function textFeatures(parameters: Parameters, config: ClipConfig, inputs: TextInputs): Value {
  const [batch = 1, , , tokens = 1] = inputs.reach.shape;
  const mask = causalMask(inputs.ids.graph, tokens);
  const encoder: Encoder = { parameters, tower: "text_model", config: config.text, batch, mask, cells: inputs };
  const lastInput = trunk(encoder, textEmbeddings(parameters, inputs.ids, inputs.positions));
  const ends = pick(lastInput, inputs.ends, inputs.endOf, inputs.isEnd);
  const last = pooledBlock({ ...encoder, mask: inputs.reach }, lastLayer(encoder), lastInput, ends);
  const pooled = norm(encoder, "text_model.final_layer_norm", last);
  return linear(pooled, parameters("text_projection.weight"), undefined, { transB: true });
}

export const unit = l2Normalize;

/** Both towers for all tokens of one image and one text, every stage observed: [1, tokens, width]. */
export function observedTowers(
  parameters: Parameters,
  config: ClipConfig,
  { patches, ids, positions }: { patches: Value; ids: Value; positions: Value },
  observe: Observe,
): void {
  const stages = (encoder: Encoder, start: Value, side: string): Value => {
    const { config: tower } = encoder;
    let state = start;
    for (let index = 0; index < tower.layers; index++) {
      state = block(encoder, layerName(encoder.tower, index), state, (attention) =>
        observe(`${side}.layer.${index}.attention`, whole(attention)),
      );
      observe(`${side}.layer.${index}`, whole(state));
    }
    return state;
  };
  const whole = (value: Value): Value => reshape(value, [1, ...value.shape]);
  const vision = visionEncoder(parameters, config, 1);
  const embedded = visionEmbeddings(vision, patches);
  observe("vision.embeddings", whole(embedded));
  const start = norm(vision, "vision_model.pre_layrnorm", embedded);
  observe("vision.pre_layrnorm", whole(start));
  const classToken = slice(stages(vision, start, "vision"), 0, 0, 1);
  observe("vision.post_layernorm", norm(vision, "vision_model.post_layernorm", classToken));

  const mask = causalMask(ids.graph, ids.shape[0] ?? 1);
  const text: Encoder = { parameters, tower: "text_model", config: config.text, batch: 1, mask };
  const tokens = textEmbeddings(parameters, ids, positions);
  observe("text.embeddings", whole(tokens));
  observe("text.final_layer_norm", whole(norm(text, "text_model.final_layer_norm", stages(text, tokens, "text"))));
}
