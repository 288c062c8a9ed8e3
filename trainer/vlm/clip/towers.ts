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
  quickGelu,
  reshape,
  slice,
  softmax,
  split,
  transpose,
  type Value,
} from "../../graph/index.js";
import type { ClipConfig, TowerConfig } from "./config.js";
import type { Tower } from "./modules.js";

/** A parameter's value in the graph, by its name in the file. */
export type Parameters = (name: string) => Value;

/** Sees named intermediate values, for comparisons. */
export type Observe = (name: string, value: Value) => void;

interface Encoder {
  readonly parameters: Parameters;
  readonly tower: Tower;
  readonly config: TowerConfig;
  readonly batch: number;
  readonly tokens: number;
  /** Added to the attention's scores. */
  readonly mask?: Value;
}

/** What is masked gets this score; its exponential is zero. */
const MASKED = -1e30;

function norm({ parameters, config }: Encoder, name: string, x: Value): Value {
  return layerNormalization(x, parameters(`${name}.weight`), parameters(`${name}.bias`), config.epsilon);
}

const activate = (config: TowerConfig, x: Value): Value => (config.activation === "gelu" ? gelu(x) : quickGelu(x));

/** Several linear layers of one input as one product: [rows, outputs of all]. */
function joined({ parameters }: Encoder, prefix: string, names: readonly string[], x: Value): Value {
  const weights = names.map((name) => parameters(`${prefix}.${name}.weight`));
  const biases = names.map((name) => parameters(`${prefix}.${name}.bias`));
  return linear(x, concat(weights, 0), concat(biases, 0), { transB: true });
}

/** Queries [batch, heads, rows, size], keys and values [batch, heads, tokens, size] → [batch · rows, width]. */
function attend({ config, mask }: Encoder, query: Value, key: Value, value: Value): Value {
  const size = config.width / config.heads;
  const scores = multiply(matMul(query, key, { transB: true }), size ** -0.5);
  const weights = softmax(mask === undefined ? scores : add(scores, mask));
  const mixed = transpose(matMul(weights, value), [0, 2, 1, 3]);
  return reshape(mixed, [-1, config.width]);
}

/** [batch · rows, count · width] → `count` tensors [batch, heads, rows, size]. */
function heads({ config, batch }: Encoder, x: Value, count: number): readonly Value[] {
  const size = config.width / config.heads;
  const cut = reshape(x, [batch, -1, count, config.heads, size]);
  const rows = cut.shape[1] ?? 1;
  return split(
    transpose(cut, [2, 0, 3, 1, 4]),
    0,
    Array.from({ length: count }, () => 1),
  ).map((part) => reshape(part, [batch, config.heads, rows, size]));
}

/** The part of a block after attention: both residual sums and the MLP. */
function finish(encoder: Encoder, prefix: string, x: Value, attention: Value): Value {
  const { parameters, config } = encoder;
  const layer = (name: string, value: Value): Value =>
    linear(value, parameters(`${prefix}.mlp.${name}.weight`), parameters(`${prefix}.mlp.${name}.bias`), {
      transB: true,
    });
  const middle = add(x, attention);
  const hidden = activate(config, layer("fc1", norm(encoder, `${prefix}.layer_norm2`, middle)));
  return add(middle, layer("fc2", hidden));
}

/** One block for all tokens: [batch · tokens, width] → the same. */
function block(encoder: Encoder, prefix: string, x: Value, observe: (value: Value) => void): Value {
  const h = norm(encoder, `${prefix}.layer_norm1`, x);
  const qkv = joined(encoder, `${prefix}.self_attn`, ["q_proj", "k_proj", "v_proj"], h);
  const [query, key, value] = heads(encoder, qkv, 3) as [Value, Value, Value];
  const attention = joined(encoder, `${prefix}.self_attn`, ["out_proj"], attend(encoder, query, key, value));
  observe(attention);
  return finish(encoder, prefix, x, attention);
}

