/**
 * @file The transformer decoder of Gemma, Gemma 2 and Llama: RMS norms, rotary positions, grouped keys, a gated MLP. Activations are
 * matrices [rows · cells, width], so that every linear layer is one product.
 */
import {
  add,
  concat,
  type Graph,
  gather,
  linear,
  matMul,
  multiply,
  reshape,
  rmsNormalize,
  silu,
  slice,
  softCap,
  softmax,
  subtract,
  tanhGelu,
  transpose,
  type Value,
} from "../../graph/index.js";
import { axis, lastAxis } from "./axes.js";
import { projection } from "./linear.js";
import type { Scope } from "./scope.js";

export interface DecoderConfig {
  readonly width: number;
  readonly mlp: number;
  readonly layers: number;
  /** Of queries; each of the `groups` key and value heads serves heads / groups of them. */
  readonly heads: number;
  readonly groups: number;
  readonly headSize: number;
  readonly vocabulary: number;
  readonly epsilon: number;
  /** Base of the rotary angles. */
  readonly theta: number;
  readonly activation: "gelu_pytorch_tanh" | "silu";
  /** What is added to a norm's weight: Gemma stores it less one. */
  readonly normOffset: 0 | 1;
  /** Gemma 2 also normalises what attention and the MLP add. */
  readonly sandwich: boolean;
  /** Queries are multiplied by it. */
  readonly queryScale: number;
  /** Token embeddings are multiplied by it. */
  readonly embeddingScale: number;
  /** Soft caps of attention scores and of logits; null: none. */
  readonly attentionCap: number | null;
  readonly logitCap: number | null;
  /** Cells before its own that a token of an answer sees in a sliding layer, its own included; null: all. */
  readonly window: number | null;
  readonly slides: (layer: number) => boolean;
  /** Whether the logits' weight is the embedding's. */
  readonly tied: boolean;
}

/** Where a decoder's cells are and what they see. */
export interface Cells {
  readonly rows: number;
  /** int32 [rows, cells] */
  readonly positions: Value;
  /** Added to attention scores, [rows, 1, cells, keys]. */
  readonly mask: Value;
  /** The same for sliding layers; the same value where the window holds everything. */
  readonly slidingMask: Value;
  /** Positions are below it. */
  readonly positionsEnd: number;
}

/** Keys and values of a layer for the cells that are computed → those that are attended to: [rows, groups, keys, head size]. */
export type KeyValueStore = (layer: number, key: Value, value: Value) => { readonly key: Value; readonly value: Value };

const asComputed: KeyValueStore = (_layer, key, value) => ({ key, value });

/** A decoder at its place in the module tree. */
export interface Decoder {
  readonly scope: Scope;
  readonly config: DecoderConfig;
  readonly path: string;
}

function rmsNorm({ scope, config }: Decoder, path: string, x: Value): Value {
  const weight = scope.parameter(`${path}.weight`, [config.width]);
  return multiply(rmsNormalize(x, config.epsilon), config.normOffset === 0 ? weight : add(weight, config.normOffset));
}

