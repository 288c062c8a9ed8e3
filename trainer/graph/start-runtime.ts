/** @file Starts a runtime: the worker thread, and the requests that wait for its answers. */
import { Worker } from "node:worker_threads";
import { UnavailableError } from "../errors.js";
import { chooseDevice } from "./device.js";
import { Graph } from "./graph.js";
import type { Answer, Request, WorkerOptions } from "./messages.js";
import { matMul } from "./operators/matrix.js";
import type { Binding, Model, Program, Runtime, RuntimeOptions, Tensors } from "./runtime.js";

/**
 * Releases of onnxruntime since 1.29 send what they run to Microsoft and keep a database in the user's cache folder, unless this is
 * set before the library is loaded; worker threads and child processes take it from here.
 */
process.env["ORT_DISABLE_TELEMETRY"] = "1";

interface Waiting {
  readonly what: string;
  readonly resolve: (tensors: Tensors) => void;
  readonly reject: (error: Error) => void;
}

class WorkerRuntime implements Runtime {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exit: Promise<void>;
  #requests = 0;
  #programs = 0;
  #closed: Promise<void> | undefined;

  constructor(
    readonly device: string,
    threads: number,
    readonly reason: string,
  ) {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), {
      workerData: { device, threads } satisfies WorkerOptions,
    });
    this.#worker.on("message", (answer: Answer) => this.#settle(answer));
    this.#worker.on("error", (error: Error) => this.#fail(error));
    this.#exit = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        this.#fail(new Error("the onnxruntime thread has ended"));
        resolve();
      });
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
    for (const { what, reject } of this.#waiting.values())
      reject(new Error(`${what}: ${error.message}`, { cause: error }));
    this.#waiting.clear();
  }

  request(request: Request, what: string): Promise<Tensors> {
    if (this.#closed) return Promise.reject(new Error(`${what}: the runtime is closed`));
    return this.#send(request, what);
  }

  #send(request: Request, what: string): Promise<Tensors> {
    const id = this.#requests++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { what, resolve, reject });
      this.#worker.postMessage({ id, request });
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

  /** Requests made before are answered first. */
  close(): Promise<void> {
    this.#closed ??= this.#send({ kind: "close" }, "closing the runtime").then(() => this.#exit);
    return this.#closed;
  }
}

/** A runtime on a device that is known to work, untested. */
export async function startWorker(device: string, threads: number): Promise<Runtime> {
  return new WorkerRuntime(device, threads, `${device}, as asked for`);
}

/**
 * Starts a thread with onnxruntime on the device asked for, and sees that it computes.
 * @throws InputError for a device there is no such thing as, UnavailableError (what is missing, what to install, what works)
 */
export async function startRuntime({ device, threads }: RuntimeOptions): Promise<Runtime> {
  const chosen = await chooseDevice(device);
  const runtime = new WorkerRuntime(chosen.device, threads, chosen.reason);
  try {
    await verify(runtime);
  } catch (error) {
    await runtime.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnavailableError(`--device ${device} (${chosen.device}) does not work here: ${reason}`, { cause: error });
  }
  return runtime;
}

/** Two numbers through the device. */
async function verify(runtime: Runtime): Promise<void> {
  const graph = new Graph();
  const x = graph.input("x", [1, 2]);
  graph.output("y", matMul(x, graph.constant(Float32Array.of(3, -5), [2, 1])));
  const program = await runtime.load({ bytes: graph.serialize() });
  const { y } = await program.run({ x: { type: "float32", dims: [1, 2], data: Float32Array.of(7, 2) } });
  if (y?.data[0] !== 11) throw new Error(`a product gave ${y?.data[0]} instead of 11`);
  await program.release();
}
