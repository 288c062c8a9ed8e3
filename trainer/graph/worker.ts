/** @file The thread behind a `Runtime`: onnxruntime sessions on one device, and the variables that they share. */
import { workerData } from "node:worker_threads";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { GpuCopies } from "./gpu-copies.js";
import type { Answer, Request, WorkerData } from "./messages.js";
import type { Binding, ElementType, Model, Tensor, Tensors } from "./runtime.js";

interface LoadedProgram {
  readonly session: InferenceSession;
  readonly reads: readonly (readonly [input: string, variable: string])[];
  readonly writes: ReadonlyMap<string, string>;
}

const { port, ...options } = workerData as WorkerData;
const programs = new Map<number, LoadedProgram>();
/** On webgpu, floats stay in GPU buffers. */
const variables = new Map<string, OrtTensor>();
/** The program that computed a variable's value. */
const makers = new Map<string, number>();
const onGpu = options.device === "webgpu";
const copies = new GpuCopies(createSession);

function provider(device: string): InferenceSession.ExecutionProviderConfig {
  return device.startsWith("cuda:") ? { name: "cuda", deviceId: Number(device.slice(5)) } : device;
}

/**
 * Passes that would copy stored weights to float32 when a session is created, or merge the casts that `again` keeps
 * apart. Small constants may still be folded.
 */
const COPYING_PASSES = ["FuseFp16InitializerToFp32NodeTransformer", "CommonSubexpressionElimination"];
const LARGEST_FOLDED = 2 ** 16;

type Settings = Readonly<Record<string, string>>;

interface WeightSettings extends InferenceSession.SessionOptions {
  readonly extra: { readonly session: Settings; readonly optimization: Settings };
}

/** onnxruntime's settings for the model's stored weights. */
function weightSettings(model: Model): WeightSettings {
  const weights = "path" in model ? undefined : model.weights;
  const folder = weights && { model_external_initializers_file_folder_path: weights.folder };
  if (!weights?.inPlace || options.device !== "cpu") return { extra: { session: { ...folder }, optimization: {} } };
  return {
    // With an arena and memory patterns, a session keeps the memory of its largest run, and from the second run on one
    // more block for all tensors. Without them, a run takes only what its tensors need, and frees it for the next
    // program.
    enableCpuMemArena: false,
    enableMemPattern: false,
    extra: {
      session: { ...folder, disable_prepacking: "1" },
      optimization: {
        disable_specified_optimizers: COPYING_PASSES.join(";"),
        constant_folding_max_output_size_in_bytes: String(LARGEST_FOLDED),
      },
    },
  };
}

function createSession(model: Model, outputsOnGpu: readonly string[] = []): Promise<InferenceSession> {
  const { extra, ...memory } = weightSettings(model);
  const settings: InferenceSession.SessionOptions = {
    ...memory,
    executionProviders: [provider(options.device)],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    // Errors are thrown anyway; do not log them as well.
    logSeverityLevel: 4,
    // Within a run, threads spin while they wait: a step has hundreds of short nodes, and waking a thread takes as long
    // as one of them. Between runs they sleep, to leave the cores to other sessions and processes.
    extra: {
      session: {
        intra_op: { allow_spinning: options.threads > 1 ? "1" : "0" },
        inter_op: { allow_spinning: "0" },
        force_spinning_stop: "1",
        // For the session's own threads; this one has it from thread-origin.ts.
        set_denormal_as_zero: "1",
        ...extra.session,
      },
      optimization: extra.optimization,
    },
    ...(outputsOnGpu.length > 0 && {
      preferredOutputLocation: Object.fromEntries(outputsOnGpu.map((name) => [name, "gpu-buffer" as const])),
    }),
  };
  return "path" in model
    ? InferenceSession.create(model.path, settings)
    : InferenceSession.create(model.bytes, settings);
}

async function load(program: number, model: Model, binding: Binding): Promise<void> {
  if (onGpu) await copies.prepare();
  const session = await createSession(model, onGpu ? Object.keys(binding.writes ?? {}) : []);
  const reads = Object.entries(binding.reads ?? {});
  const writes = Object.entries(binding.writes ?? {});
  for (const [kind, names, bound] of [
    ["input", session.inputNames, reads],
    ["output", session.outputNames, writes],
  ] as const) {
    for (const [name] of bound) {
      if (names.includes(name)) continue;
      await session.release();
      throw new Error(`the model has no ${kind} "${name}" to bind`);
    }
  }
  programs.set(program, { session, reads, writes: new Map(writes) });
}

