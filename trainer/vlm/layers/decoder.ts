/**
 * @file The transformer decoder of Gemma, Gemma 2 and Llama: RMS norms, rotary positions, grouped keys, a gated MLP.
 * Activations are matrices [rows · cells, width], so that every linear layer is one product.
 */

import { at } from "../../at.js";
import {
  add,
  concat,
  type Graph,
  gated,
  gather,
  linear,
  matMul,
  multiply,
  type RotaryTables,
  reshape,
  rmsNormalization,
  rotary,
  slice,
  softCap,
  softmax,
  split,
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
  /** Query heads; each of the `groups` key and value heads serves heads / groups of them. */
  readonly heads: number;
  readonly groups: number;
  readonly headSize: number;
  readonly vocabulary: number;
  readonly epsilon: number;
  /** Base of the rotary angles. */
  readonly theta: number;
  readonly activation: "gelu_pytorch_tanh" | "silu";
  /** Added to a norm's weight: Gemma stores the weight minus one. */
  readonly normOffset: 0 | 1;
  /** Gemma 2 also normalizes the outputs of attention and the MLP. */
  readonly sandwich: boolean;
  /** Factor on queries. */
  readonly queryScale: number;
  /** Factor on token embeddings. */
  readonly embeddingScale: number;
  /** Soft caps of attention scores and of logits; null: none. */
  readonly attentionCap: number | null;
  readonly logitCap: number | null;
  /** In a sliding-window layer, an answer's token attends to this many cells, its own included; null: all. */
  readonly window: number | null;
  readonly slides: (layer: number) => boolean;
  /** Whether the logits use the embedding's weight. */
  readonly tied: boolean;
}

/** Positions of a decoder's cells, and what they attend to. */
export interface Cells {
  readonly rows: number;
  /** int32 [rows, cells] */
  readonly positions: Value;
  /** Added to attention scores, [rows, 1, cells, keys]. */
  readonly mask: Value;
  /** The same for sliding-window layers; equal to `mask` where the window holds everything. */
  readonly slidingMask: Value;
  /** All positions are below this. */
  readonly positionsEnd: number;
}

/** Of some cells; [rows, groups, cells, head size] each. */
export interface KeysAndValues {
  readonly key: Value;
  readonly value: Value;
}

/**
 * Maps the keys and values of a layer's computed cells to those that are attended to, in the order of the mask's
 * columns.
 */
export type KeyValueStore = (layer: number, own: KeysAndValues) => readonly KeysAndValues[];

const asComputed: KeyValueStore = (_layer, own) => [own];

/** A decoder at its path in the module tree. */
export interface Decoder {
  readonly scope: Scope;
  readonly config: DecoderConfig;
  readonly path: string;
}

function rmsNorm({ scope, config }: Decoder, path: string, x: Value): Value {
  const weight = scope.parameter(`${path}.weight`, [config.width]);
  return rmsNormalization(x, config.normOffset === 0 ? weight : add(weight, config.normOffset), config.epsilon);
}

/** The rotations of queries and keys to their positions. */
interface Turns {
  readonly positions: Value;
  /** Includes the factor on queries. */
  readonly query: RotaryTables;
  readonly key: RotaryTables;
}

/** Rounded to float32 where the originals do. */
function turnsOf(
  graph: Graph,
  { headSize, theta, queryScale }: DecoderConfig,
  { positions, positionsEnd }: Cells,
): Turns {
  const half = headSize / 2;
  const angles = Float32Array.from({ length: positionsEnd * half }, (_, cell) => {
    const frequency = Math.fround(1 / theta ** ((2 * (cell % half)) / headSize));
    return Math.floor(cell / half) * frequency;
  });
  const tables = (factor: number): RotaryTables => ({
    cos: graph.constant(
      angles.map((angle) => factor * Math.cos(angle)),
      [positionsEnd, half],
    ),
    sin: graph.constant(
      angles.map((angle) => factor * Math.sin(angle)),
      [positionsEnd, half],
    ),
  });
  return { positions, query: tables(queryScale), key: tables(1) };
}

/** Swaps the two middle axes of four; copies nothing where one of them has length 1. */
function turned(x: Value): Value {
  const [first, second, third, last] = x.shape as [number, number, number, number];
  return second === 1 || third === 1 ? reshape(x, [first, third, second, last]) : transpose(x, [0, 2, 1, 3]);
}

/** [rows · cells, heads · size] → [rows, heads, cells, size] */
const splitHeads = (x: Value, rows: number, heads: number): Value =>
  turned(reshape(x, [rows, -1, heads, lastAxis(x) / heads]));