/** One block for the pooled token alone, which is all that the last block's result is used for: [batch, width]. */
function pooledBlock(encoder: Encoder, prefix: string, x: Value, pooled: Value): Value {
  const attentionName = `${prefix}.self_attn`;
  const all = norm(encoder, `${prefix}.layer_norm1`, x);
  const one = norm(encoder, `${prefix}.layer_norm1`, pooled);
  const [key, value] = heads(encoder, joined(encoder, attentionName, ["k_proj", "v_proj"], all), 2) as [Value, Value];
  const [query] = heads(encoder, joined(encoder, attentionName, ["q_proj"], one), 1) as [Value];
  const attention = joined(encoder, attentionName, ["out_proj"], attend(encoder, query, key, value));
  return finish(encoder, prefix, pooled, attention);
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
function visionEmbeddings(encoder: Encoder, patches: Value): Value {
  const { parameters, config, batch, tokens } = encoder;
  const kernel = parameters("vision_model.embeddings.patch_embedding.weight");
  const cut = linear(patches, reshape(kernel, [config.width, -1]), undefined, { transB: true });
  const first = reshape(parameters("vision_model.embeddings.class_embedding"), [1, 1, config.width]);
  const sequence = concat([expand(first, [batch, 1, config.width]), cut], 1);
  const placed = add(sequence, parameters("vision_model.embeddings.position_embedding.weight"));
  return reshape(placed, [batch * tokens, config.width]);
}

function visionEncoder(parameters: Parameters, config: ClipConfig, batch: number): Encoder {
  return { parameters, tower: "vision_model", config: config.vision, batch, tokens: config.vision.tokens };
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

export interface TextInputs {
  /** Token ids [batch, tokens], int32. */
  readonly ids: Value;
  /** [batch, 1, tokens]: 1 at the pooled token, else 0. */
  readonly pooling: Value;
}

function textEncoder(graph: Graph, parameters: Parameters, config: ClipConfig, ids: Value): Encoder {
  const [batch = 1, tokens = 1] = ids.shape;
  const mask = Float32Array.from({ length: tokens * tokens }, (_, i) =>
    i % tokens > Math.floor(i / tokens) ? MASKED : 0,
  );
  return {
    parameters,
    tower: "text_model",
    config: config.text,
    batch,
    tokens,
    mask: graph.constant(mask, [tokens, tokens]),
  };
}

function textEmbeddings({ parameters, config, batch, tokens }: Encoder, ids: Value): Value {
  const table = parameters("text_model.embeddings.token_embedding.weight");
  const positions = slice(parameters("text_model.embeddings.position_embedding.weight"), 0, 0, tokens);
  return reshape(add(gather(table, ids), positions), [batch * tokens, config.width]);
}

/** → projected features [batch, projection], not normalised. */
export function textFeatures(parameters: Parameters, config: ClipConfig, { ids, pooling }: TextInputs): Value {
  const whole = textEncoder(ids.graph, parameters, config, ids);
  const { batch, tokens } = whole;
  const { width } = config.text;
  const lastInput = trunk(whole, textEmbeddings(whole, ids));
  const pick = (x: Value): Value => reshape(matMul(pooling, reshape(x, [batch, tokens, width])), [batch, width]);
  // What the pooled token may see: itself and all before it, by the same one-hot row.
  const mask = reshape(matMul(pooling, whole.mask as Value), [batch, 1, 1, tokens]);
  const last = pooledBlock({ ...whole, mask }, lastLayer(whole), lastInput, pick(lastInput));
  const pooled = norm(whole, "text_model.final_layer_norm", last);
  return linear(pooled, parameters("text_projection.weight"), undefined, { transB: true });
}

export const unit = l2Normalize;

/** Both towers for all tokens, every stage observed. */
export function observedTowers(
  parameters: Parameters,
  config: ClipConfig,
  { patches, ids }: { patches: Value; ids: Value },
  observe: Observe,
): void {
  const stages = (encoder: Encoder, start: Value, side: string): Value => {
    const { batch, tokens, config: tower } = encoder;
    const whole = (value: Value): Value => reshape(value, [batch, tokens, tower.width]);
    let state = start;
    for (let index = 0; index < tower.layers; index++) {
      state = block(encoder, layerName(encoder.tower, index), state, (attention) =>
        observe(`${side}.layer.${index}.attention`, whole(attention)),
      );
      observe(`${side}.layer.${index}`, whole(state));
    }
    return whole(state);
  };
  const vision = visionEncoder(parameters, config, patches.shape[0] ?? 1);
  const embedded = visionEmbeddings(vision, patches);
  const wholeVision = [vision.batch, vision.tokens, config.vision.width];
  observe("vision.embeddings", reshape(embedded, wholeVision));
  const start = norm(vision, "vision_model.pre_layrnorm", embedded);
  observe("vision.pre_layrnorm", reshape(start, wholeVision));
  const classToken = reshape(slice(stages(vision, start, "vision"), 1, 0, 1), [vision.batch, config.vision.width]);
  observe("vision.post_layernorm", norm(vision, "vision_model.post_layernorm", classToken));

  const text = textEncoder(ids.graph, parameters, config, ids);
  const tokens = textEmbeddings(text, ids);
  observe("text.embeddings", reshape(tokens, [text.batch, text.tokens, config.text.width]));
  observe("text.final_layer_norm", norm(text, "text_model.final_layer_norm", stages(text, tokens, "text")));
}
