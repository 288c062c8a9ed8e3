/** @file Perceptrons over flat parameter vectors, and the regression loss, as graphs. */
import { at } from "../../at.js";
import {
  abs,
  add,
  concat,
  linear,
  matMul,
  minimum,
  multiply,
  relu,
  reshape,
  type Shape,
  sizeOf,
  slice,
  split,
  square,
  subtract,
  type Value,
} from "../../graph/index.js";
import { type Layer, parameterShapes, twinShapes } from "../layout.js";

/** Views of the tensors stored back to back in a flat vector. */
function unpack(flat: Value, shapes: readonly Shape[]): Value[] {
  const parts = split(flat, 0, shapes.map(sizeOf));
  return parts.map((part, i) => reshape(part, at(shapes, i)));
}

/** Weight and bias of each layer. */
export const layerTensors = (flat: Value, layers: readonly Layer[]): Value[] => unpack(flat, parameterShapes(layers));

/** x [rows, inputs] → [rows, outputs] */
export function perceptron(x: Value, parameters: readonly Value[]): Value {
  let y = x;
  for (let i = 0; i + 1 < parameters.length; i += 2) {
    y = linear(y, parameters[i] as Value, parameters[i + 1] as Value);
    if (i + 2 < parameters.length) y = relu(y);
  }
  return y;
}

/**
 * x [rows, inputs] → [2, rows, outputs] for two networks. One batched product computes a layer of both, so that each
 * gets its own core where there are two. The constant 1 at the end of the input saves the first layer a pass over its
 * outputs, and its bias a separate gradient.
 */
export function twinPerceptron(x: readonly Value[], flat: Value, layers: readonly Layer[]): Value {
  const [first, ...rest] = unpack(flat, twinShapes(layers));
  const rows = x[0]?.shape[0] ?? 1;
  let y = matMul(concat([...x, flat.graph.filled([rows, 1], 1)], 1), first as Value);
  for (let i = 0; i + 1 < rest.length; i += 2) y = add(matMul(relu(y), rest[i] as Value), rest[i + 1] as Value);
  return y;
}

/** Element i along the first axis. */
export const element = (all: Value, i: number): Value => reshape(slice(all, 0, i, i + 1), all.shape.slice(1));

/** The mean of scalars. */
export const meanOf = (scalars: readonly Value[]): Value =>
  multiply(
    scalars.reduce((sum, scalar) => add(sum, scalar)),
    1 / scalars.length,
  );

/** Stacks tensors of one shape along a new leading axis. */
export const together = (parts: readonly Value[]): Value =>
  concat(
    parts.map((part) => reshape(part, [1, ...part.shape])),
    0,
  );

/** d²; or with Huber's loss, 2|d| − 1 beyond |d| = 1. */
export function regressionLoss(difference: Value, kind: "squared" | "huber"): Value {
  if (kind === "squared") return square(difference);
  const distance = abs(difference);
  const near = minimum(distance, 1);
  return add(square(near), multiply(subtract(distance, near), 2));
}
