/** @file Matrix products. */
import { at } from "../../at.js";
import { applyOne, type Operator, type Value } from "../graph.js";
import { broadcast, lengthOf, showShape } from "../shapes.js";
import { again } from "../stored.js";
import { add, multiply } from "./arithmetic.js";
import { sumTo } from "./reductions.js";
import { reshape, transposeMatrix } from "./structure.js";

interface Transposed {
  readonly transA?: boolean;
  readonly transB?: boolean;
}

interface GemmOptions extends Transposed {
  /** Factors on the product and on the added row, 1 by default. They cost nothing. */
  readonly alpha?: number;
  readonly beta?: number;
}

/** α · op(a) · op(b) (+ β · c, a row) for matrices. */
const gemm: Operator<GemmOptions> = {
  name: "Gemm",
  forward: (inputs, { transA = false, transB = false, alpha = 1, beta = 1 }) => {
    const [a, b] = inputs as [Value, Value];
    const shape = [lengthOf(a.shape, transA ? 1 : 0), lengthOf(b.shape, transB ? 0 : 1)];
    const plain = !transA && !transB && alpha === 1 && inputs.length === 2;
    const factors = { ...(alpha === 1 ? {} : { alpha }), ...(beta === 1 ? {} : { beta }) };
    const attributes = plain ? {} : { transA: Number(transA), transB: Number(transB), ...factors };
    return a.graph.emit(plain ? "MatMul" : "Gemm", inputs, [{ shape, type: a.type }], attributes);
  },
  gradient: ({ dy, inputs, options: { transA = false, transB = false, alpha = 1, beta = 1 } }) => {
    const [a, b, c] = inputs.map((input) => again(input, dy)) as [Value, Value, Value?];
    return [
      transA ? product(b, dy, { transA: transB, transB: true, alpha }) : product(dy, b, { transB: !transB, alpha }),
      transB ? product(dy, a, { transA: true, transB: transA, alpha }) : product(a, dy, { transA: !transA, alpha }),
      ...(c ? [multiply(sumTo(dy, c.shape), beta)] : []),
    ];
  },
};

/** α · op(a) · op(b) for matrices. */
const product = (a: Value, b: Value, options: Omit<GemmOptions, "beta">): Value => applyOne(gemm, [a, b], options);

/**
 * op(a) · op(b) over the last two axes; the others broadcast. onnxruntime fuses the transpositions into the products on
 * cpu and cuda. The gradients also multiply existing tensors: transposing a gradient would cost a copy.
 */
