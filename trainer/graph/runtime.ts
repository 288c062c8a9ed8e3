/**
 * @file What the rest of the trainer sees of onnxruntime: a `Runtime` is one worker thread with sessions on one device and a
 * store of named variables (parameters, optimizer moments) that stay there between runs. onnxruntime-node's calls block the
 * event loop they are made on, hence the thread.
 */
import type { Tensors } from "../tensor.js";

export type { ElementType, Tensor, Tensors } from "../tensor.js";

/** Where the weights are that a model names but does not hold, and how they are used. */
export interface StoredWeights {
  /** The folder that the files of `Graph.external` are relative to, sub-folders included; "/" will do. */
  readonly folder: string;
  /**
   * On the cpu, weights are read where they lie in the mapped file, which all sessions and processes share and the system may drop
   * from memory; products take longer for it. Otherwise each session makes its own copy, laid out for its products.
   */
  readonly inPlace: boolean;
}

/** A serialized ONNX model, or the path of one (whose external data lies beside it). */
export type Model = { readonly bytes: Uint8Array; readonly weights?: StoredWeights } | { readonly path: string };

/** Which inputs are read from, and which outputs are written to, the runtime's variables (input or output → variable). */
export interface Binding {
  readonly reads?: Readonly<Record<string, string>>;
  readonly writes?: Readonly<Record<string, string>>;
}

export interface Program {
  /** Feeds the unbound inputs, which are copied before the call returns; resolves with the unbound outputs (or just those in `fetch`). Bound outputs become the variables' new values, all or none. */
  run(feeds: Tensors, fetch?: readonly string[]): Promise<Tensors>;
  release(): Promise<void>;
}

export interface Runtime {
  /** The execution provider in use: "cpu", "webgpu" or "cuda:0"; never another than was asked for. */
  readonly device: string;
  /** Why this device, a sentence for the log: what `auto` found. */
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
