/** @file Perceptrons, Adam and moving averages in tensorflow.js, over the flat variables that every learner shares. */

import * as tf from "@tensorflow/tfjs-core";
import { at } from "../../at.js";
import type { Tensor, Tensors } from "../../tensor.js";
import { type Layer, parameterShapes, twinShapes } from "../layout.js";
import { ADAM } from "../models.js";

/** The variables of a model: each name's current tensor, alive until it is replaced. */
export class Variables {
  readonly #tensors = new Map<string, tf.Tensor>();

  get(name: string): tf.Tensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new Error(`the learner has no variable "${name}" yet`);
    return tensor;
  }

  /** The new value survives the surrounding tidy; the old one is freed. */
  set(name: string, value: tf.Tensor): void {
    this.#tensors.get(name)?.dispose();
    this.#tensors.set(name, tf.keep(tf.clone(value)));
  }

  async read(): Promise<Tensors> {
    const entries = [...this.#tensors].map(async ([name, tensor]) => [name, await toTensor(tensor)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }
}

export async function toTensor(tensor: tf.Tensor): Promise<Tensor> {
  return { type: "float32", dims: tensor.shape, data: Float32Array.from(await tensor.data()) };
}

export function fromTensor({ data, dims }: Tensor): tf.Tensor {
  return tf.tensor(Float32Array.from(data as Float32Array), [...dims], "float32");
}

/** Weight and bias of each layer. */
export const layerTensors = (flat: tf.Tensor, layers: readonly Layer[]): tf.Tensor[] =>
  unpack(flat, parameterShapes(layers));

/** The same for two networks side by side (layout.ts). */
export const twinTensors = (flat: tf.Tensor, layers: readonly Layer[]): tf.Tensor[] => unpack(flat, twinShapes(layers));

function unpack(flat: tf.Tensor, shapes: readonly (readonly number[])[]): tf.Tensor[] {
  let at = 0;
  return shapes.map((shape) => {
    const part = tf.slice(flat, [at], [sizeOf(shape)]);
    at += sizeOf(shape);
    return tf.reshape(part, [...shape]);
  });
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** Element i along the first axis. */
export const element = (all: tf.Tensor, i: number): tf.Tensor => tf.squeeze(tf.slice(all, i, 1), [0]);

/**
 * Merges the results of several updates into those of one run: errors stacked along a leading axis, means of the rest.
 */
export function together(updates: readonly Readonly<Record<string, tf.Tensor>>[]): Record<string, tf.Tensor> {
  const names = [...new Set(updates.flatMap((outputs) => Object.keys(outputs)))];
  return Object.fromEntries(
    names.map((name) => {
      const all = tf.stack(updates.flatMap((outputs) => outputs[name] ?? []));
      return [name, name === "errors" ? all : mean(all)];
    }),
  );
}

/** The inverse of `layerTensors`, for gradients. */
export const flatten = (tensors: readonly tf.Tensor[]): tf.Tensor =>
  tf.concat(
    tensors.map((tensor) => tf.reshape(tensor, [-1])),
    0,
  );

/** x [rows, inputs] → [rows, outputs] */
export function perceptron(x: tf.Tensor, parameters: readonly tf.Tensor[]): tf.Tensor {
  let y = x;
  for (let i = 0; i + 1 < parameters.length; i += 2) {
    const [weight, bias] = [parameters[i] as tf.Tensor, parameters[i + 1] as tf.Tensor];
    y = tf.add(tf.matMul(y as tf.Tensor2D, weight as tf.Tensor2D), bias);
    if (i + 2 < parameters.length) y = tf.relu(y);
  }
  return y;
}

/** x [rows, inputs] → [2, rows, outputs], for the networks from `twinTensors`. */
export function twinPerceptron(x: tf.Tensor, [first, ...rest]: readonly tf.Tensor[]): tf.Tensor {
  const rows = at(x.shape, 0);
  const extended = tf.reshape(tf.concat([x, tf.ones([rows, 1])], 1), [1, rows, at(x.shape, 1) + 1]);
  let y = tf.matMul(extended, first as tf.Tensor);
  for (let i = 0; i + 1 < rest.length; i += 2) {
    y = tf.add(tf.matMul(tf.relu(y), rest[i] as tf.Tensor), rest[i + 1] as tf.Tensor);
  }
  return y;
}

/** Splits a matrix's columns into groups of the given widths. */
export function toColumns(x: tf.Tensor, widths: readonly [number, number]): [tf.Tensor, tf.Tensor] {
  const rows = at(x.shape, 0);
  return [tf.slice(x, [0, 0], [rows, widths[0]]), tf.slice(x, [0, widths[0]], [rows, widths[1]])];
}

/** Mean over all elements. */
export const mean = (x: tf.Tensor): tf.Scalar => tf.mul(tf.sum(x), 1 / x.size);

/** One step of Adam (torch's, bias-corrected) on the variable, from the gradient's flat vector. */
export function adam(variables: Variables, name: string, gradient: tf.Tensor, learningRate: number): void {
  const { beta1, beta2, epsilon } = ADAM;
  const step = at(variables.get(`${name}.step`).dataSync(), 0) + 1;
  const m = tf.add(tf.mul(variables.get(`${name}.first`), beta1), tf.mul(gradient, 1 - beta1));
  const v = tf.add(tf.mul(variables.get(`${name}.second`), beta2), tf.mul(tf.mul(gradient, gradient), 1 - beta2));
  const denominator = tf.add(tf.mul(tf.sqrt(v), 1 / Math.sqrt(1 - beta2 ** step)), epsilon);
  const change = tf.div(tf.mul(m, learningRate / (1 - beta1 ** step)), denominator);
  variables.set(name, tf.sub(variables.get(name), change));
  variables.set(`${name}.first`, m);
  variables.set(`${name}.second`, v);
  variables.set(`${name}.step`, tf.scalar(step));
}

/** target ← τ·source + (1 − τ)·target */
export function polyak(variables: Variables, target: string, source: string, tau: number): void {
  variables.set(target, tf.add(tf.mul(variables.get(source), tau), tf.mul(variables.get(target), 1 - tau)));
}
