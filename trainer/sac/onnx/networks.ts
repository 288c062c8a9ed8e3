/** @file Perceptrons over flat parameter vectors, and the regression loss, as graphs. */
import {
  abs,
  add,
  linear,
  matMul,
  minimum,
  multiply,
  relu,
  reshape,
  type Shape,
  sizeOf,
  split,
  square,
  subtract,
  type Value,
} from "../../graph/index.js";
import { type Layer, parameterShapes } from "../layout.js";

/** The tensors that lie one after another in a flat vector: views of it. */
function unpack(flat: Value, shapes: readonly Shape[]): Value[] {
  const parts = split(flat, 0, shapes.map(sizeOf));
  return parts.map((part, i) => reshape(part, shapes[i] ?? []));
}

/** Weight and bias of each layer, of one network or of `count` side by side. */
export const layerTensors = (flat: Value, layers: readonly Layer[], count = 1): Value[] =>
  unpack(flat, parameterShapes(layers, count));

/** x [rows, inputs] → [rows, outputs]; with the tensors of `count` networks [count, rows, outputs], a layer of all of them in one product. */
export function perceptron(x: Value, parameters: readonly Value[]): Value {
  let y = x;
  for (let i = 0; i + 1 < parameters.length; i += 2) {
    const [weight, bias] = [parameters[i] as Value, parameters[i + 1] as Value];
    y = weight.shape.length === 2 ? linear(y, weight, bias) : add(matMul(y, weight), bias);
    if (i + 2 < parameters.length) y = relu(y);
  }
  return y;
}

/** d², or where Huber's is asked for 2|d| − 1 beyond |d| = 1. */
export function regressionLoss(difference: Value, kind: "squared" | "huber"): Value {
  if (kind === "squared") return square(difference);
  const distance = abs(difference);
  const near = minimum(distance, 1);
  return add(square(near), multiply(subtract(distance, near), 2));
}
