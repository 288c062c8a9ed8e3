/** @file The object-centric agent's heads in tensorflow.js. */

import * as tf from "@tensorflow/tfjs-core";
import { at } from "../../at.js";
import { type Head, type HeadsModel, headLayers, updatesInRun } from "../models.js";
import { adam, element, flatten, layerTensors, mean, perceptron, together, type Variables } from "./networks.js";

export type Feeds = Readonly<Record<string, tf.Tensor>>;
export type Outputs = Record<string, tf.Tensor>;
export type Functions = Readonly<Record<string, (feeds: Feeds) => Outputs>>;

export function feed(feeds: Feeds, name: string): tf.Tensor {
  const tensor = feeds[name];
  if (tensor === undefined) throw new Error(`the input "${name}" is missing`);
  return tensor;
}

/** d²; or Huber's loss, doubled: d² near 0 and 2|d| − 1 beyond |d| = 1. */
export function regressionLoss(difference: tf.Tensor, kind: "squared" | "huber"): tf.Tensor {
  if (kind === "squared") return tf.mul(difference, difference);
  const distance = tf.abs(difference);
  const near = tf.minimum(distance, 1);
  return tf.add(tf.mul(near, near), tf.mul(tf.sub(distance, near), 2));
}

export function headFunctions(model: HeadsModel, variables: Variables): Functions {
  const layers = headLayers(model);
  const output = (features: tf.Tensor, parameters: readonly tf.Tensor[]): tf.Tensor =>
    tf.reshape(perceptron(features, parameters), [-1]);

  const update = (head: Head, feeds: Feeds): Outputs => {
    const [features, targets, weights] = [feed(feeds, "features"), feed(feeds, "targets"), feed(feeds, "weights")];
    const parameters = layerTensors(variables.get(head), layers);
    const losses = (value: tf.Tensor): tf.Tensor =>
      head === "validity"
        ? tf.sub(tf.softplus(value), tf.mul(targets, value))
        : regressionLoss(tf.sub(value, targets), model.loss);
    const { value: loss, grads } = tf.valueAndGrads((...layers: tf.Tensor[]) =>
      mean(tf.mul(weights, losses(output(features, layers)))),
    )(parameters);
    const before = output(features, parameters);
    const prediction = head === "validity" ? tf.sigmoid(before) : before;
    const learningRate = at(feed(feeds, "learning_rate").dataSync(), 0);
    adam(variables, head, flatten(grads), learningRate);
    return { errors: tf.abs(tf.sub(prediction, targets)), loss };
  };

  const updateMany = (head: Head, feeds: Feeds): Outputs => {
    const elements = (i: number): Feeds =>
      Object.fromEntries(Object.entries(feeds).map(([name, all]) => [name, element(all, i)]));
    return together(Array.from({ length: updatesInRun(model) }, (_, i) => update(head, elements(i))));
  };

  const evaluate = (head: Head, feeds: Feeds): Outputs => {
    const value = output(feed(feeds, "features"), layerTensors(variables.get(head), layers));
    return { values: head === "validity" ? tf.sigmoid(value) : value };
  };

  return Object.fromEntries(
    model.heads.flatMap((head) => [
      [head, (feeds: Feeds) => update(head, feeds)],
      [`${head}_many`, (feeds: Feeds) => updateMany(head, feeds)],
      ...model.rows.map((rows) => [`evaluate_${head}_${rows}`, (feeds: Feeds) => evaluate(head, feeds)]),
    ]),
  );
}
