/**
 * @file Copies rows from a tree's nodes to the cells of its texts and back, in the layout of attention. The sum over a
 * node's cells is a difference of cumulative sums over cells sorted by node. Unlike onnxruntime's ScatterND with
 * addition, where threads overwrite each other's sums for repeated indices, it gives the same numbers with any number
 * of threads.
 */
import { at } from "../../at.js";
import { applyOne, type Operator } from "../../graph/graph.js";
import { concat, gather, multiply, reshape, slice, stopGradient, subtract, type Value } from "../../graph/index.js";
import { axis } from "./axes.js";

/** The cells of a tree's nodes: [texts, heads, tokens], each a row of one head's size. int32 unless noted. */
export interface Cells {
  /** For each cell, its node's row of that head: node · heads + head. */
  readonly paths: Value;
  /** The cells [texts · tokens, heads] sorted by node, padding last. */
  readonly order: Value;
  /** For each node the position of its last cell in that order, all heads counted as one. */
  readonly last: Value;
  /** One cell for each node and head; the node gets that cell's result of attention. */
  readonly representatives: Value;
  /** float32 [cells, 1]: 1 where a cell represents its node. */
  readonly isRepresentative: Value;
  readonly texts: number;
  readonly heads: number;
  readonly tokens: number;
}

const spreading: Operator<number> = {
  name: "Spread",
  forward: (inputs, heads) => {
    const [rows, paths] = inputs as [Value, Value];
    const [nodes, width] = [axis(rows, 0), axis(rows, 1)];
    return [gather(reshape(rows, [nodes * heads, width / heads]), paths)];
  },
  gradient: ({ dy, inputs }) => {
    const [rows, , order, last] = inputs as [Value, Value, Value, Value];
    const { graph } = rows;
    const [nodes, width] = [axis(rows, 0), axis(rows, 1)];
    const sorted = reshape(gather(dy, order), [-1, width]);
    const running = at(graph.emit("CumSum", [sorted, graph.scalar(0, "int64")], [sorted]), 0);
    const upTo = gather(running, last);
    if (nodes === 1) return [upTo];
    return [subtract(upTo, concat([graph.filled([1, width], 0), slice(upTo, 0, 0, nodes - 1)], 0))];
  },
};

/** [nodes, width] → [texts, heads, tokens, width / heads]: each cell gets its node's row. */
export function spread(rows: Value, { paths, order, last, texts, heads, tokens }: Cells): Value {
  return reshape(applyOne(spreading, [rows, paths, order, last], heads), [texts, heads, tokens, -1]);
}

const picking: Operator<undefined> = {
  name: "Pick",
  forward: (inputs) => {
    const [rows, chosen] = inputs as [Value, Value];
    return [gather(rows, chosen)];
  },
  gradient: ({ dy, inputs }) => {
    const [, , placeOf, isChosen] = inputs as [Value, Value, Value, Value];
    return [multiply(gather(stopGradient(dy), placeOf), isChosen)];
  },
};

/**
 * rows[chosen] for distinct indices, with a gather as gradient too. `placeOf` is each row's position among the chosen
 * ones; `isChosen` [rows, 1] marks rows that have one.
 */
export function pick(rows: Value, chosen: Value, placeOf: Value, isChosen: Value): Value {
  return applyOne(picking, [rows, chosen, placeOf, isChosen], undefined);
}

/** [texts, heads, tokens, size] → [nodes, heads · size]: the rows of each node's representative. */
export function gatherNodes(mixed: Value, { representatives, paths, isRepresentative, heads }: Cells): Value {
  const size = axis(mixed, 3);
  return reshape(pick(reshape(mixed, [-1, size]), representatives, paths, isRepresentative), [-1, heads * size]);
}
