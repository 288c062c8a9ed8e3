/** @file The thread behind a `Runtime`: onnxruntime sessions on one device, and the variables they share. */
import { parentPort, workerData } from "node:worker_threads";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Answer, Request, WorkerOptions } from "./messages.js";
import type { Binding, ElementType, Model, Tensor, Tensors } from "./runtime.js";

interface LoadedProgram {
  readonly session: InferenceSession;
  readonly reads: readonly (readonly [input: string, variable: string])[];
  readonly writes: ReadonlyMap<string, string>;
}

/** A variable's value, and a second buffer that the next value is written into; the two change places when a run has succeeded. */
interface Variable {
  current: OrtTensor;
  spare?: OrtTensor;
}

const options = workerData as WorkerOptions;
const programs = new Map<number, LoadedProgram>();
const variables = new Map<string, Variable>();

function provider(device: string): InferenceSession.ExecutionProviderConfig {
  return device.startsWith("cuda:") ? { name: "cuda", deviceId: Number(device.slice(5)) } : device;
}

async function load(program: number, model: Model, binding: Binding): Promise<void> {
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [provider(options.device)],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    // Spinning threads would steal time from the sessions of other threads and processes on the same cores.
    extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
  };
  const session =
    "path" in model
      ? await InferenceSession.create(model.path, settings)
      : await InferenceSession.create(model.bytes, settings);
  const reads = Object.entries(binding.reads ?? {});
  const writes = Object.entries(binding.writes ?? {});
  for (const [kind, names, bound] of [
    ["input", session.inputNames, reads],
    ["output", session.outputNames, writes],
  ] as const) {
    for (const [name] of bound) {
      if (!names.includes(name)) throw new Error(`the model has no ${kind} "${name}" to bind`);
    }
  }
  programs.set(program, { session, reads, writes: new Map(writes) });
}

function programOf(id: number): LoadedProgram {
  const program = programs.get(id);
  if (!program) throw new Error("this program has been released");
  return program;
}

function variableOf(name: string): Variable {
  const variable = variables.get(name);
  if (!variable) throw new Error(`variable "${name}" has not been set`);
  return variable;
}

const toOrt = ({ type, data, dims }: Tensor): OrtTensor => new OrtTensor(type, data, dims);

function fromOrt(tensor: OrtTensor): Tensor {
  return { type: tensor.type as ElementType, dims: tensor.dims, data: tensor.data as Tensor["data"] };
}

/** A buffer for the next value of a variable, if its present one says how large that is. */
function spareOf(name: string): OrtTensor | null {
  const variable = variables.get(name);
  if (!variable) return null;
  if (!variable.spare) {
    const { type, dims, data } = fromOrt(variable.current);
    variable.spare = toOrt({ type, dims, data: data.slice() });
  }
  return variable.spare;
}

async function run(id: number, feeds: Tensors, fetch?: readonly string[]): Promise<Tensors> {
  const { session, reads, writes } = programOf(id);
  const inputs: Record<string, OrtTensor> = {};
  for (const [name, tensor] of Object.entries(feeds)) inputs[name] = toOrt(tensor);
  for (const [name, variable] of reads) inputs[name] = variableOf(variable).current;
  const wanted = fetch ?? session.outputNames.filter((name) => !writes.has(name));
  const fetches: Record<string, OrtTensor | null> = {};
  for (const name of wanted) fetches[name] = null;
  for (const [name, variable] of writes) fetches[name] = spareOf(variable);
  const outputs = await session.run(inputs, fetches);
  for (const [name, variable] of writes) {
    const value = outputs[name];
    if (!value) throw new Error(`the run gave no output "${name}"`);
    const previous = variables.get(variable);
    variables.set(variable, previous ? { current: value, spare: previous.current } : { current: value });
  }
  const result: Record<string, Tensor> = {};
  for (const name of wanted) {
    const value = outputs[name];
    if (!value) throw new Error(`the model has no output "${name}"`);
    const tensor = fromOrt(value);
    result[name] = writes.has(name) ? { ...tensor, data: tensor.data.slice() } : tensor;
  }
  return result;
}

function set(values: Tensors): void {
  for (const [name, tensor] of Object.entries(values)) variables.set(name, { current: toOrt(tensor) });
}

function get(names: readonly string[]): Tensors {
  const result: Record<string, Tensor> = {};
  for (const name of names) {
    const tensor = fromOrt(variableOf(name).current);
    result[name] = { ...tensor, data: tensor.data.slice() };
  }
  return result;
}

async function release(id: number): Promise<void> {
  const program = programs.get(id);
  programs.delete(id);
  await program?.session.release();
}

async function answer(request: Request): Promise<Tensors> {
  switch (request.kind) {
    case "load":
      await load(request.program, request.model, request.binding);
      return {};
    case "run":
      return run(request.program, request.feeds, request.fetch);
    case "set":
      set(request.variables);
      return {};
    case "get":
      return get(request.names);
    case "release":
      await release(request.program);
      return {};
    case "close":
      for (const id of [...programs.keys()]) await release(id);
      variables.clear();
      return {};
  }
}

if (!parentPort) throw new Error("worker.js runs as a worker thread");
const port = parentPort;
let queue: Promise<void> = Promise.resolve();
port.on("message", ({ id, request }: { id: number; request: Request }) => {
  queue = queue.then(async () => {
    try {
      const tensors = await answer(request);
      const buffers = Object.values(tensors).map(({ data }) => data.buffer as ArrayBuffer);
      port.postMessage({ id, tensors } satisfies Answer, [...new Set(buffers)]);
    } catch (error) {
      port.postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies Answer);
    }
    if (request.kind === "close") port.close();
  });
});
