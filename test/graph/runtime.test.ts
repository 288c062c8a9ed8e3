/**
 * @file The runtime: variables that stay in the worker and change all or none, errors that name what failed, several
 * runtimes at once, and the messages about devices that do not work.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { explain } from "../../trainer/graph/device.js";
import * as g from "../../trainer/graph/index.js";
import { decodeModel, encodeModel } from "../../trainer/graph/onnx.js";
import { temporaryFolder } from "../temporary.js";
import { tensor } from "./evaluate.js";

const vector = (...data: number[]): g.Tensor => tensor({ shape: [data.length], data });
const numbers = (value: g.Tensor | undefined): number[] => Array.from(value?.data ?? [], Number);

/** total ← total + x, counter ← counter + 1; fails for an index outside [−3, 3). */
function accumulator(): g.Graph {
  const graph = new g.Graph();
  const total = graph.variable("total", [3]);
  const counter = graph.variable("counter", [1]);
  const x = graph.input("x", [3]);
  const index = graph.input("index", [1], "int64");
  graph.output("picked", g.gather(total, index));
  graph.assign("counter", g.add(counter, 1));
  graph.assign("total", g.add(g.add(total, x), g.multiply(g.sum(g.gather(total, index)), 0)));
  return graph;
}

const feeds = (x: number, index = 0): g.Tensors => ({
  x: vector(x, x, x),
  index: tensor({ shape: [1], type: "int64", data: [index] }),
});

describe("variables", () => {
  let runtime: g.Runtime;
  let program: g.Program;
  beforeAll(async () => {
    runtime = await g.startRuntime({ device: "cpu", threads: 1 });
    const graph = accumulator();
    program = await runtime.load({ bytes: graph.serialize() }, graph.binding);
  });
  afterAll(() => runtime.close());

  test("are read and written by runs without leaving the worker, in the order of the calls", async () => {
    await runtime.set({ total: vector(1, 2, 3), counter: vector(0) });
    const runs = [1, 10, 100].map((x) => program.run(feeds(x, 1)));
    expect((await Promise.all(runs)).map((outputs) => [Object.keys(outputs), numbers(outputs["picked"])])).toEqual([
      [["picked"], [2]],
      [["picked"], [3]],
      [["picked"], [13]],
    ]);
    const { total, counter } = await runtime.get(["total", "counter"]);
    expect([numbers(total), numbers(counter)]).toEqual([[112, 113, 114], [3]]);
    expect(total?.dims).toEqual([3]);
  });

  test("are shared by programs, and what set and get pass is a copy", async () => {
    const given = vector(1, 1, 1);
    await runtime.set({ total: given, counter: vector(0) });
    given.data[0] = 50;
    const graph = new g.Graph();
    graph.assign("total", g.multiply(graph.variable("total", [3]), 2));
    const doubling = await runtime.load({ bytes: graph.serialize() }, graph.binding);
    await doubling.run({});
    const first = (await runtime.get(["total"]))["total"]?.data as Float32Array | undefined;
    first?.fill(0);
    await program.run(feeds(1));
    expect(numbers((await runtime.get(["total"]))["total"])).toEqual([3, 3, 3]);
    await doubling.release();
    await expect(doubling.run({})).rejects.toThrow("released");
  });

  test("a bound output that is fetched is both written and returned", async () => {
    await runtime.set({ total: vector(0, 0, 0), counter: vector(4) });
    const outputs = await program.run(feeds(1), ["next counter"]);
    expect(numbers(outputs["next counter"])).toEqual([5]);
    expect(numbers((await runtime.get(["counter"]))["counter"])).toEqual([5]);
  });

  test("stay as they were when a run fails, and the runtime goes on", async () => {
    await runtime.set({ total: vector(1, 2, 3), counter: vector(7) });
    await expect(program.run(feeds(1, 5))).rejects.toThrow(/running program \d+ on cpu: .*out of (data )?bounds/s);
    await expect(program.run({ x: vector(1, 1, 1) })).rejects.toThrow(/index/);
    await expect(program.run({ ...feeds(1), x: vector(1, 2) })).rejects.toThrow(/dimension/i);
    await expect(program.run(feeds(1), ["nothing"])).rejects.toThrow(/nothing/);
    const { total, counter } = await runtime.get(["total", "counter"]);
    expect([numbers(total), numbers(counter)]).toEqual([[1, 2, 3], [7]]);
    await program.run(feeds(1));
    expect(numbers((await runtime.get(["counter"]))["counter"])).toEqual([8]);
  });

  test("that do not exist are named", async () => {
    await expect(runtime.get(["nobody"])).rejects.toThrow('variable "nobody" has not been set');
    const graph = new g.Graph();
    graph.output("y", g.negate(graph.variable("unset", [1])));
    const unset = await runtime.load({ bytes: graph.serialize() }, graph.binding);
    await expect(unset.run({})).rejects.toThrow('variable "unset" has not been set');
    await expect(runtime.load({ bytes: graph.serialize() }, { reads: { typo: "unset" } })).rejects.toThrow(
      'the model has no input "typo"',
    );
  });

  test("an invalid model is refused with the reason, and loaded ones still run", async () => {
    await expect(runtime.load({ bytes: new Uint8Array([1, 2, 3]) })).rejects.toThrow(/loading program \d+ on cpu/);
    await expect(runtime.load({ path: "/no/such/model.onnx" })).rejects.toThrow("/no/such/model.onnx");
    await runtime.set({ total: vector(0, 0, 0), counter: vector(0) });
    await program.run(feeds(2));
    expect(numbers((await runtime.get(["total"]))["total"])).toEqual([2, 2, 2]);
  });
});

