/**
 * @file Texts as a tree of shared prefixes. Attention is causal, so a token's state depends only on the tokens up to
 * it. Captions with the same beginning share those states, and the linear layers run once per node of the tree. For the
 * captions of a fine-tuning step, that is two to three times less work than token by token.
 */
import { at } from "../../at.js";
import type { Graph, Value } from "../../graph/index.js";
import { float32, int32, type Tensors } from "../../tensor.js";
import type { Cells } from "../layers/shared-rows.js";
import { MASKED } from "../layers/transformer.js";
import { bucket } from "../training/program-cache.js";

/** The part of a text tower that its tree depends on. */
export interface TextTower {
  readonly vocabulary: number;
  readonly heads: number;
  /** The end token to pool at (its first position); "largest": pool at the largest id. */
  readonly pooling: number | "largest";
}

/** Nodes are numbered in order of first use; node 0 is the first token of the first text. */
export interface TextTree {
  /** Token id and position of each node. */
  readonly ids: readonly number[];
  readonly positions: readonly number[];
  /** For each text, its nodes from the first token to the pooled one. */
  readonly paths: readonly Int32Array[];
  /** Length of the longest path. */
  readonly tokens: number;
}

/** The position at which a row of ids is pooled; nothing after it matters. */
export function pooledPosition(pooling: TextTower["pooling"], ids: Int32Array): number {
  if (pooling !== "largest") return Math.max(0, ids.indexOf(pooling));
  let best = 0;
  for (let i = 1; i < ids.length; i++) if (at(ids, i) > at(ids, best)) best = i;
  return best;
}

/** Builds the tree from rows of ids, each with its end token. */
export function textTree(config: TextTower, encoded: readonly Int32Array[]): TextTree {
  const children = new Map<number, number>();
  const ids: number[] = [];
  const positions: number[] = [];
  let tokens = 1;
  const paths = encoded.map((row) => {
    const length = pooledPosition(config.pooling, row) + 1;
    tokens = Math.max(tokens, length);
    let parent = -1;
    const path = new Int32Array(length);
    for (let position = 0; position < length; position++) {
      const id = at(row, position);
      const key = (parent + 1) * config.vocabulary + id;
      let node = children.get(key);
      if (node === undefined) {
        node = ids.length;
        children.set(key, node);
        ids.push(id);
        positions.push(position);
      }
      parent = node;
      path[position] = node;
    }
    return path;
  });
  return { ids, positions, paths, tokens };
}

/** Sizes of the tree's graph, each at least the tree's own. */
export interface TreeSize {
  readonly texts: number;
  readonly tokens: number;
  readonly nodes: number;
  /** Attention heads, which determine the layout of cells. */
  readonly heads: number;
}

/** The size of the graph for a tree: path lengths even, texts and nodes rounded up. */
export function treeSize({ heads }: Pick<TextTower, "heads">, { paths, ids, tokens }: TextTree): TreeSize {
  const stepped = (count: number, step: number): number =>
    count <= 64 ? bucket(count) : Math.ceil(count / step) * step;
  const [texts, nodes] = [stepped(paths.length, TEXT_STEP), stepped(ids.length, NODE_STEP)];
  return { texts, tokens: tokens + (tokens % 2), nodes, heads };
}

/**
 * Each size is a separate graph, which holds 100 MB and more after its first run; a few per cent of padding cost less.
 */
const TEXT_STEP = 128;
const NODE_STEP = 512;

/** A tree of texts in a graph; int32 unless noted. */
export interface TextInputs extends Cells {
  /** Token and position of each node. */
  readonly ids: Value;
  readonly positions: Value;
  /** The pooled node of each text. */
  readonly ends: Value;
  /** For each node the text that it ends, and whether it ends one: float32 [nodes, 1]. */
  readonly endOf: Value;
  readonly isEnd: Value;
  /** What the pooled token may attend to: 0 at the cells of its text, else very low. float32 [texts, 1, 1, tokens]. */
  readonly reach: Value;
}

