/**
 * @file Rows copied from a tree's nodes to the cells of its texts and back. The sum over a node's cells is a difference of
 * running sums over cells sorted by node: unlike onnxruntime's ScatterND with addition, whose threads overwrite each other where
 * an index comes twice, it gives the same numbers on any number of threads.
 */

import { applyOne, type Operator } from "../../graph/graph.js";
import { add, concat, gather, multiply, negate, slice, stopGradient, type Value } from "../../graph/index.js";

/** Where the rows of a tree's nodes lie among the cells [texts · tokens] of its texts. */
export interface Cells {
  /** The node of each cell. */
  readonly paths: Value;
  /** The cells sorted by node, padding last. */
  readonly order: Value;
  /** For each node the place of its last cell in that order. */
  readonly last: Value;
  /** A cell of each node; its attention's result counts for the node. */
  readonly representatives: Value;
  /** [cells, 1]: 1 where a cell represents its node. */
  readonly isRepresentative: Value;
}

const spreading: Operator<undefined> = {
  name: "Spread",
  forward: (inputs) => {
    const [rows, paths] = inputs as [Value, Value];
    return [gather(rows, paths)];
  },
  gradient: ({ dy, inputs }) => {
    const [rows, , order, last] = inputs as [Value, Value, Value, Value];
    const { graph } = rows;
    const sorted = gather(dy, order);
    const [running] = graph.emit("CumSum", [sorted, graph.scalar(0, "int64")], [sorted]);
    const upTo = gather(running as Value, last);
    const [nodes = 1, width = 1] = rows.shape;
    const before = concat([graph.filled([1, width], 0), slice(upTo, 0, 0, nodes - 1)], 0);
    return [nodes === 1 ? upTo : add(upTo, negate(before))];
  },
};

/** [nodes, width] → [cells, width]: each cell its node's row. */
export function spread(rows: Value, { paths, order, last }: Cells): Value {
  return applyOne(spreading, [rows, paths, order, last], undefined);
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
 * rows[chosen] for indices that are all different: then the gradient is a gather as well, `placeOf` being each row's place among
 * the chosen ones and `isChosen` [rows, 1] telling those that have one.
 */
export function pick(rows: Value, chosen: Value, placeOf: Value, isChosen: Value): Value {
  return applyOne(picking, [rows, chosen, placeOf, isChosen], undefined);
}

/** [cells, width] → [nodes, width]: the row of each node's representative. */
export function gatherNodes(cells: Value, { representatives, paths, isRepresentative }: Cells): Value {
  return pick(cells, representatives, paths, isRepresentative);
}
