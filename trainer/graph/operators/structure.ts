/**
 * @file Operators that move elements without changing them (reshape, transpose, slice, split, concat, pad, expand), and
 * cast.
 */
import { at } from "../../at.js";
import { apply, applyOne, GATHERING, type Operator, type Value } from "../graph.js";
import { DATA_TYPE, type ValueType } from "../onnx.js";
import { broadcast, lengthOf, normalAxis, type Shape, sameShape, showShape, sizeOf } from "../shapes.js";
import { sumTo } from "./reductions.js";

const reshaping: Operator<Shape> = {
  name: "Reshape",
  forward: ([x], shape) => {
    const input = x as Value;
    const { graph } = input;
    const half = graph.halfOf(input);
    // Half precision is reshaped before it is widened, so that the result can be widened again.
    const source = half ?? input;
    const [y] = graph.emit("Reshape", [source, graph.integers(shape)], [{ shape, type: source.type }]) as [Value];
    return [half ? graph.widen(y) : y];
  },
  gradient: ({ dy, inputs: [x] }) => [reshape(dy, (x as Value).shape)],
};

/** The same elements in another shape; one length may be −1. */
export function reshape(x: Value, shape: Shape): Value {
  const known = shape.reduce((product, length) => (length === -1 ? product : product * length), 1);
  const full = shape.map((length) => (length === -1 ? sizeOf(x.shape) / known : length));
  if (sizeOf(full) !== sizeOf(x.shape) || full.some((length) => !Number.isInteger(length))) {
    throw new RangeError(`${showShape(x.shape)} cannot be reshaped to ${showShape(shape)}`);
  }
  return sameShape(full, x.shape) ? x : applyOne(reshaping, [x], full);
}

const transposition: Operator<readonly number[]> = {
  name: "Transpose",
  forward: ([x], order) => {
    const input = x as Value;
    const shape = order.map((axis) => lengthOf(input.shape, axis));
    return input.graph.emit("Transpose", [input], [{ shape, type: input.type }], { perm: order });
  },
  gradient: ({ dy, options: order }) => [
    transpose(
      dy,
      order.map((_, axis) => order.indexOf(axis)),
    ),
  ],
};

/** Axis i of the result is axis order[i] of x. */
export function transpose(x: Value, order: readonly number[]): Value {
  if (order.length !== x.shape.length || new Set(order).size !== order.length) {
    throw new RangeError(`${showShape(x.shape)} has no order of axes ${showShape(order)}`);
  }
  return order.every((axis, i) => axis === i) ? x : applyOne(transposition, [x], order);
}

/** The last two axes swapped. */
export function transposeMatrix(x: Value): Value {
  const order = x.shape.map((_, axis) => axis);
  return transpose(x, [...order.slice(0, -2), order.length - 1, order.length - 2]);
}

