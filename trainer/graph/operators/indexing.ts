/** @file Picks elements by index: embedding rows, one element of each row, one-hot rows. */
import { applyOne, type Operator, type Value } from "../graph.js";
import { lengthOf, showShape, sizeOf } from "../shapes.js";
import { add } from "./arithmetic.js";
import { matMul } from "./matrix.js";
import { equal, less, select } from "./selection.js";
import { cast, expand, reshape } from "./structure.js";

/**
 * Tables up to this many rows get their gradient from a product with one-hot rows, which every device computes alike;
 * larger ones by scatter.
 */
const ONE_HOT_ROWS = 4096;

const rows: Operator<undefined> = {
  name: "Gather",
  forward: (inputs) => {
    const [table, indices] = inputs as [Value, Value];
    const shape = [...indices.shape, ...table.shape.slice(1)];
    // Of a stored bfloat16 table, only the selected rows are widened. Not of a float16 table: onnxruntime's webgpu
    // would gather the halves themselves, which not every GPU can; a cast of the whole table is folded at load time.
    const half = table.graph.halfOf(table);
    const source = half?.type === "bfloat16" ? half : table;
    const [picked] = table.graph.emit("Gather", [source, indices], [{ shape, type: source.type }], { axis: 0 });
    return [cast(picked as Value, table.type)];
  },
  gradient: ({ dy, inputs }) => {
    const [table, indices] = inputs as [Value, Value];
    const count = lengthOf(table.shape, 0);
    const flat = reshape(indices, [-1]);
    const updates = reshape(dy, [lengthOf(flat.shape, 0), -1]);
    if (count <= ONE_HOT_ROWS) {
      const fromStart = select(less(flat, 0), add(flat, count), flat);
      return [reshape(matMul(oneHot(fromStart, count), updates, { transA: true }), table.shape), undefined];
    }
    const zeros = expand(table.graph.scalar(0), [count, lengthOf(updates.shape, 1)]);
    // Not ScatterND: for repeated indices, onnxruntime's threads overwrite each other's sums.
    const targets = expand(reshape(flat, [-1, 1]), updates.shape);
    const [sums] = table.graph.emit("ScatterElements", [zeros, targets, updates], [zeros], {
      axis: 0,
      reduction: "add",
    });
    return [reshape(sums as Value, table.shape), undefined];
  },
};

/** table[indices] along the first axis: shape [...indices, ...row]. Indices are int32 or int64; −1 is the last row. */
export function gather(table: Value, indices: Value): Value {
  if (table.shape.length === 0) throw new RangeError("a scalar has no rows to gather");
  return applyOne(rows, [table, indices], undefined);
}

const elements: Operator<undefined> = {
  name: "GatherElements",
  forward: (inputs) => {
    const [x, indices] = inputs as [Value, Value];
    return x.graph.emit("GatherElements", [x, indices], [{ shape: indices.shape, type: x.type }], { axis: -1 });
  },
  gradient: ({ dy, inputs }) => {
    const [x, indices] = inputs as [Value, Value];
    const zeros = expand(x.graph.scalar(0), x.shape);
    const [sums] = x.graph.emit("ScatterElements", [zeros, indices, dy], [x], { axis: -1, reduction: "add" });
    return [sums, undefined];
  },
};

/** y[…, j] = x[…, indices[…, j]] along the last axis; the other axes are equal. */
export function gatherElements(x: Value, indices: Value): Value {
  const matches = sizeOf(x.shape.slice(0, -1)) === sizeOf(indices.shape.slice(0, -1));
  if (!matches || x.shape.length !== indices.shape.length) {
    throw new RangeError(`indices ${showShape(indices.shape)} do not fit ${showShape(x.shape)}`);
  }
  return applyOne(elements, [x, indices], undefined);
}

/**
 * 1 at each index, else 0: shape [...indices, count], float32, without gradient. An index below 0, or of count or more,
 * gives a row of zeros.
 */
export function oneHot(indices: Value, count: number): Value {
  const range =
    indices.type === "int64"
      ? indices.graph.integers(Array.from({ length: count }, (_, i) => i))
      : indices.graph.constant(Int32Array.from({ length: count }, (_, i) => i));
  return cast(equal(reshape(indices, [...indices.shape, 1]), range), "float32");
}