function programOf(id: number): LoadedProgram {
  const program = programs.get(id);
  if (!program) throw new Error("this program has been released");
  return program;
}

function variableOf(name: string): OrtTensor {
  const variable = variables.get(name);
  if (!variable) throw new Error(`variable "${name}" has not been set`);
  return variable;
}

/** `maker`: the program whose run computed the value; undefined where it was set. */
function setVariable(name: string, value: OrtTensor, maker?: number): void {
  variables.get(name)?.dispose();
  variables.set(name, value);
  if (maker === undefined) makers.delete(name);
  else makers.set(name, maker);
}

const toOrt = ({ type, data, dims }: Tensor): OrtTensor => new OrtTensor(type, data, dims);

function fromOrt(tensor: OrtTensor): Tensor {
  return { type: tensor.type as ElementType, dims: tensor.dims, data: tensor.data as Tensor["data"] };
}

/** A copy of a tensor that stays in the worker. */
async function copyOut(tensor: OrtTensor): Promise<Tensor> {
  if (tensor.location !== "cpu") return fromOrt(await copies.download(tensor));
  const view = fromOrt(tensor);
  return { ...view, data: view.data.slice() };
}

async function run(id: number, feeds: Tensors, fetch?: readonly string[]): Promise<Tensors> {
  const { session, reads, writes } = programOf(id);
  const inputs: Record<string, OrtTensor> = {};
  for (const [name, tensor] of Object.entries(feeds)) inputs[name] = toOrt(tensor);
  for (const [name, variable] of reads) inputs[name] = variableOf(variable);
  const wanted = fetch ?? session.outputNames.filter((name) => !writes.has(name));
  const outputs = await session.run(inputs, [...new Set([...wanted, ...writes.keys()])]);
  const output = (name: string): OrtTensor => {
    const value = outputs[name];
    if (!value) throw new Error(`the model has no output "${name}"`);
    return value;
  };
  const result: Record<string, Tensor> = {};
  for (const name of wanted) result[name] = writes.has(name) ? await copyOut(output(name)) : fromOrt(output(name));
  // All or none: no variable has changed so far, and nothing below can fail.
  const updates = [...writes].map(([name, variable]) => [variable, output(name)] as const);
  for (const [variable, value] of updates) setVariable(variable, value, id);
  return result;
}

async function get(names: readonly string[]): Promise<Tensors> {
  const result: Record<string, Tensor> = {};
  for (const name of names) result[name] = await copyOut(variableOf(name));
  return result;
}

/** All or none, like a run. Floats go to the GPU at once, where every program can use them. */
async function set(values: Tensors): Promise<void> {
  const made: [string, OrtTensor][] = [];
  for (const [name, value] of Object.entries(values)) {
    const tensor = toOrt(value);
    made.push([name, onGpu && value.type === "float32" ? await copies.upload(tensor) : tensor]);
  }
  for (const [name, tensor] of made) setVariable(name, tensor);
}

async function release(id: number): Promise<void> {
  const program = programs.get(id);
  if (program === undefined) return;
  programs.delete(id);
  // A GPU buffer belongs to its session: disposing of it after the session crashes the process.
  const left = onGpu ? [...makers].filter(([, maker]) => maker === id) : [];
  for (const [name] of left) setVariable(name, await copies.upload(await copies.download(variableOf(name))));
  await program.session.release();
}

async function answer(request: Request): Promise<Tensors> {
  switch (request.kind) {
    case "load":
      await load(request.program, request.model, request.binding);
      return {};
    case "run":
      return run(request.program, request.feeds, request.fetch);
    case "set":
      await set(request.variables);
      return {};
    case "get":
      return get(request.names);
    case "release":
      await release(request.program);
      return {};
    case "close":
      for (const variable of variables.values()) variable.dispose();
      variables.clear();
      makers.clear();
      for (const id of [...programs.keys()]) await release(id);
      await copies.release();
      return {};
  }
}

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
