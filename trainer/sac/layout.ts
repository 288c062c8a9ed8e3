/**
 * @file How networks lie in memory: each is one flat vector (for each layer the weights [inputs, outputs], then the bias), so that
 * an optimizer, a target network or a checkpoint deals with one tensor; the same in every learner.
 */
import type { Random } from "../random/random.js";

/** One fully connected layer. */
export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
}

/** The layers of a multi-layer perceptron, ReLU between them. */
export function perceptron(inputs: number, hidden: readonly number[], outputs: number): Layer[] {
  const widths = [inputs, ...hidden, outputs];
  return widths.slice(1).map((width, i) => ({ inputs: widths[i] ?? 0, outputs: width }));
}

/**
 * Shapes of weight and bias, layer by layer: the parts of the flat vector. `count` networks lie side by side, each layer's weights one after
 * another and then its biases, so that a layer of all of them is one batched product.
 */
export function parameterShapes(layers: readonly Layer[], count = 1): (readonly number[])[] {
  return layers.flatMap(({ inputs, outputs }) =>
    count === 1
      ? [[inputs, outputs], [outputs]]
      : [
          [count, inputs, outputs],
          [count, 1, outputs],
        ],
  );
}

/** The vectors of equal networks as one, side by side as `parameterShapes` has them. */
export function sideBySide(networks: readonly Float32Array[], layers: readonly Layer[]): Float32Array {
  const flat = new Float32Array(networks.length * parameterCount(layers));
  let from = 0;
  let at = 0;
  for (const { inputs, outputs } of layers) {
    for (const length of [inputs * outputs, outputs]) {
      for (const network of networks) {
        flat.set(network.subarray(from, from + length), at);
        at += length;
      }
      from += length;
    }
  }
  return flat;
}

export function parameterCount(layers: readonly Layer[]): number {
  return layers.reduce((sum, { inputs, outputs }) => sum + (inputs + 1) * outputs, 0);
}

/** Uniform in ±1/√inputs, weights and biases alike: torch's default for linear layers. */
export function initialParameters(layers: readonly Layer[], random: Random): Float32Array {
  const flat = new Float32Array(parameterCount(layers));
  let at = 0;
  for (const { inputs, outputs } of layers) {
    const bound = 1 / Math.sqrt(inputs);
    for (const end = at + (inputs + 1) * outputs; at < end; at++) flat[at] = random.uniform(-bound, bound);
  }
  return flat;
}
