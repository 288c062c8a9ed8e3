/** @file An agent's state as a flat record of named tensors, "part/name", and the means that it reports. */

import type { ColumnArray } from "../replay/columns.js";
import type { Tensor, Tensors } from "../tensor.js";

type Arrays = Readonly<Record<string, ColumnArray>>;

const isTensor = (value: Tensor | ColumnArray): value is Tensor => "dims" in value;

function typeOf(data: ColumnArray): "float32" | "int32" | "uint8" {
  if (data instanceof Float32Array) return "float32";
  return data instanceof Int32Array ? "int32" : "uint8";
}

/** Flattens parts, each of tensors or plain arrays, into one record. */
export function toState(parts: Readonly<Record<string, Tensors | Arrays>>): Tensors {
  const state: Record<string, Tensor> = {};
  for (const [part, entries] of Object.entries(parts)) {
    for (const [name, value] of Object.entries(entries)) {
      state[`${part}/${name}`] = isTensor(value) ? value : { type: typeOf(value), dims: [value.length], data: value };
    }
  }
  return state;
}

export interface StateParts {
  tensors(part: string): Tensors;
  arrays(part: string): Arrays;
}

/** Copies a tensor that is a view of a larger buffer: sending it to a thread would send the whole buffer. */
function owned(tensor: Tensor): Tensor {
  const { data } = tensor;
  return data.byteLength === data.buffer.byteLength ? tensor : { ...tensor, data: data.slice() };
}

export function fromState(state: Tensors): StateParts {
  const tensors = (part: string): Tensors =>
    Object.fromEntries(
      Object.entries(state).flatMap(([name, tensor]) =>
        name.startsWith(`${part}/`) ? [[name.slice(part.length + 1), owned(tensor)]] : [],
      ),
    );
  return {
    tensors,
    arrays: (part) =>
      Object.fromEntries(Object.entries(tensors(part)).map(([name, { data }]) => [name, data as ColumnArray])),
  };
}

/** Means of named numbers since the last `take`. */
export class RunningMeans {
  readonly #sums = new Map<string, { sum: number; count: number }>();

  /** Each value counts `weight` times. */
  add(values: Readonly<Record<string, number>>, weight = 1): void {
    for (const [name, value] of Object.entries(values)) {
      const { sum, count } = this.#sums.get(name) ?? { sum: 0, count: 0 };
      this.#sums.set(name, { sum: sum + weight * value, count: count + weight });
    }
  }

  take(): Record<string, number> {
    const means = Object.fromEntries([...this.#sums].map(([name, { sum, count }]) => [name, sum / count]));
    this.#sums.clear();
    return means;
  }
}