describe("lifetime", () => {
  test("several runtimes work at once with variables of their own, and closing ends their threads", async () => {
    const runtimes = await Promise.all([1, 2, 3].map(() => g.startRuntime({ device: "cpu", threads: 1 })));
    const totals = await Promise.all(
      runtimes.map(async (runtime, i) => {
        const graph = accumulator();
        const program = await runtime.load({ bytes: graph.serialize() }, graph.binding);
        await runtime.set({ total: vector(0, 0, 0), counter: vector(0) });
        for (let n = 0; n < 20; n++) await program.run(feeds(i + 1));
        return numbers((await runtime.get(["total"]))["total"])[0];
      }),
    );
    expect(totals).toEqual([20, 40, 60]);
    const ports = (): number => process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;
    const before = ports();
    await Promise.all(runtimes.map((runtime) => runtime.close()));
    // One port each, and that to the thread that started them: none is left to keep the process alive.
    expect(before - ports()).toBe(4);
  });

  test.runIf(process.arch === "x64")(
    "every thread of every runtime treats denormal numbers as zero, this one does not",
    async () => {
      const graph = new g.Graph();
      const x = graph.input("x", [4096]);
      graph.output("y", g.multiply(x, 1e20));
      const runtimes = await Promise.all([1, 2, 1].map((threads) => g.startRuntime({ device: "cpu", threads })));
      try {
        for (const runtime of runtimes) {
          const program = await runtime.load({ bytes: graph.serialize() });
          const { y } = await program.run({ x: vector(...Array.from({ length: 4096 }, () => 1e-40)) });
          expect(new Set(numbers(y))).toEqual(new Set([0]));
        }
      } finally {
        await Promise.all(runtimes.map((runtime) => runtime.close()));
      }
      expect(Float32Array.of(1e-40).map((value) => value * 1e20)[0]).toBeGreaterThan(0);
    },
  );

  test("without onnxruntime it says why, in a child process whose threads cannot load it", () => {
    const folder = temporaryFolder("no-onnxruntime");
    const script = (name: string, source: string): string => {
      writeFileSync(path.join(folder, name), source);
      return path.join(folder, name);
    };
    const preload = script(
      "preload.mjs",
      `const before = process.dlopen;
       process.dlopen = (module, file, ...rest) => {
         if (file.includes("onnxruntime")) throw new Error("libc.so: version GLIBC_9.99 not found");
         return before.call(process, module, file, ...rest);
       };`,
    );
    const program = script(
      "program.mjs",
      `import { startRuntime } from ${JSON.stringify(new URL("../../trainer/graph/start-runtime.js", import.meta.url))};
       await startRuntime({ device: "cpu", threads: 1 }).catch((error) => console.log(error.name + ": " + error.message));`,
    );
    const { stdout, stderr } = spawnSync(process.execPath, ["--import", preload, program], { encoding: "utf8" });
    expect(stdout, stderr).toMatch(
      /^UnavailableError: --device cpu \(cpu\) does not work here: .*GLIBC_9\.99 not found\n$/,
    );
  });

  test("close answers earlier requests, refuses later ones, and may be called twice", async () => {
    const runtime = await g.startRuntime({ device: "cpu", threads: 1 });
    await runtime.set({ a: vector(5) });
    const answer = runtime.get(["a"]);
    await Promise.all([runtime.close(), runtime.close()]);
    expect(numbers((await answer)["a"])).toEqual([5]);
    await expect(runtime.get(["a"])).rejects.toThrow("the runtime is closed");
  });
});

