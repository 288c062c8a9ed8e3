/** @file Normalization over the last axis: layer norm, RMS norm, L2; softmax and its logarithm. */
import { apply, applyOne, type Operator, type Value } from "../graph.js";
import { exp, log, reciprocal, sqrt } from "./activations.js";
import { add, divide, multiply, square, subtract } from "./arithmetic.js";
import { max, mean, sum, sumTo } from "./reductions.js";

const layer: Operator<number> = {
  name: "LayerNormalization",
  forward: (inputs, epsilon) => {
    const [x] = inputs as [Value];
    const statistics = { shape: [...x.shape.slice(0, -1), 1], type: x.type };
    return x.graph.emit("LayerNormalization", inputs, [x, statistics, statistics], { axis: -1, epsilon });
  },
  // Reuses the operator's own mean and inverse deviation.
  gradient: ({ dy, inputs, outputs }) => {
    const [x, scale, bias] = inputs as [Value, Value, Value?];
    const [, average, inverse] = outputs as [Value, Value, Value];
    const normal = multiply(subtract(x, average), inverse);
    const g = multiply(dy, scale);
    const centred = subtract(g, mean(g, -1, "keep"));
    const dx = multiply(inverse, subtract(centred, multiply(normal, mean(multiply(g, normal), -1, "keep"))));
    return [dx, sumTo(multiply(dy, normal), scale.shape), ...(bias ? [sumTo(dy, bias.shape)] : [])];
  },
};

/** (x − mean) / √(variance + ε) · scale + bias over the last axis. */
export function layerNormalization(x: Value, scale: Value, bias: Value, epsilon = 1e-5): Value {
  const [y] = apply(layer, [x, scale, bias], epsilon);
  return y as Value;
}

const rms: Operator<number> = {
  name: "RmsNormalization",
  forward: (inputs, epsilon) => {
    const [x] = inputs as [Value];
    return x.graph.emit("SimplifiedLayerNormalization", inputs, [x], { axis: -1, epsilon });
  },
  gradient: ({ dy, inputs, options: epsilon }) => {
    const [x, scale] = inputs as [Value, Value];
    // Not the operator's second output: webgpu does not fill it.
    const inverse = reciprocal(sqrt(add(mean(square(x), -1, "keep"), epsilon)));
    const normal = multiply(x, inverse);
    const g = multiply(dy, scale);
    const dx = multiply(inverse, subtract(g, multiply(normal, mean(multiply(g, normal), -1, "keep"))));
    return [dx, sumTo(multiply(dy, normal), scale.shape)];
  },
};

/** x / √(mean x² + ε) · scale over the last axis. */
export const rmsNormalization = (x: Value, scale: Value, epsilon: number): Value => applyOne(rms, [x, scale], epsilon);

/** x / ‖x‖ over the last axis. */
export const l2Normalize = (x: Value): Value => divide(x, sqrt(sum(square(x), -1, "keep")));

const soft: Operator<undefined> = {
  name: "Softmax",
  forward: ([x]) => (x as Value).graph.emit("Softmax", [x as Value], [x as Value], { axis: -1 }),
  gradient: ({ dy, outputs: [y] }) => {
    const weighted = multiply(dy, y as Value);
    return [subtract(weighted, multiply(y as Value, sum(weighted, -1, "keep")))];
  },
};

/** Over the last axis. */
export const softmax = (x: Value): Value => applyOne(soft, [x], undefined);

const logSoft: Operator<undefined> = {
  name: "LogSoftmax",
  forward: ([x]) => (x as Value).graph.emit("LogSoftmax", [x as Value], [x as Value], { axis: -1 }),
  gradient: ({ dy, outputs: [y] }) => [subtract(dy, multiply(exp(y as Value), sum(dy, -1, "keep")))],
};

/** Over the last axis. */
export const logSoftmax = (x: Value): Value => applyOne(logSoft, [x], undefined);

/** log Σ eˣ over the last axis, which is dropped. */
export function logSumExp(x: Value): Value {
  const largest = max(x, -1, "keep");
  return add(sum(largest, -1), log(sum(exp(subtract(x, largest)), -1)));
}
