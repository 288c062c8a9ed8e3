/**
 * @file A learner: a worker thread that holds a model's variables and runs its functions, on onnxruntime or
 * tensorflow.js.
 */
import type { Tensors } from "../tensor.js";

export const LEARNERS = ["onnx", "tfjs"] as const;
export type LearnerKind = (typeof LEARNERS)[number];

export interface Learner {
  /** The engine, for logs: "onnxruntime, cpu", "tensorflow.js, wasm". */
  readonly description: string;
  /** Runs a function of the model (models.ts); the variables that it changes stay in the learner. */
  call(name: string, feeds: Tensors): Promise<Tensors>;
  /** All variables, or all that were given by `set`. */
  get(): Promise<Tensors>;
  set(variables: Tensors): Promise<void>;
  close(): Promise<void>;
}

export interface LearnerOptions {
  readonly learner: LearnerKind;
  /** For onnxruntime: auto | cpu | webgpu | cuda | cuda:N. */
  readonly device: string;
  readonly threads: number;
}

/** The data of a function's output. */
export function outputOf(outputs: Tensors, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`the learner gave no "${name}"`);
  return data;
}