interface Range {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

const slicing: Operator<Range> = {
  name: "Slice",
  forward: ([x], { axis, start, end }) => {
    const input = x as Value;
    const { graph } = input;
    // Rows of a tensor in a file are mapped too, and rows of half precision can be widened separately.
    const half = graph.halfOf(input);
    const rows = axis === 0 ? graph.externalRows(half ?? input, start, end) : undefined;
    if (rows) return [half ? graph.widen(rows) : rows];
    const shape = input.shape.map((length, i) => (i === axis ? end - start : length));
    const bounds = [start, end, axis].map((value) => graph.integers([value]));
    return graph.emit("Slice", [input, ...bounds], [{ shape, type: input.type }]);
  },
  gradient: ({ dy, inputs: [x], options: { axis, start, end } }) => [
    pad(dy, axis, start, lengthOf((x as Value).shape, axis) - end),
  ],
};

/** Elements start … end − 1 along an axis. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  const along = normalAxis(x.shape, axis);
  const length = lengthOf(x.shape, along);
  if (start < 0 || end > length || start >= end) {
    throw new RangeError(`no elements ${start} to ${end} along axis ${axis} of ${showShape(x.shape)}`);
  }
  return start === 0 && end === length ? x : applyOne(slicing, [x], { axis: along, start, end });
}

interface Padding {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

const padding: Operator<Padding> = {
  name: "Pad",
  forward: ([x], { axis, before, after }) => {
    const input = x as Value;
    const amounts = (amount: number): number[] => input.shape.map((_, i) => (i === axis ? amount : 0));
    const shape = input.shape.map((length, i) => (i === axis ? before + length + after : length));
    const pads = input.graph.integers([...amounts(before), ...amounts(after)]);
    return input.graph.emit("Pad", [input, pads], [{ shape, type: input.type }]);
  },
  gradient: ({ dy, inputs: [x], options: { axis, before } }) => [
    slice(dy, axis, before, before + lengthOf((x as Value).shape, axis)),
  ],
};

/** Zeros before and after along one axis. */
export function pad(x: Value, axis: number, before: number, after: number): Value {
  const along = normalAxis(x.shape, axis);
  if (before < 0 || after < 0) {
    throw new RangeError(
      `${before} and ${after} zeros do not pad ${showShape(x.shape)}: use slice to cut elements off`,
    );
  }
  return before === 0 && after === 0 ? x : applyOne(padding, [x], { axis: along, before, after });
}

/** WebGPU binds at most 12 buffers to a shader, so wider splits and concatenations take several steps. */
const WIDEST = 8;

interface Parts {
  readonly axis: number;
  readonly lengths: readonly number[];
}

const splitting: Operator<Parts> = {
  name: "Split",
  forward: ([x], { axis, lengths }) => {
    const input = x as Value;
    const outputs = lengths.map((part) => ({
      shape: input.shape.map((length, i) => (i === axis ? part : length)),
      type: input.type,
    }));
    return input.graph.emit("Split", [input, input.graph.integers(lengths)], outputs, { axis });
  },
  gradient: ({ dys, outputs, options: { axis } }) => {
    const parts = outputs.map((output, i) => dys[i] ?? output.graph.filled(output.shape, 0));
    // The parts of a vector are parameters.
    return [applyOne(concatenation, parts, { axis, use: at(parts, 0).shape.length === 1 ? GATHERING : "" })];
  },
};

/** Parts of the given lengths along an axis. */
export function split(x: Value, axis: number, lengths: readonly number[]): readonly Value[] {
  const along = normalAxis(x.shape, axis);
  if (lengths.reduce((sum, length) => sum + length, 0) !== lengthOf(x.shape, along)) {
    throw new RangeError(`parts ${showShape(lengths)} do not fill axis ${axis} of ${showShape(x.shape)}`);
  }
  if (lengths.length === 1) return [x];
  if (lengths.length <= WIDEST) return apply(splitting, [x], { axis: along, lengths });
  const groups = grouped(lengths);
  const sums = groups.map((group) => group.reduce((sum, length) => sum + length, 0));
  return split(x, along, sums).flatMap((part, i) => split(part, along, at(groups, i)));
}

/** At most WIDEST groups of neighbours, as equal in size as possible. */
function grouped<T>(items: readonly T[]): T[][] {
  const size = WIDEST ** Math.max(1, Math.ceil(Math.log(items.length) / Math.log(WIDEST) - 1e-9) - 1);
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

const concatenation: Operator<{ readonly axis: number; readonly use: string }> = {
  name: "Concat",
  forward: (inputs, { axis, use }) => {
    const [first] = inputs as [Value];
    const total = inputs.reduce((sum, input) => sum + lengthOf(input.shape, axis), 0);
    const shape = first.shape.map((length, i) => (i === axis ? total : length));
    return first.graph.emit("Concat", inputs, [{ shape, type: first.type }], { axis }, use);
  },
  gradient: ({ dy, inputs, options: { axis } }) =>
    split(
      dy,
      axis,
      inputs.map((input) => lengthOf(input.shape, axis)),
    ),
};

/** The tensors one after another along an axis. */
export function concat(parts: readonly Value[], axis: number): Value {
  const [first] = parts;
  if (!first) throw new RangeError("nothing to concatenate");
  const along = normalAxis(first.shape, axis);
  for (const part of parts) {
    if (part.shape.length !== first.shape.length || part.shape.some((n, i) => i !== along && n !== first.shape[i])) {
      throw new RangeError(`${showShape(first.shape)} and ${showShape(part.shape)} do not join along axis ${axis}`);
    }
  }
  if (parts.length === 1) return first;
  if (parts.length <= WIDEST) return applyOne(concatenation, parts, { axis: along, use: "" });
  return concat(
    grouped(parts).map((group) => concat(group, along)),
    along,
  );
}

const expansion: Operator<Shape> = {
  name: "Expand",
  forward: ([x], shape) => {
    const input = x as Value;
    return input.graph.emit("Expand", [input, input.graph.integers(shape)], [{ shape, type: input.type }]);
  },
  gradient: ({ dy, inputs: [x] }) => [sumTo(dy, (x as Value).shape)],
};

/** Broadcast to a shape. */
export function expand(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  if (!sameShape(broadcast(x.shape, shape), shape)) {
    throw new RangeError(`${showShape(x.shape)} does not broadcast to ${showShape(shape)}`);
  }
  return applyOne(expansion, [x], shape);
}

const FLOATS: ReadonlySet<ValueType> = new Set(["float32", "float16", "bfloat16"]);

const casting: Operator<ValueType> = {
  name: "Cast",
  forward: ([x], type) => {
    const input = x as Value;
    return input.graph.emit("Cast", [input], [{ shape: input.shape, type }], { to: DATA_TYPE[type] });
  },
  gradient: ({ dy, inputs: [x], options: type }) => {
    const { type: from } = x as Value;
    return [FLOATS.has(from) && FLOATS.has(type) ? cast(dy, from) : undefined];
  },
};

/** The same numbers in another type. */
export const cast = (x: Value, type: ValueType): Value => (x.type === type ? x : applyOne(casting, [x], type));
