/**
 * @file Gradient rules of the tensorflow.js operations that the models use, one entry each. The Node build of
 * @tensorflow/tfjs-core lacks its own rules (where the union package or tfjs-node has registered them, they stay).
 */

import * as tf from "@tensorflow/tfjs-core";
import { at } from "../../at.js";

type Rule = tf.GradConfig;

/** Sums a gradient over broadcast axes, to an operand's shape. */
function sumTo(dy: tf.Tensor, shape: readonly number[]): tf.Tensor {
  const lead = dy.shape.length - shape.length;
  const axes = dy.shape.flatMap((length, i) => (i < lead || (shape[i - lead] === 1 && length !== 1) ? [i] : []));
  return tf.reshape(axes.length === 0 ? dy : tf.sum(dy, axes), [...shape]);
}

/** A rule that gets its inputs, by name, and its output from what the kernel saved. */
function rule(
  kernelName: string,
  inputs: readonly string[],
  gradient: (dy: tf.Tensor, saved: tf.Tensor[], attributes: Record<string, unknown>) => readonly (() => tf.Tensor)[],
): Rule {
  return {
    kernelName,
    inputsToSave: [...inputs],
    outputsToSave: [true],
    gradFunc: (dy, saved, attributes) => {
      const found = gradient(dy as tf.Tensor, saved, attributes as Record<string, unknown>);
      return Object.fromEntries(inputs.map((name, i) => [name, found[i] ?? (() => tf.zerosLike(dy as tf.Tensor))]));
    },
  };
}

const part = (saved: readonly tf.Tensor[], index: number): tf.Tensor => {
  const tensor = saved[index];
  if (tensor === undefined) throw new Error(`tensorflow.js saved ${saved.length} tensors, no number ${index}`);
  return tensor;
};

const binary = (
  kernelName: string,
  gradient: (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => readonly [() => tf.Tensor, () => tf.Tensor],
): Rule =>
  rule(kernelName, ["a", "b"], (dy, saved) => {
    const [a, b] = [part(saved, 0), part(saved, 1)];
    const [da, db] = gradient(dy, a, b);
    return [() => sumTo(da(), a.shape), () => sumTo(db(), b.shape)];
  });

const unary = (kernelName: string, gradient: (dy: tf.Tensor, x: tf.Tensor, y: tf.Tensor) => tf.Tensor): Rule =>
  rule(kernelName, ["x"], (dy, saved) => [() => gradient(dy, part(saved, 0), part(saved, 1))]);

const RULES: readonly Rule[] = [
  binary(tf.Add, (dy) => [() => dy, () => dy]),
  binary(tf.Sub, (dy) => [() => dy, () => tf.neg(dy)]),
  binary(tf.Multiply, (dy, a, b) => [() => tf.mul(dy, b), () => tf.mul(dy, a)]),
  binary(tf.Minimum, (dy, a, b) => [
    () => tf.mul(dy, tf.cast(tf.lessEqual(a, b), "float32")),
    () => tf.mul(dy, tf.cast(tf.greater(a, b), "float32")),
  ]),
  binary(tf.RealDiv, (dy, a, b) => [() => tf.div(dy, b), () => tf.neg(tf.div(tf.mul(dy, a), tf.mul(b, b)))]),
  binary(tf.BatchMatMul, (dy, a, b) => [() => tf.matMul(dy, b, false, true), () => tf.matMul(a, dy, true, false)]),
  unary(tf.Relu, (dy, _x, y) => tf.mul(dy, tf.step(y))),
  unary(tf.Tanh, (dy, _x, y) => tf.mul(dy, tf.sub(1, tf.mul(y, y)))),
  unary(tf.Exp, (dy, _x, y) => tf.mul(dy, y)),
  unary(tf.Sin, (dy, x) => tf.mul(dy, tf.cos(x))),
  unary(tf.Cos, (dy, x) => tf.neg(tf.mul(dy, tf.sin(x)))),
  unary(tf.Log, (dy, x) => tf.div(dy, x)),
  unary(tf.Neg, (dy) => tf.neg(dy)),
  unary(tf.Abs, (dy, x) => tf.mul(dy, tf.sign(x))),
  unary(tf.Softplus, (dy, x) => tf.mul(dy, tf.sigmoid(x))),
  unary(tf.ClipByValue, (dy, x, y) => tf.mul(dy, tf.cast(tf.equal(x, y), "float32"))),
  {
    kernelName: tf.Sum,
    inputsToSave: ["x"],
    gradFunc: (dy, saved, attributes) => {
      const x = part(saved, 0);
      const axes = tf.util.parseAxisParam((attributes as unknown as tf.SumAttrs).axis, x.shape);
      const reduced = x.shape.map((length, i) => (axes.includes(i) ? 1 : length));
      return { x: () => tf.mul(tf.reshape(dy as tf.Tensor, reduced), tf.onesLike(x)) };
    },
  },
  {
    kernelName: tf.Reshape,
    inputsToSave: ["x"],
    gradFunc: (dy, saved) => ({ x: () => tf.reshape(dy as tf.Tensor, part(saved, 0).shape) }),
  },
  {
    kernelName: tf.Identity,
    gradFunc: (dy) => ({ x: () => dy as tf.Tensor }),
  },
  {
    kernelName: tf.Concat,
    saveAllInputs: true,
    gradFunc: (dy, saved, attributes) => {
      const axis = tf.util.parseAxisParam((attributes as unknown as tf.ConcatAttrs).axis, part(saved, 0).shape)[0] ?? 0;
      const parts = tf.split(
        dy as tf.Tensor,
        saved.map((tensor) => at(tensor.shape, axis)),
        axis,
      );
      return Object.fromEntries(parts.map((part, i) => [i, () => part]));
    },
  },
  {
    kernelName: tf.Slice,
    inputsToSave: ["x"],
    gradFunc: (dy, saved, attributes) => {
      const x = part(saved, 0);
      const { begin, size } = attributes as unknown as tf.SliceAttrs;
      const [starts, sizes] = tf.slice_util.parseSliceParams(x, begin as number[], size as number[]) as [
        number[],
        number[],
      ];
      const padding = starts.map((start, i): [number, number] => [start, at(x.shape, i) - start - at(sizes, i)]);
      return { x: () => tf.pad(dy as tf.Tensor, padding) };
    },
  },
];

export function registerGradients(): void {
  for (const rule of RULES) {
    if (tf.getGradient(rule.kernelName) === undefined) tf.registerGradient(rule);
  }
}
