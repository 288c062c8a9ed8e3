/** @file Matrix products. */
import { applyOne, type Operator, type Value } from "../graph.js";
import { broadcast, lengthOf, showShape } from "../shapes.js";
import { sumTo } from "./reductions.js";
import { reshape, transposeMatrix } from "./structure.js";

interface Transposed {
  readonly transA?: boolean;
  readonly transB?: boolean;
}

/** op(a) · op(b) (+ c, a row) for matrices. */
const gemm: Operator<Transposed> = {
  name: "Gemm",
  forward: (inputs, { transA = false, transB = false }) => {
    const [a, b] = inputs as [Value, Value];
    const shape = [lengthOf(a.shape, transA ? 1 : 0), lengthOf(b.shape, transB ? 0 : 1)];
    const plain = !transA && !transB && inputs.length === 2;
    const attributes = plain ? {} : { transA: Number(transA), transB: Number(transB) };
    return a.graph.emit(plain ? "MatMul" : "Gemm", inputs, [{ shape, type: a.type }], attributes);
  },
  gradient: ({ dy, inputs, options: { transA = false, transB = false } }) => {
    const [a, b, c] = inputs as [Value, Value, Value?];
    return [
      transA ? matMul(b, dy, { transA: transB, transB: true }) : matMul(dy, b, { transB: !transB }),
      transB ? matMul(dy, a, { transA: true, transB: transA }) : matMul(a, dy, { transA: !transA }),
      ...(c ? [sumTo(dy, c.shape)] : []),
    ];
  },
};

/** a · b over the last two axes, the others broadcast. onnxruntime fuses the transpositions into the products on cpu and cuda. */
const batched: Operator<undefined> = {
  name: "MatMul",
  forward: (inputs) => {
    const [a, b] = inputs as [Value, Value];
    const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const shape = [...batch, lengthOf(a.shape, -2), lengthOf(b.shape, -1)];
    return a.graph.emit("MatMul", [a, b], [{ shape, type: a.type }]);
  },
  gradient: ({ dy, inputs }) => {
    const [a, b] = inputs as [Value, Value];
    return [sumTo(matMul(dy, b, { transB: true }), a.shape), sumTo(matMul(a, dy, { transA: true }), b.shape)];
  },
};

/** op(a) · op(b) over the last two axes; leading axes broadcast as in numpy. */
export function matMul(a: Value, b: Value, { transA = false, transB = false }: Transposed = {}): Value {
  const inner = [lengthOf(a.shape, transA ? -2 : -1), lengthOf(b.shape, transB ? -1 : -2)];
  if (inner[0] !== inner[1]) {
    const names = `${showShape(a.shape)}${transA ? "ᵀ" : ""} · ${showShape(b.shape)}${transB ? "ᵀ" : ""}`;
    throw new RangeError(`no matrix product ${names}`);
  }
  if (b.shape.length === 2 && (a.shape.length === 2 || !transA)) return linear(a, b, undefined, { transA, transB });
  return applyOne(batched, [transA ? transposeMatrix(a) : a, transB ? transposeMatrix(b) : b], undefined);
}

/**
 * x · w + bias over x's last axis, for a matrix w (torch keeps its transpose: pass transB). All leading axes become one, so that
 * forward and backward are one large product each.
 */
export function linear(x: Value, w: Value, bias?: Value, { transA = false, transB = false }: Transposed = {}): Value {
  const rows = x.shape.length === 2 ? x : reshape(x, [-1, lengthOf(x.shape, -1)]);
  const y = applyOne(gemm, bias ? [rows, w, bias] : [rows, w], { transA, transB });
  return x.shape.length === 2 ? y : reshape(y, [...x.shape.slice(0, -1), lengthOf(y.shape, -1)]);
}
