/** @file One use of every operator, for properties that all must have. */
import * as g from "../../trainer/graph/index.js";

export interface CaseInputs {
  /** [4, 6] */
  readonly x: g.Value;
  /** [4, 6], positive */
  readonly p: g.Value;
  /** [6, 6] */
  readonly w: g.Value;
  /** [6] */
  readonly v: g.Value;
  /** int32 [5], below 4 */
  readonly i: g.Value;
}

/** For four positions and heads of six numbers. */
const turns = (graph: g.Graph): g.RotaryTables => {
  const angles = Float32Array.from({ length: 12 }, (_, i) => Math.floor(i / 3) / ((i % 3) + 1));
  return { cos: graph.constant(angles.map(Math.cos), [4, 3]), sin: graph.constant(angles.map(Math.sin), [4, 3]) };
};

/** One value of each, under the operator's name (with more words where there are several). */
export function operatorCases({ x, p, w, v, i }: CaseInputs): Record<string, g.Value> {
  const stacked = g.reshape(g.concat([x, p], 0), [2, 4, 6]);
  return {
    add: g.add(x, v),
    subtract: g.subtract(v, x),
    multiply: g.multiply(x, v),
    divide: g.divide(x, p),
    power: g.power(p, 1.7),
    minimum: g.minimum(x, v),
    maximum: g.maximum(x, v),
    square: g.square(x),
    negate: g.negate(x),
    exp: g.exp(x),
    log: g.log(p),
    sqrt: g.sqrt(p),
    reciprocal: g.reciprocal(p),
    abs: g.abs(x),
    sin: g.sin(x),
    cos: g.cos(x),
    erf: g.erf(x),
    tanh: g.tanh(x),
    sigmoid: g.sigmoid(x),
    softplus: g.softplus(x),
    relu: g.relu(x),
    quickGelu: g.quickGelu(x),
    silu: g.silu(x),
    gelu: g.gelu(x),
    tanhGelu: g.tanhGelu(x),
    clip: g.clip(x, -0.5, 0.6),
    softCap: g.softCap(x, 2),
    select: g.select(g.and(g.greater(x, 0), g.not(g.less(p, 0.8))), x, g.multiply(v, p)),
    equal: g.select(g.equal(x, g.multiply(p, 0.5)), x, v),
    greater: g.select(g.greater(x, g.multiply(p, 0.5)), x, v),
    greaterOrEqual: g.select(g.greaterOrEqual(x, g.multiply(p, 0.5)), x, v),
    less: g.select(g.less(x, g.multiply(p, 0.5)), x, v),
    lessOrEqual: g.select(g.lessOrEqual(x, g.multiply(p, 0.5)), x, v),
    and: g.select(g.and(g.greater(x, 0), g.less(p, 1)), x, v),
    or: g.select(g.or(g.greater(x, 0), g.less(p, 1)), x, v),
    not: g.select(g.not(g.greater(x, 0)), x, v),
    binaryCrossEntropy: g.binaryCrossEntropy(x, g.sigmoid(p)),
    smoothL1: g.smoothL1(g.multiply(x, 3), v),
    matMul: g.matMul(x, w),
    "matMul transposed": g.matMul(x, w, { transB: true }),
    "matMul of batches": g.matMul(stacked, g.expand(w, [2, 6, 6])),
    "matMul of transposed batches": g.matMul(stacked, stacked, { transB: true }),
    "matMul of batches, the first transposed": g.matMul(stacked, stacked, { transA: true }),
    "matMul of batches, both transposed": g.matMul(g.expand(w, [2, 6, 6]), stacked, { transA: true, transB: true }),
    linear: g.linear(stacked, w, v, { transB: true }),
    "linear with factors": g.linear(stacked, w, v, { transB: true, alpha: 1.7, beta: 0.5 }),
    lowRankSum: g.linear(x, g.lowRankSum(w, g.slice(x, 0, 0, 1), g.slice(w, 1, 0, 1), 2), v, { transB: true }),
    reshape: g.square(g.reshape(x, [3, 8])),
    transpose: g.square(g.transpose(stacked, [2, 0, 1])),
    transposeMatrix: g.square(g.transposeMatrix(stacked)),
    cast: g.add(g.cast(g.cast(g.multiply(x, 10), "int32"), "float32"), x),
    slice: g.slice(x, 1, 1, 4),
    pad: g.pad(g.square(x), 0, 1, 2),
    expand: g.square(g.expand(v, [3, 6])),
    split: g.concat([...g.split(g.square(x), 1, [1, 1, 1, 1, 1, 1])].reverse(), 0),
    concat: g.concat([g.square(x), p], -1),
    sum: g.sum(g.square(x), 0),
    mean: g.mean(g.square(stacked), [0, 2], "keep"),
    max: g.max(x, -1),
    argMax: g.multiply(g.cast(g.argMax(x), "float32"), g.slice(v, 0, 0, 4)),
    sumTo: g.sumTo(g.square(stacked), [4, 1]),
    sumOfSquares: g.sumOfSquares(x),
    layerNormalization: g.layerNormalization(stacked, p.graph.filled([6], 1.5), v),
    rmsNormalization: g.rmsNormalization(stacked, v, 1e-6),
    gated: g.linear(g.gated("silu", x, p), w),
    "gated by GELU": g.linear(g.gated("tanhGelu", x, p), w),
    rotary: g.rotary(g.reshape(stacked, [2, 2, 2, 6]), g.reshape(g.slice(i, 0, 0, 4), [2, 2]), turns(x.graph)),
    l2Normalize: g.l2Normalize(x),
    softmax: g.softmax(stacked),
    logSoftmax: g.logSoftmax(x),
    logSumExp: g.logSumExp(x),
    gather: g.square(g.gather(x, i)),
    gatherElements: g.square(g.gatherElements(x, g.reshape(g.slice(i, 0, 0, 4), [4, 1]))),
    oneHot: g.multiply(g.oneHot(i, 6), v),
    crossEntropy: g.crossEntropy(g.gather(x, i), i),
  };
}