/** Declares the inputs for a tree of this size, under the names of `treeTensors`. */
export function textInputs(graph: Graph, { texts, tokens, nodes, heads }: TreeSize): TextInputs {
  const cells = texts * tokens * heads;
  return {
    texts,
    heads,
    tokens,
    ids: graph.input("ids", [nodes], "int32"),
    positions: graph.input("positions", [nodes], "int32"),
    paths: graph.input("paths", [cells], "int32"),
    order: graph.input("order", [cells], "int32"),
    last: graph.input("last", [nodes], "int32"),
    representatives: graph.input("representatives", [nodes * heads], "int32"),
    isRepresentative: graph.input("isRepresentative", [cells, 1]),
    ends: graph.input("ends", [texts], "int32"),
    endOf: graph.input("endOf", [nodes], "int32"),
    isEnd: graph.input("isEnd", [nodes, 1]),
    reach: graph.input("reach", [texts, 1, 1, tokens]),
  };
}

/** The tensors of `TextInputs`. */
export function treeTensors(tree: TextTree, size: TreeSize): Tensors {
  const { texts, tokens, nodes, heads } = size;
  const cells = texts * tokens * heads;
  const paths = new Int32Array(cells);
  const reach = new Float32Array(texts * tokens).fill(MASKED);
  const ends = new Int32Array(texts);
  const endOf = new Int32Array(nodes);
  const isEnd = new Float32Array(nodes);
  const representatives = new Int32Array(nodes * heads);
  const isRepresentative = new Float32Array(cells);
  const uses = new Int32Array(nodes);
  for (let text = 0; text < texts; text++) {
    const path = text < tree.paths.length ? at(tree.paths, text) : [];
    // A padding text attends to its first cell, so that its softmax has something to sum.
    reach[text * tokens] = 0;
    path.forEach((node, position) => {
      reach[text * tokens + position] = 0;
      const isFirst = uses[node] === 0;
      for (let head = 0; head < heads; head++) {
        const cell = (text * heads + head) * tokens + position;
        paths[cell] = node * heads + head;
        if (!isFirst) continue;
        representatives[node * heads + head] = cell;
        isRepresentative[cell] = 1;
      }
      uses[node] = at(uses, node) + 1;
    });
    const end = path[path.length - 1];
    if (end !== undefined) {
      ends[text] = end;
      endOf[end] = text;
      isEnd[end] = 1;
    }
  }
  return {
    ids: int32(padded(tree.ids, nodes)),
    positions: int32(padded(tree.positions, nodes)),
    paths: int32(paths),
    ...sortedCells(tree, uses, size),
    representatives: int32(representatives),
    isRepresentative: float32(isRepresentative, [cells, 1]),
    ends: int32(ends),
    endOf: int32(endOf),
    isEnd: float32(isEnd, [nodes, 1]),
    reach: float32(reach, [texts, 1, 1, tokens]),
  };
}

const padded = (values: readonly number[], length: number): Int32Array => {
  const data = new Int32Array(length);
  data.set(values);
  return data;
};

/** The cells of all paths sorted by node, padding last, and where each node's cells end in that order. */
function sortedCells({ paths }: TextTree, uses: Int32Array, { texts, tokens, nodes, heads }: TreeSize): Tensors {
  const next = new Int32Array(nodes);
  const last = new Int32Array(nodes);
  let total = 0;
  for (let node = 0; node < nodes; node++) {
    next[node] = total;
    total += at(uses, node);
    last[node] = Math.max(0, total - 1);
  }
  const order = new Int32Array(texts * tokens * heads);
  let padding = total;
  for (let text = 0; text < texts; text++) {
    for (let position = 0; position < tokens; position++) {
      const node = paths[text]?.[position];
      let place = padding;
      if (node === undefined) padding++;
      else {
        place = at(next, node);
        next[node] = place + 1;
      }
      for (let head = 0; head < heads; head++) {
        order[place * heads + head] = (text * heads + head) * tokens + position;
      }
    }
  }
  return { order: int32(order), last: int32(last) };
}
