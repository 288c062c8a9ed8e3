/**
 * @file The trainer's interface to onnxruntime. A `Runtime` is one worker thread with sessions on one device, and a
 * store of named variables (parameters, optimizer moments) that stay on the device between runs. It needs a thread
 * because onnxruntime-node's calls block the event loop.
 */
import type { Tensors } from "../tensor.js";

export type { ElementType, Tensor, Tensors } from "../tensor.js";

/** Where to find the weights that a model names but does not contain, and how to use them. */
export interface StoredWeights {
  /** The folder that the paths of `Graph.external` are relative to, including sub-folders; "/" works. */
  readonly folder: string;
  /**
   * true: on the cpu, weights are read in place from the mapped file. All sessions and processes share it and the
   * system may drop it from memory, but products take longer. false: each session makes its own copy in the layout its
   * products need.
   */
  readonly inPlace: boolean;
}

/** A serialized ONNX model, or the path of one (with its external data beside it). */
export type Model = { readonly bytes: Uint8Array; readonly weights?: StoredWeights } | { readonly path: string };

/**
 * Which inputs are read from the runtime's variables, and which outputs are written to them (input or output →
 * variable).
 */
export interface Binding {
  readonly reads?: Readonly<Record<string, string>>;
  readonly writes?: Readonly<Record<string, string>>;
}

export interface Program {
  /**
   * Copies the unbound inputs before the call returns; resolves with the unbound outputs (or only those in `fetch`).
   * Bound outputs become the variables' new values, all or none.
   */
  run(feeds: Tensors, fetch?: readonly string[]): Promise<Tensors>;
  release(): Promise<void>;
}

export interface Runtime {
  /** The execution provider in use: "cpu", "webgpu" or "cuda:0"; never another than the requested one. */
  readonly device: string;
  /** Why this device: a sentence for the log. */
  readonly reason: string;
  load(model: Model, binding?: Binding): Promise<Program>;
  set(variables: Tensors): Promise<void>;
  get(names: readonly string[]): Promise<Tensors>;
  close(): Promise<void>;
}

export interface RuntimeOptions {
  /** auto | cpu | webgpu | cuda | cuda:N; see `device.ts`. */
  readonly device: string;
  /** onnxruntime's intra-op threads. */
  readonly threads: number;
}
