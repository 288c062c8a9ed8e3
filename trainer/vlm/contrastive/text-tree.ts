/**
 * @file Texts as a tree of shared beginnings. Attention is causal, so a token's state depends on the tokens up to it alone:
 * captions that start alike share those states, and the linear layers run once for each node of the tree. Of the captions of a
 * step of fine-tuning that is two to three times less than token by token.
 */
import { at } from "../../at.js";
import type { Graph, Value } from "../../graph/index.js";
import { float32, int32, type Tensors } from "../../tensor.js";
import type { Cells } from "../layers/shared-rows.js";
import { MASKED } from "../layers/transformer.js";
import { bucket } from "../training/program-cache.js";

/** What a text tower's tree follows from. */
export interface TextTower {
  readonly vocabulary: number;
  readonly heads: number;
  /** The end token whose first place is pooled; "largest" where the largest id is. */
  readonly pooling: number | "largest";
}

/** Nodes are numbered in the order in which they are met; node 0 is the first token of the first text. */
export interface TextTree {
  /** Token id and position of each node. */
  readonly ids: readonly number[];
  readonly positions: readonly number[];
  /** For each text its nodes from the first token to the pooled one. */
  readonly paths: readonly Int32Array[];
  /** The longest path. */
  readonly tokens: number;
}

/** Where a row of ids is pooled; nothing after it matters. */
export function pooledPosition(pooling: TextTower["pooling"], ids: Int32Array): number {
  if (pooling !== "largest") return Math.max(0, ids.indexOf(pooling));
  let best = 0;
  for (let i = 1; i < ids.length; i++) if (at(ids, i) > at(ids, best)) best = i;
  return best;
}

/** Rows of ids, each with its end token, to a tree. */
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

/** Sizes of the graph that a tree is fed to, each at least the tree's own. */
export interface TreeSize {
  readonly texts: number;
  readonly tokens: number;
  readonly nodes: number;
  /** Attention heads: cells are laid out by them. */
  readonly heads: number;
}

/** The size of the graph for a tree: lengths made even, texts and nodes rounded up. */
export function treeSize({ heads }: Pick<TextTower, "heads">, { paths, ids, tokens }: TextTree): TreeSize {
  const stepped = (count: number, step: number): number =>
    count <= 64 ? bucket(count) : Math.ceil(count / step) * step;
  const [texts, nodes] = [stepped(paths.length, TEXT_STEP), stepped(ids.length, NODE_STEP)];
  return { texts, tokens: tokens + (tokens % 2), nodes, heads };
}

/** Each size is a graph of its own that holds 100 MB and more once it has run: a few per cent of padding cost less. */
const TEXT_STEP = 128;
const NODE_STEP = 512;

/** A tree of texts in a graph, int32 unless said. */
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

/** Inputs of the sizes of a tree of texts, under the names of `treeTensors`. */
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
    // A text that is padding sees its first cell, so that its softmax has something to sum.
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

/** The cells of all paths sorted by node, padding last, and where in that order each node's cells end. */
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
