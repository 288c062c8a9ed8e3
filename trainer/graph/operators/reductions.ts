/** @file Sums, means and maxima over axes. */
import { applyOne, type Operator, type Value } from "../graph.js";
import { normalAxes, type Shape, sameShape, sizeOf } from "../shapes.js";
import { divide, multiply } from "./arithmetic.js";
import { matMul } from "./matrix.js";
import { equal } from "./selection.js";
import { cast, reshape } from "./structure.js";

type Axes = number | readonly number[];

const reducedShape = (shape: Shape, axes: readonly number[]): Shape => shape.map((n, i) => (axes.includes(i) ? 1 : n));

/** The node keeps reduced axes as 1; `drop` removes them. */
function reduction(
  name: string,
  gradient: (dy: Value, x: Value, y: Value) => Value,
): (x: Value, axes: number[]) => Value {
  const operator: Operator<readonly number[]> = {
    name,
    lazy: false,
    forward: ([x], axes) => {
      const input = x as Value;
      const output = { shape: reducedShape(input.shape, axes), type: input.type };
      return input.graph.emit(name, [input, input.graph.integers(axes)], [output], { keepdims: 1 });
    },
    gradient: ({ dy, inputs: [x], outputs: [y] }) => [gradient(dy, x as Value, y as Value)],
  };
  return (x, axes) => applyOne(operator, [x], axes);
}

// A gradient may stay smaller than its tensor where it broadcasts (see `lazy`), so a sum passes dy on as it is.
const reduceSum = reduction("ReduceSum", (dy) => dy);
const reduceMean = reduction("ReduceMean", (dy, x, y) => multiply(dy, sizeOf(y.shape) / sizeOf(x.shape)));
const reduceMax = reduction("ReduceMax", (dy, x, y) => {
  const largest = cast(equal(x, y), "float32");
  return multiply(largest, divide(dy, sumTo(largest, y.shape)));
});

function over(reduce: (x: Value, axes: number[]) => Value) {
  return (x: Value, axes?: Axes, keep: "keep" | "drop" = "drop"): Value => {
    const list = normalAxes(x.shape, axes);
    if (list.length === 0) return x;
    const y = reduce(x, list);
    return keep === "keep"
      ? y
      : reshape(
          y,
          x.shape.filter((_, i) => !list.includes(i)),
        );
  };
}

/** Over all axes or the given ones; they are dropped unless kept as 1. */
export const sum = over(reduceSum);
export const mean = over(reduceMean);
/** Equal maxima share the gradient. */
export const max = over(reduceMax);

/**
 * Sums over axes down to `shape`, the reverse of broadcasting. Over leading axes it uses a product with a row of ones,
 * several times faster than onnxruntime's ReduceSum.
 */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = x.shape.flatMap((length, i) => (i < lead || (shape[i - lead] === 1 && length !== 1) ? [i] : []));
  const rows = axes.filter((axis, i) => axis === i);
  if (x.type !== "float32" || rows.length !== axes.length || axes.length === x.shape.length) {
    return reshape(axes.length === 0 ? x : reduceSum(x, axes), shape);
  }
  const count = sizeOf(x.shape.slice(0, rows.length));
  if (count === 1) return reshape(x, shape);
  return reshape(matMul(x.graph.filled([1, count], 1), reshape(x, [count, sizeOf(shape)])), shape);
}

/** Sum of squares of all elements, one number. */
export function sumOfSquares(x: Value): Value {
  const row = reshape(x, [1, sizeOf(x.shape)]);
  return reshape(matMul(row, row, { transB: true }), []);
}

const largestIndex: Operator<undefined> = {
  name: "ArgMax",
  forward: ([x]) => {
    const input = x as Value;
    const shape = input.shape.slice(0, -1);
    const [index] = input.graph.emit("ArgMax", [input], [{ shape, type: "int64" }], { axis: -1, keepdims: 0 });
    return [cast(index as Value, "int32")];
  },
};

/** Index of the maximum along the last axis (the first of equal ones): int32, without gradient. */
export const argMax = (x: Value): Value => applyOne(largestIndex, [x], undefined);
