/**
 * @file The pre-LN transformer encoder of the towers of CLIP and SigLIP. Activations are matrices [batch · tokens,
 * width], so that every linear layer is one product.
 */
import {
  add,
  type Graph,
  gelu,
  linear,
  matMul,
  multiply,
  reshape,
  silu,
  softmax,
  tanhGelu,
  transpose,
  type Value,
} from "../../graph/index.js";
import { lastAxis } from "./axes.js";
import { linearLayer, norm } from "./linear.js";
import type { Scope } from "./scope.js";
import { type Cells, gatherNodes, spread } from "./shared-rows.js";

export const ACTIVATIONS = ["quick_gelu", "gelu", "gelu_pytorch_tanh"] as const;
export type Activation = (typeof ACTIVATIONS)[number];

export interface EncoderConfig {
  readonly width: number;
  readonly mlp: number;
  readonly layers: number;
  readonly heads: number;
  readonly activation: Activation;
  readonly epsilon: number;
}

/** An encoder at its path in the module tree, over a batch of sequences. */
export interface Encoder {
  readonly scope: Scope;
  /** In the module tree, and in the names of the reference numbers. */
  readonly path: string;
  readonly name: string;
  readonly config: EncoderConfig;
  readonly batch: number;
  /** Added to the attention scores. */
  readonly mask?: Value;
  /**
   * Where rows are nodes of a tree: their cells in its texts. Otherwise there is a row for each token of each sequence.
   */
  readonly cells?: Cells;
}

/** The score of masked cells; its exponential is zero. */
export const MASKED = -1e30;

/** [tokens, tokens]: a token attends to itself and earlier ones. */
export function causalMask(graph: Graph, tokens: number): Value {
  const later = (cell: number): boolean => cell % tokens > Math.floor(cell / tokens);
  const mask = Float32Array.from({ length: tokens * tokens }, (_, cell) => (later(cell) ? MASKED : 0));
  return graph.constant(mask, [tokens, tokens]);
}

/** OpenAI's GELU: x · σ(1.702 x). */
const QUICK = 1.702;

/** fc2(activation(fc1(x))). */
export function mlp(scope: Scope, path: string, x: Value, config: EncoderConfig): Value {
  const { mlp: inner, width, activation } = config;
  if (activation !== "quick_gelu") {
    const hidden = linearLayer(scope, `${path}.fc1`, x, inner);
    return linearLayer(scope, `${path}.fc2`, activation === "gelu" ? gelu(hidden) : tanhGelu(hidden), width);
  }
  // x · σ(c·x) is silu(c·x) / c, and products apply factors at no cost.
  const [w1, b1] = [scope.weight(`${path}.fc1`, inner, width), scope.parameter(`${path}.fc1.bias`, [inner])];
  const hidden = silu(linear(x, w1, b1, { transB: true, alpha: QUICK, beta: QUICK }));
  const [w2, b2] = [scope.weight(`${path}.fc2`, width, inner), scope.parameter(`${path}.fc2.bias`, [width])];
  return linear(hidden, w2, b2, { transB: true, alpha: 1 / QUICK });
}

/** Queries [batch, heads, rows, size], keys and values [batch, heads, tokens, size] → like the queries. */
export function attention(query: Value, key: Value, value: Value, mask?: Value): Value {
  const scores = multiply(matMul(query, key, { transB: true }), lastAxis(query) ** -0.5);
  return matMul(softmax(mask === undefined ? scores : add(scores, mask)), value);
}

/** Rows as [batch, heads, tokens, size]. */
export const splitHeads = (x: Value, batch: number, heads: number): Value =>
  transpose(reshape(x, [batch, -1, heads, lastAxis(x) / heads]), [0, 2, 1, 3]);

/** The inverse: [batch, heads, tokens, size] to rows. */
export const joinHeads = (mixed: Value, width: number): Value => reshape(transpose(mixed, [0, 2, 1, 3]), [-1, width]);

