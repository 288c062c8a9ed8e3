/**
 * @file Copies tensors into and out of WebGPU buffers with one-node sessions. onnxruntime-node has no other way:
 * reading a buffer's data crashes the process.
 */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { Graph } from "./graph.js";
import type { ElementType, Model } from "./runtime.js";

type CreateSession = (model: Model, outputsOnGpu?: readonly string[]) => Promise<InferenceSession>;
type Direction = "in" | "out";

export class GpuCopies {
  readonly #sessions = new Map<string, InferenceSession>();
  readonly #createSession: CreateSession;

  constructor(createSession: CreateSession) {
    this.#createSession = createSession;
  }

  /**
   * A buffer that outlives the last session crashes the process, so this session is created before all others and
   * released after them.
   */
  async prepare(): Promise<void> {
    await this.#session("out", "float32", [1]);
  }

  async upload(tensor: OrtTensor): Promise<OrtTensor> {
    return this.#copy("in", tensor);
  }

  async download(tensor: OrtTensor): Promise<OrtTensor> {
    return this.#copy("out", tensor);
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }

  async #copy(direction: Direction, tensor: OrtTensor): Promise<OrtTensor> {
    const session = await this.#session(direction, tensor.type as ElementType, tensor.dims);
    const { copy } = await session.run({ tensor });
    if (!copy) throw new Error("a copy between the GPU and memory was not made");
    return copy;
  }

  async #session(direction: Direction, type: ElementType, shape: readonly number[]): Promise<InferenceSession> {
    const key = `${direction} ${type} ${shape.join()}`;
    const known = this.#sessions.get(key);
    if (known) return known;
    const graph = new Graph();
    graph.output("copy", graph.input("tensor", shape, type));
    const session = await this.#createSession({ bytes: graph.serialize() }, direction === "in" ? ["copy"] : []);
    this.#sessions.set(key, session);
    return session;
  }
}