/** Queries [rows, heads, cells, size] over the attended cells → [rows · cells, heads · size]. */
function groupedAttention(config: DecoderConfig, query: Value, seen: readonly KeysAndValues[], mask: Value): Value {
  const { heads, groups, headSize, attentionCap } = config;
  const [rows, cells] = [axis(query, 0), axis(query, 2)];
  // Stack the heads of a group, so that its keys are read once and not copied per head.
  const below = [rows, groups, (heads / groups) * cells];
  const grouped = reshape(query, [...below, headSize]);
  const scores = concat(
    seen.map(({ key }) => matMul(grouped, key, { transB: true })),
    3,
  );
  const capped = attentionCap === null ? scores : softCap(scores, attentionCap);
  const weights = softmax(add(reshape(capped, [rows, heads, cells, -1]), mask));
  const shares = split(
    reshape(weights, [...below, -1]),
    3,
    seen.map(({ key }) => axis(key, 2)),
  );
  const mixed = seen.map(({ value }, part) => matMul(at(shares, part), value)).reduce((one, other) => add(one, other));
  return reshape(turned(reshape(mixed, [rows, heads, cells, headSize])), [-1, heads * headSize]);
}

function attention(decoder: Decoder, layer: number, x: Value, cells: Cells, turns: Turns, store: KeyValueStore): Value {
  const { scope, config } = decoder;
  const { heads, groups, headSize, width } = config;
  const { positions } = turns;
  const path = `${decoder.path}.layers.${layer}.self_attn`;
  const part = (name: string, count: number): Value =>
    splitHeads(projection(scope, `${path}.${name}`, x, count * headSize), cells.rows, count);
  const query = rotary(part("q_proj", heads), positions, turns.query);
  const key = rotary(part("k_proj", groups), positions, turns.key);
  const seen = store(layer, { key, value: part("v_proj", groups) });
  const mask = config.slides(layer) ? cells.slidingMask : cells.mask;
  return projection(scope, `${path}.o_proj`, groupedAttention(config, query, seen, mask), width);
}

/** down(activation(gate(x)) · up(x)) */
function gatedMlp({ scope, config }: Decoder, path: string, x: Value): Value {
  const gate = projection(scope, `${path}.gate_proj`, x, config.mlp);
  const up = projection(scope, `${path}.up_proj`, x, config.mlp);
  const mixed = gated(config.activation === "silu" ? "silu" : "tanhGelu", gate, up);
  return projection(scope, `${path}.down_proj`, mixed, config.width);
}

function block(decoder: Decoder, layer: number, x: Value, cells: Cells, turns: Turns, store: KeyValueStore): Value {
  const { scope, config } = decoder;
  const path = `${decoder.path}.layers.${layer}`;
  const { sandwich } = config;
  const norm = (name: string, value: Value): Value => rmsNorm(decoder, `${path}.${name}`, value);
  const attended = attention(decoder, layer, norm("input_layernorm", x), cells, turns, store);
  scope.observe(`text.layer.${layer}.attention`, attended);
  const middle = add(x, sandwich ? norm("post_attention_layernorm", attended) : attended);
  const inner = norm(sandwich ? "pre_feedforward_layernorm" : "post_attention_layernorm", middle);
  const mixed = gatedMlp(decoder, `${path}.mlp`, inner);
  scope.observe(`text.layer.${layer}.mlp`, mixed);
  const out = add(middle, sandwich ? norm("post_feedforward_layernorm", mixed) : mixed);
  scope.observe(`text.layer.${layer}`, out);
  return out;
}

/** Token ids of any shape → their scaled embeddings: [...ids, width]. */
export function embedTokens({ scope, config, path }: Decoder, ids: Value): Value {
  const table = scope.parameter(`${path}.embed_tokens.weight`, [config.vocabulary, config.width]);
  const picked = gather(table, ids);
  return config.embeddingScale === 1 ? picked : multiply(picked, config.embeddingScale);
}

/** All blocks and the last norm: [rows · cells, width] → the same. */
export function decode(decoder: Decoder, x: Value, cells: Cells, store: KeyValueStore = asComputed): Value {
  const turns = turnsOf(x.graph, decoder.config, cells);
  let state = x;
  for (let layer = 0; layer < decoder.config.layers; layer++) {
    state = block(decoder, layer, state, cells, turns, store);
  }
  const normed = rmsNorm(decoder, `${decoder.path}.norm`, state);
  decoder.scope.observe("text.norm", normed);
  return normed;
}

/** Numbers of the head to widen at once: as many as a large layer's weight has. */
const WIDENED = 2 ** 26;

/** States [n, width] → logits of the next token [n, vocabulary]. */
export function nextTokenLogits({ scope, config, path }: Decoder, states: Value): Value {
  const { vocabulary, width, tied, logitCap } = config;
  const head = scope.parameter(tied ? `${path}.embed_tokens.weight` : "lm_head.weight", [vocabulary, width]);
  // A half-precision head is widened for its product; widening a large vocabulary at once would take more memory than
  // anything else.
  const widened = head.graph.halfOf(head) === undefined ? 0 : vocabulary * width;
  const parts = Math.ceil(widened / WIDENED);
  const rows = Math.ceil(vocabulary / Math.max(1, parts));
  const logits = concat(
    Array.from({ length: Math.ceil(vocabulary / rows) }, (_, part) => {
      const end = Math.min(vocabulary, (part + 1) * rows);
      return linear(states, slice(head, 0, part * rows, end), undefined, { transB: true });
    }),
    1,
  );
  return logitCap === null ? logits : softCap(logits, logitCap);
}