describe("devices", () => {
  test("an unknown device is bad input, and the message names the known ones", async () => {
    for (const device of ["gpu", "cuda:", "cuda:x", "CPU", ""]) {
      await expect(g.startRuntime({ device, threads: 1 })).rejects.toMatchObject({
        name: "InputError",
        message: expect.stringContaining("use auto, cpu, webgpu, cuda or cuda:N"),
      });
    }
    expect(g.parseDevice("cuda")).toBe("cuda:0");
  });

  test("a device that does not work here says what to install and what does work, and is never replaced by another", async () => {
    const reports = await g.probeDevices();
    expect(reports[0]).toMatchObject({ device: "cpu", works: true });
    for (const { device, works } of reports) {
      if (works) {
        const runtime = await g.startRuntime({ device, threads: 1 });
        expect(runtime.device).toBe(device);
        await runtime.close();
      } else {
        await expect(g.startRuntime({ device, threads: 1 })).rejects.toMatchObject({
          name: "UnavailableError",
          message: expect.stringMatching(/does not work here: .{20,} What works: cpu/),
        });
      }
    }
  });

  test("auto says what it chose and why", async () => {
    const { device, reason } = await g.chooseDevice("auto");
    const works = (await g.probeDevices()).filter((report) => report.works).map((report) => report.device);
    expect(works).toContain(device);
    expect(reason).toMatch(new RegExp(`^${device}: .*(webgpu|cuda|GFLOP)`));
  });

  test.each([
    [
      "cuda:0",
      "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library",
      "/x/libonnxruntime_providers_shared.so: cannot open shared object file: No such file or directory",
      "linux x64",
      "ONNXRUNTIME_NODE_INSTALL=cuda12",
    ],
    [
      "cuda:0",
      "Failed to load shared library",
      "Failed to load library libonnxruntime_providers_cuda.so with error: libcudnn.so.9: cannot open shared object file",
      "linux x64",
      "libcudnn.so.9 is missing; install CUDA 13 and cuDNN 9 (libcublas.so.13",
    ],
    ["cuda:0", "CUDA failure 100: no CUDA-capable device is detected", "", "linux x64", "nvidia-smi"],
    ["cuda:3", "CUDA failure 101: invalid device ordinal", "", "linux x64", "there is no GPU number 3"],
    ["cuda:0", "no available backend found. ERR: [cuda] backend not found.", "", "darwin arm64", "Linux on x64 only"],
    ["webgpu", "Failed to get a WebGPU adapter: No supported adapters", "", "linux x64", "install the GPU's driver"],
    [
      "webgpu",
      "No supported adapters",
      "Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file",
      "linux x64",
      "apt-get install libvulkan1",
    ],
  ])("%s: %s → plain words", (device, error, stderr, platform, expected) => {
    expect(explain(device, error, stderr, platform)).toContain(expected);
  });
});

