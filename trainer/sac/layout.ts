/**
 * @file How networks are stored: each is one flat vector (for each layer the weights [inputs, outputs], then the bias),
 * so that optimizers, target networks and checkpoints handle one tensor. All learners share this layout.
 */
import { at } from "../at.js";
import type { Random } from "../random/random.js";

/** One fully connected layer. */
export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
}

/** The layers of a multi-layer perceptron with ReLU in between. */
export function perceptron(inputs: number, hidden: readonly number[], outputs: number): Layer[] {
  const widths = [inputs, ...hidden, outputs];
  return widths.slice(1).map((width, i) => ({ inputs: at(widths, i), outputs: width }));
}

/** Shapes of weight and bias, layer by layer: the parts of the flat vector. */
export function parameterShapes(layers: readonly Layer[]): (readonly [number, number] | readonly [number])[] {
  return layers.flatMap(({ inputs, outputs }) => [[inputs, outputs] as const, [outputs] as const]);
}

/**
 * The same for two equal networks side by side, so that one batched product computes a layer of both: each layer's
 * weights [2, inputs, outputs], then its biases [2, 1, outputs]. The first layer's bias is the last row of its weights
 * [2, inputs + 1, outputs]; the input ends with a constant 1.
 */
export function twinShapes(layers: readonly Layer[]): (readonly [number, number, number])[] {
  return layers.flatMap(({ inputs, outputs }, layer) =>
    layer === 0 ? [[2, inputs + 1, outputs] as const] : [[2, inputs, outputs] as const, [2, 1, outputs] as const],
  );
}

/** Merges the flat vectors of two equal networks into one. */
export function twins(networks: readonly [Float32Array, Float32Array], layers: readonly Layer[]): Float32Array {
  const flat = new Float32Array(2 * parameterCount(layers));
  let from = 0;
  let at = 0;
  for (const [, rows, columns] of twinShapes(layers)) {
    const length = rows * columns;
    for (const network of networks) {
      flat.set(network.subarray(from, from + length), at);
      at += length;
    }
    from += length;
  }
  return flat;
}

export function parameterCount(layers: readonly Layer[]): number {
  return layers.reduce((sum, { inputs, outputs }) => sum + (inputs + 1) * outputs, 0);
}

/** Uniform in ±1/√inputs for weights and biases: torch's default for linear layers. */
export function initialParameters(layers: readonly Layer[], random: Random): Float32Array {
  const flat = new Float32Array(parameterCount(layers));
  let at = 0;
  for (const { inputs, outputs } of layers) {
    const bound = 1 / Math.sqrt(inputs);
    for (const end = at + (inputs + 1) * outputs; at < end; at++) flat[at] = random.uniform(-bound, bound);
  }
  return flat;
}
