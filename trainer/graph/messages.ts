/**
 * @file The messages between a runtime's two threads: one request, one answer, matched by id. And those to and from the
 * thread that starts the runtimes' threads.
 */
import type { MessagePort } from "node:worker_threads";
import type { Binding, Model, Tensors } from "./runtime.js";

export interface WorkerOptions {
  /** "cpu", "webgpu" or "cuda:N". */
  readonly device: string;
  readonly threads: number;
}

/** What a runtime's thread is started with. */
export interface WorkerData extends WorkerOptions {
  /** For requests and answers. */
  readonly port: MessagePort;
}

export interface StartThread {
  readonly thread: number;
  readonly data: WorkerData;
}

export interface ThreadEnded {
  readonly thread: number;
  /** Why, if it did not end by itself: a message, since an error that came from another thread loses it when sent on. */
  readonly error?: string;
}

export type Request =
  | { readonly kind: "load"; readonly program: number; readonly model: Model; readonly binding: Binding }
  | { readonly kind: "run"; readonly program: number; readonly feeds: Tensors; readonly fetch?: readonly string[] }
  | { readonly kind: "release"; readonly program: number }
  | { readonly kind: "set"; readonly variables: Tensors }
  | { readonly kind: "get"; readonly names: readonly string[] }
  | { readonly kind: "close" };

export type Answer =
  | { readonly id: number; readonly tensors: Tensors }
  | { readonly id: number; readonly error: string; readonly unavailable?: boolean };