describe("serialization", () => {
  test("a model survives being parsed and written again, byte for byte, and runs the same", async () => {
    const graph = accumulator();
    graph.output(
      "more",
      g.layerNormalization(graph.input("y", [2, 4]), graph.filled([4], 2), graph.filled([4], 1), 1e-3),
    );
    const bytes = graph.serialize("round trip");
    const model = decodeModel(bytes);
    expect(Buffer.compare(encodeModel(model), bytes)).toBe(0);
    expect(model.graph.input.map((input) => input.name)).toEqual(["total", "counter", "x", "index", "y"]);
    expect(model.graph.output.map((output) => output.name)).toEqual(["picked", "next counter", "next total", "more"]);
    const epsilon = model.graph.node
      .flatMap((node) => node.attribute)
      .find((attribute) => attribute.name === "epsilon");
    expect(epsilon?.f).toBeCloseTo(1e-3);
  });

  test("only what outputs need is written, equal nodes and constants once, without copies", () => {
    const graph = new g.Graph();
    const x = graph.input("x", [2, 2]);
    g.exp(x);
    graph.output("a", g.add(g.multiply(x, 3), g.multiply(x, 3)));
    const { node, initializer } = decodeModel(graph.serialize()).graph;
    expect(node.map(({ opType }) => opType)).toEqual(["Mul", "Add"]);
    expect(initializer).toHaveLength(1);
  });

  test("an input or a constant may be an output, and one value two outputs", async () => {
    const graph = new g.Graph();
    const x = graph.input("x", [2]);
    const y = g.negate(x);
    graph.output("same", x);
    graph.output("fixed", graph.constant(Float32Array.of(1, 2)));
    graph.output("first", y);
    graph.output("second", y);
    const runtime = await g.startRuntime({ device: "cpu", threads: 1 });
    const program = await runtime.load({ bytes: graph.serialize() });
    const outputs = await program.run({ x: vector(3, 4) });
    await runtime.close();
    expect(["same", "fixed", "first", "second"].map((name) => numbers(outputs[name]))).toEqual([
      [3, 4],
      [1, 2],
      [-3, -4],
      [-3, -4],
    ]);
  });

  test("names are checked when they are given", () => {
    const graph = new g.Graph();
    const x = graph.input("x", [1]);
    expect(() => graph.input("x", [1])).toThrow('"x"');
    expect(() => graph.output("x", x)).toThrow('"x"');
    expect(() => graph.output("_1", x)).toThrow('"_1"');
    expect(() => g.add(x, new g.Graph().input("y", [1]))).toThrow("another graph");
  });

  test("external data is read out of a safetensors file beside the model, half precision too", async () => {
    const folder = temporaryFolder("external");
    const header = JSON.stringify({
      half: { dtype: "F16", shape: [2], data_offsets: [0, 4] },
      w: { dtype: "F32", shape: [2, 2], data_offsets: [4, 20] },
    }).padEnd(200);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(200n);
    const half = Buffer.from(Uint16Array.of(0x3c00, 0xc000).buffer);
    const weights = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer);
    writeFileSync(path.join(folder, "model.safetensors"), Buffer.concat([length, Buffer.from(header), half, weights]));
    const graph = new g.Graph();
    const place = (offset: number, bytes: number) => ({
      file: "model.safetensors",
      offset: 208 + offset,
      length: bytes,
    });
    const w = graph.external([2, 2], "float32", place(4, 16));
    const bias = g.cast(graph.external([2], "float16", place(0, 4)), "float32");
    graph.output("y", g.add(g.matMul(graph.input("x", [1, 2]), w), bias));
    writeFileSync(path.join(folder, "model.onnx"), graph.serialize());
    const runtime = await g.startRuntime({ device: "cpu", threads: 1 });
    const program = await runtime.load({ path: path.join(folder, "model.onnx") });
    const { y } = await program.run({ x: tensor({ shape: [1, 2], data: [10, 1] }) });
    await runtime.close();
    expect(numbers(y)).toEqual([14, 22]);
  });
});