const batched: Operator<Transposed> = {
  name: "MatMul",
  forward: (inputs, { transA = false, transB = false }) => {
    const [first, second] = inputs as [Value, Value];
    const [a, b] = [transA ? transposeMatrix(first) : first, transB ? transposeMatrix(second) : second];
    const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const shape = [...batch, lengthOf(a.shape, -2), lengthOf(b.shape, -1)];
    return a.graph.emit("MatMul", [a, b], [{ shape, type: a.type }]);
  },
  gradient: ({ dy, inputs, options: { transA = false, transB = false } }) => {
    const [a, b] = inputs.map((input) => again(input, dy)) as [Value, Value];
    const da = transA ? matMul(b, dy, { transA: transB, transB: true }) : matMul(dy, b, { transB: !transB });
    const db = transB ? matMul(dy, a, { transA: true, transB: transA }) : matMul(a, dy, { transA: !transA });
    return [sumTo(da, a.shape), sumTo(db, b.shape)];
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
  return applyOne(batched, [a, b], { transA, transB });
}

interface LowRank {
  readonly scale: number;
  /** Dropout on the inputs that `a` sees. */
  readonly drop?: (x: Value) => Value;
}

const lowRank: Operator<LowRank> = {
  name: "LowRankSum",
  forward: (inputs, { scale }) => {
    const [base, a, b] = inputs as [Value, Value, Value];
    return [add(base, product(b, a, { alpha: scale }))];
  },
  gradient: ({ dy, inputs, options: { scale } }) => {
    const [, a, b] = inputs as [Value, Value, Value];
    return [dy, product(b, dy, { transA: true, alpha: scale }), product(dy, a, { transB: true, alpha: scale })];
  },
};

/**
 * base + scale · b · a for b [outputs, rank] and a [rank, inputs]: a weight with LoRA (Hu et al., 2021). `linear`
 * recognizes this sum: where the rank is small, it computes the gradients of a and b without the whole weight's, and
 * for large weights it never computes the sum. With `drop` it never does: the base gets x, and a gets drop(x).
 */
export const lowRankSum = (base: Value, a: Value, b: Value, scale: number, drop?: LowRank["drop"]): Value =>
  applyOne(lowRank, [base, a, b], { scale, ...(drop && { drop }) });

/**
 * α · x · (base + scale · b · a)ᵀ (+ β · c); the gradients of a and b are slim products. Where the factors are slim
 * enough, the terms through them are computed apart, forward and for the gradient of x, and never the sum. Otherwise
 * forward is one product with the sum.
 */
const lowRankLinear: Operator<LowRank & GemmOptions> = {
  name: "LowRankLinear",
  forward: (inputs, { scale, alpha = 1, beta = 1 }) => {
    const [x, base, a, b, c] = inputs as [Value, Value, Value, Value, Value?];
    const tail = c ? [c] : [];
    const options = { transB: true, alpha, beta };
    if (!slimSum(base, a)) return [applyOne(gemm, [x, lowRankSum(base, a, b, scale), ...tail], options)];
    const whole = applyOne(gemm, [x, base, ...tail], options);
    const low = product(x, a, { transB: true, alpha: alpha * scale });
    return [applyOne(gemm, [low, b, whole], { transB: true })];
  },
  gradient: ({ dy, inputs, options: { scale, alpha = 1, beta = 1 } }) => {
    const [, , a, b, c] = inputs as [Value, Value, Value, Value, Value?];
    const [x, frozen] = inputs.map((input) => again(input, dy)) as [Value, Value];
    const factor = alpha * scale;
    const low = (): Value => product(dy, b, { alpha: factor });
    return [
      slimSum(frozen, a)
        ? applyOne(gemm, [low(), a, product(dy, frozen, { alpha })], {})
        : product(dy, lowRankSum(frozen, a, b, scale), { alpha }),
      product(dy, x, { transA: true, alpha }),
      product(low(), x, { transA: true }),
      product(dy, product(x, a, { transB: true, alpha: factor }), { transA: true }),
      ...(c ? [multiply(sumTo(dy, c.shape), beta)] : []),
    ];
  },
};

/** Slim products must need this many times fewer multiplications, since they run at a lower rate. */
const SLIM_ADVANTAGE = 1.5;

/** Whether `linear` uses slim products for the gradients of a low-rank sum [outputs, inputs]. */
export const slimGradients = (rank: number, outputs: number, inputs: number): boolean =>
  2 * rank * (outputs + inputs) * SLIM_ADVANTAGE <= outputs * inputs;

/**
 * The sum is not computed where the factors have at most this share of the weight's elements, and the weight has at
 * least this many. Then the terms through the factors take no longer than the sum, and a step of many layers need not
 * keep each sum from forward to backward.
 */
const SLIM_SHARE = 1 / 8;
const SLIM_SMALLEST = 2 ** 18;

/** Whether a linear layer with a low-rank sum never computes the sum: base [outputs, inputs], a [rank, inputs]. */
function slimSum(base: Value, a: Value): boolean {
  const [outputs, inputs, rank] = [lengthOf(base.shape, 0), lengthOf(base.shape, 1), lengthOf(a.shape, 0)];
  const whole = outputs * inputs;
  return whole >= SLIM_SMALLEST && rank * (outputs + inputs) <= SLIM_SHARE * whole;
}

/** The parts of w where it is a low-rank sum. */
function lowRankOf({ origin }: Value): { parts: readonly Value[]; options: LowRank } | null {
  if (origin === undefined || (origin.operator as Operator<unknown>) !== lowRank) return null;
  return { parts: origin.inputs, options: origin.options as LowRank };
}

/** Whether its gradients are cheaper without the whole weight's. */
function isSlim(w: Value, parts: readonly Value[]): boolean {
  return slimGradients(lengthOf(at(parts, 1).shape, 0), lengthOf(w.shape, 0), lengthOf(w.shape, 1));
}

/** α · (x · baseᵀ + scale · drop(x) · aᵀ · bᵀ) + β · c; its gradients follow from those of the products. */
function droppedLinear(
  x: Value,
  [base, a, b]: readonly Value[],
  tail: readonly Value[],
  { alpha = 1, scale, drop, ...options }: GemmOptions & LowRank,
): Value {
  const whole = applyOne(gemm, [x, base as Value, ...tail], { ...options, alpha });
  const low = product(drop ? drop(x) : x, a as Value, { transB: true, alpha: alpha * scale });
  return add(whole, product(low, b as Value, { transB: true }));
}

/**
 * α · x · w + β · bias over x's last axis, for a matrix w (torch stores its transpose: pass transB). The leading axes
 * are merged, so that forward and backward are one large product each.
 */
export function linear(x: Value, w: Value, bias?: Value, options: GemmOptions = {}): Value {
  const rows = x.shape.length === 2 ? x : reshape(x, [-1, lengthOf(x.shape, -1)]);
  const low = options.transB === true && options.transA !== true ? lowRankOf(w) : null;
  const tail = bias ? [bias] : [];
  const rowsOut = (): Value => {
    if (low?.options.drop) return droppedLinear(rows, low.parts, tail, { ...options, ...low.options });
    if (low === null || !isSlim(w, low.parts)) return applyOne(gemm, [rows, w, ...tail], options);
    return applyOne(lowRankLinear, [rows, ...low.parts, ...tail], { ...options, ...low.options });
  };
  const y = rowsOut();
  return x.shape.length === 2 ? y : reshape(y, [...x.shape.slice(0, -1), lengthOf(y.shape, -1)]);
}