/** Cosine and sine of each position's angles, [rows, 1, cells, head size / 2]; in float32 where the originals round to it. */
function rotations(graph: Graph, { headSize, theta }: DecoderConfig, { positions, positionsEnd }: Cells): Rotations {
  const half = headSize / 2;
  const table = (of: (angle: number) => number): Value => {
    const data = Float32Array.from({ length: positionsEnd * half }, (_, cell) => {
      const frequency = Math.fround(1 / theta ** ((2 * (cell % half)) / headSize));
      return of(Math.fround(Math.floor(cell / half) * frequency));
    });
    const picked = gather(graph.constant(data, [positionsEnd, half]), positions);
    return reshape(picked, [axis(positions, 0), 1, axis(positions, 1), half]);
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

interface Rotations {
  readonly cos: Value;
  readonly sin: Value;
}

/** Rotary positions (Su et al., 2021), halves of a head paired as in Llama: x [rows, heads, cells, head size]. */
function rotate(x: Value, { cos, sin }: Rotations): Value {
  const half = lastAxis(x) / 2;
  const [a, b] = [slice(x, 3, 0, half), slice(x, 3, half, 2 * half)];
  return concat([subtract(multiply(a, cos), multiply(b, sin)), add(multiply(b, cos), multiply(a, sin))], 3);
}

/** [rows · cells, heads · size] → [rows, heads, cells, size] */
const splitHeads = (x: Value, rows: number, heads: number): Value =>
  transpose(reshape(x, [rows, -1, heads, lastAxis(x) / heads]), [0, 2, 1, 3]);

/** Queries [rows, heads, cells, size] over keys and values [rows, groups, keys, size] → [rows · cells, heads · size]. */
function groupedAttention(config: DecoderConfig, query: Value, key: Value, value: Value, mask: Value): Value {
  const { heads, groups, headSize, attentionCap } = config;
  const [rows, cells, keys] = [axis(query, 0), axis(query, 2), axis(key, 2)];
  // The heads of a group one below the other: its keys are read once, and not copied for each head.
  const grouped = reshape(query, [rows, groups, (heads / groups) * cells, headSize]);
  const scores = matMul(grouped, key, { transB: true });
  const capped = attentionCap === null ? scores : softCap(scores, attentionCap);
  const weights = softmax(add(reshape(capped, [rows, heads, cells, keys]), mask));
  const mixed = matMul(reshape(weights, [rows, groups, (heads / groups) * cells, keys]), value);
  return reshape(transpose(reshape(mixed, [rows, heads, cells, headSize]), [0, 2, 1, 3]), [-1, heads * headSize]);
}

function attention(
  decoder: Decoder,
  layer: number,
  x: Value,
  cells: Cells,
  turn: Rotations,
  store: KeyValueStore,
): Value {
  const { scope, config } = decoder;
  const { heads, groups, headSize, queryScale, width } = config;
  const path = `${decoder.path}.layers.${layer}.self_attn`;
  const part = (name: string, count: number): Value =>
    splitHeads(projection(scope, `${path}.${name}`, x, count * headSize), cells.rows, count);
  const query = multiply(rotate(part("q_proj", heads), turn), queryScale);
  const { key, value } = store(layer, rotate(part("k_proj", groups), turn), part("v_proj", groups));
  const mask = config.slides(layer) ? cells.slidingMask : cells.mask;
  return projection(scope, `${path}.o_proj`, groupedAttention(config, query, key, value, mask), width);
}

/** down(activation(gate(x)) · up(x)) */
function gatedMlp({ scope, config }: Decoder, path: string, x: Value): Value {
  const gate = projection(scope, `${path}.gate_proj`, x, config.mlp);
  const up = projection(scope, `${path}.up_proj`, x, config.mlp);
  const activated = config.activation === "silu" ? silu(gate) : tanhGelu(gate);
  return projection(scope, `${path}.down_proj`, multiply(activated, up), config.width);
}

function block(decoder: Decoder, layer: number, x: Value, cells: Cells, turn: Rotations, store: KeyValueStore): Value {
  const { scope, config } = decoder;
  const path = `${decoder.path}.layers.${layer}`;
  const { sandwich } = config;
  const norm = (name: string, value: Value): Value => rmsNorm(decoder, `${path}.${name}`, value);
  const attended = attention(decoder, layer, norm("input_layernorm", x), cells, turn, store);
  scope.observe(`text.layer.${layer}.attention`, attended);
  const middle = add(x, sandwich ? norm("post_attention_layernorm", attended) : attended);
  const inner = norm(sandwich ? "pre_feedforward_layernorm" : "post_attention_layernorm", middle);
  const mixed = gatedMlp(decoder, `${path}.mlp`, inner);
  scope.observe(`text.layer.${layer}.mlp`, mixed);
  const out = add(middle, sandwich ? norm("post_feedforward_layernorm", mixed) : mixed);
  scope.observe(`text.layer.${layer}`, out);
  return out;
}

/** Token ids of any shape → their embeddings, scaled: [...ids, width]. */
export function embedTokens({ scope, config, path }: Decoder, ids: Value): Value {
  const table = scope.parameter(`${path}.embed_tokens.weight`, [config.vocabulary, config.width]);
  const picked = gather(table, ids);
  return config.embeddingScale === 1 ? picked : multiply(picked, config.embeddingScale);
}

/** All blocks and the last norm: [rows · cells, width] → the same. */
export function decode(decoder: Decoder, x: Value, cells: Cells, store: KeyValueStore = asComputed): Value {
  const turn = rotations(x.graph, decoder.config, cells);
  let state = x;
  for (let layer = 0; layer < decoder.config.layers; layer++) {
    state = block(decoder, layer, state, cells, turn, store);
  }
  const normed = rmsNorm(decoder, `${decoder.path}.norm`, state);
  decoder.scope.observe("text.norm", normed);
  return normed;
}

/** States [n, width] → logits of the next token [n, vocabulary]. */
export function nextTokenLogits({ scope, config, path }: Decoder, states: Value): Value {
  const { vocabulary, width, tied, logitCap } = config;
  const head = scope.parameter(tied ? `${path}.embed_tokens.weight` : "lm_head.weight", [vocabulary, width]);
  const logits = linear(states, head, undefined, { transB: true });
  return logitCap === null ? logits : softCap(logits, logitCap);
}
