/** @file The caller's side of a runtime's worker thread: requests that wait for answers. */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { Tensors } from "../tensor.js";
import type { Answer, Request } from "./messages.js";
import type { Binding, Model, Program, Runtime } from "./runtime.js";
import { startThread } from "./threads.js";

interface Waiting {
  readonly what: string;
  readonly resolve: (tensors: Tensors) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerRuntime implements Runtime {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exit: Promise<void>;
  #requests = 0;
  #programs = 0;
  #closed: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(
    readonly device: string,
    threads: number,
    readonly reason: string,
  ) {
    const { port, ended } = startThread({ device, threads });
    this.#port = port;
    port.on("message", (answer: Answer) => this.#settle(answer));
    this.#exit = ended.then((error) => {
      // The end is told by another thread and may come before the last answers.
      for (let left = receiveMessageOnPort(port); left; left = receiveMessageOnPort(port)) this.#settle(left.message);
      this.#fail(error ?? new Error("the onnxruntime thread has ended"));
    });
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (!waiting) return;
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting.reject(new Error(`${waiting.what}: ${answer.error}`));
    else waiting.resolve(answer.tensors);
  }

  #fail(error: Error): void {
    this.#failure = error;
    for (const { what, reject } of this.#waiting.values())
      reject(new Error(`${what}: ${error.message}`, { cause: error }));
    this.#waiting.clear();
  }

  request(request: Request, what: string): Promise<Tensors> {
    if (this.#closed) return Promise.reject(new Error(`${what}: the runtime is closed`));
    return this.#send(request, what);
  }

  #send(request: Request, what: string): Promise<Tensors> {
    if (this.#failure) {
      return Promise.reject(new Error(`${what}: ${this.#failure.message}`, { cause: this.#failure }));
    }
    const id = this.#requests++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { what, resolve, reject });
      this.#port.postMessage({ id, request });
    });
  }

  async load(model: Model, binding: Binding = {}): Promise<Program> {
    const program = this.#programs++;
    const name = "path" in model ? model.path : `program ${program}`;
    await this.request({ kind: "load", program, model, binding }, `loading ${name} on ${this.device}`);
    return {
      run: (feeds, fetch) =>
        this.request({ kind: "run", program, feeds, ...(fetch && { fetch }) }, `running ${name} on ${this.device}`),
      release: async () => {
        await this.request({ kind: "release", program }, `releasing ${name}`);
      },
    };
  }

  async set(variables: Tensors): Promise<void> {
    await this.request({ kind: "set", variables }, "setting variables");
  }

  get(names: readonly string[]): Promise<Tensors> {
    return this.request({ kind: "get", names }, "reading variables");
  }

  /** Answers earlier requests first. A thread that has failed is closed already. */
  close(): Promise<void> {
    this.#closed ??= this.#send({ kind: "close" }, "closing the runtime").then(
      () => this.#exit,
      (error: unknown) => {
        if (this.#failure === undefined) throw error;
      },
    );
    return this.#closed;
  }
}

/** A runtime on a device known to work; does not test it. */
export async function startWorker(device: string, threads: number): Promise<Runtime> {
  return new WorkerRuntime(device, threads, `${device}, as asked for`);
}