/** Splits rows of a linear layer's result into heads; a tree's nodes are copied to the cells of its texts. */
const split = ({ config, batch, cells }: Encoder, x: Value): Value =>
  cells === undefined ? splitHeads(x, batch, config.heads) : spread(x, cells);

const join = ({ config, cells }: Encoder, mixed: Value): Value =>
  cells === undefined ? joinHeads(mixed, config.width) : gatherNodes(mixed, cells);

/** The part of a block after attention: both residual sums and the MLP. */
function finish({ scope, config }: Encoder, path: string, x: Value, mixed: Value): Value {
  const middle = add(x, mixed);
  return add(middle, mlp(scope, `${path}.mlp`, norm(scope, `${path}.layer_norm2`, middle, config.epsilon), config));
}

const blockPath = ({ path }: Encoder, index: number): string => `${path}.layers.${index}`;

/** One block for all rows: [rows, width] → the same. */
function block(encoder: Encoder, index: number, x: Value): Value {
  const { scope, name, config, mask } = encoder;
  const path = blockPath(encoder, index);
  const h = norm(scope, `${path}.layer_norm1`, x, config.epsilon);
  const part = (layer: string): Value =>
    split(encoder, linearLayer(scope, `${path}.self_attn.${layer}`, h, config.width));
  const mixed = attention(part("q_proj"), part("k_proj"), part("v_proj"), mask);
  const out = linearLayer(scope, `${path}.self_attn.out_proj`, join(encoder, mixed), config.width);
  scope.observe(`${name}.layer.${index}.attention`, out);
  return scope.stage(`${name}.layer.${index}`, finish(encoder, path, x, out));
}

/** One block for a single token of each sequence, where the others' results are not used: [batch, width]. */
function pooledBlock(encoder: Encoder, index: number, x: Value, pooled: Value, reach?: Value): Value {
  const { scope, name, batch, config } = encoder;
  const path = blockPath(encoder, index);
  const all = norm(scope, `${path}.layer_norm1`, x, config.epsilon);
  const one = norm(scope, `${path}.layer_norm1`, pooled, config.epsilon);
  const part = (layer: string, rows: Value): Value =>
    linearLayer(scope, `${path}.self_attn.${layer}`, rows, config.width);
  // With one row per sequence, splitting it into heads copies nothing.
  const query = reshape(part("q_proj", one), [batch, config.heads, 1, -1]);
  const mixed = attention(query, split(encoder, part("k_proj", all)), split(encoder, part("v_proj", all)), reach);
  const out = linearLayer(scope, `${path}.self_attn.out_proj`, reshape(mixed, [batch, config.width]), config.width);
  scope.observe(`${name}.layer.${index}.attention`, out);
  return scope.stage(`${name}.layer.${index}`, finish(encoder, path, pooled, out));
}

/** The blocks before number `end`: [rows, width] → the same. */
export function encodeUpTo(encoder: Encoder, x: Value, end: number): Value {
  let state = x;
  for (let index = 0; index < end; index++) state = block(encoder, index, state);
  return state;
}

/** All blocks for all rows. */
export const encode = (encoder: Encoder, x: Value): Value => encodeUpTo(encoder, x, encoder.config.layers);

/** Selects one token of each sequence. */
export interface Pooling {
  /** Rows [batch · tokens, width] → the selected ones, [batch, width]. */
  readonly pick: (rows: Value) => Value;
  /** Added to the selected token's attention scores, where it does not attend to everything. */
  readonly reach?: Value;
}

/** All blocks, the last one for the selected tokens alone. `lastInput`: all rows at the input of the last block. */
export function encodePooled(
  encoder: Encoder,
  x: Value,
  { pick, reach }: Pooling,
): { pooled: Value; lastInput: Value } {
  const last = encoder.config.layers - 1;
  const lastInput = encodeUpTo(encoder, x, last);
  return { lastInput, pooled: pooledBlock(encoder, last, lastInput, pick(lastInput), reach) };
}
