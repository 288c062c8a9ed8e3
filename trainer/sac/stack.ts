/** @file Merges the inputs of several updates into those of one run. */
import { at } from "../at.js";
import { float32, type Tensor, type Tensors } from "../tensor.js";

/** Stacks float tensors of the same names and shapes along a new leading axis; copies. */
export function stack(updates: readonly Tensors[]): Tensors {
  const names = Object.keys(at(updates, 0));
  return Object.fromEntries(names.map((name) => [name, stackOne(updates.map((feeds) => feeds[name] as Tensor))]));
}

function stackOne(tensors: readonly Tensor[]): Tensor {
  const {
    dims,
    data: { length },
  } = at(tensors, 0);
  const data = new Float32Array(tensors.length * length);
  for (const [i, tensor] of tensors.entries()) data.set(tensor.data as Float32Array, i * length);
  return float32(data, [tensors.length, ...dims]);
}
