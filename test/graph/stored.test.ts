/**
 * @file Frozen weights that stay in their file: values and gradients for each type; programs that use them in place
 * share one copy.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHalf } from "../../trainer/files/safetensors.js";
import * as g from "../../trainer/graph/index.js";
import { decodeModel } from "../../trainer/graph/onnx.js";
import { temporaryFolder } from "../temporary.js";
import { largestDifference, normals, seeded, tensor } from "./evaluate.js";

let runtime: g.Runtime;
beforeAll(async () => {
  runtime = await g.startRuntime({ device: "cpu", threads: 1 });
});
afterAll(() => runtime.close());

/** The numbers as a file stores them: small multiples of 1/8 are exact in every type. */
const exact = (count: number, name: string): Float32Array =>
  Float32Array.from(normals(count, seeded(name)), (x) => Math.round(x * 8) / 8);
const toBrain = (values: Float32Array): Uint16Array =>
  Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16);
const bytesOf = (type: g.StoredFloat, values: Float32Array): Uint8Array => {
  const data = type === "float32" ? values : type === "float16" ? toHalf(values) : toBrain(values);
  return new Uint8Array(data.buffer);
};

const TYPES = ["float32", "float16", "bfloat16"] as const;
const IN_PLACE = [true, false] as const;

describe.each(TYPES.flatMap((type) => IN_PLACE.map((inPlace) => ({ type, inPlace }))))(
  "$type weights, in place: $inPlace",
  ({ type, inPlace }) => {
    const w = exact(96 * 96, "stored matrix");
    const bias = exact(96, "stored bias");
    const x = exact(5 * 96, "fed rows");
    let model: (graph: g.Graph) => g.Model;
    const places: Record<string, g.ExternalData> = {};

    beforeAll(() => {
      const folder = temporaryFolder("stored");
      mkdirSync(path.join(folder, "parts"));
      const [first, second] = [bytesOf(type, w), bytesOf(type, bias)];
      writeFileSync(path.join(folder, "parts/model.safetensors"), Buffer.concat([Buffer.alloc(24), first, second]));
      const file = "parts/model.safetensors";
      places["w"] = { file, offset: 24, length: first.length };
      places["bias"] = { file, offset: 24 + first.length, length: second.length };
      model = (graph) => ({ bytes: graph.serialize(), weights: { folder, inPlace } });
    });

    /** The results of f for x, w and the bias, stored and as inputs. */
    async function both(f: (x: g.Value, w: g.Value, bias: g.Value) => Record<string, g.Value>) {
      const outputsOf = async (storedToo: boolean): Promise<g.Tensors> => {
        const graph = new g.Graph();
        const weight = (name: "w" | "bias", shape: g.Shape): g.Value =>
          storedToo ? g.stored(graph, shape, type, places[name] as g.ExternalData) : graph.input(name, shape);
        const made = f(graph.input("x", [5, 96]), weight("w", [96, 96]), weight("bias", [96]));
        for (const [name, value] of Object.entries(made)) graph.output(name, value);
        const program = await runtime.load(storedToo ? model(graph) : { bytes: graph.serialize() });
        const fed = { x: tensor({ shape: [5, 96], data: x }) };
        const weights = { w: tensor({ shape: [96, 96], data: w }), bias: tensor({ shape: [96], data: bias }) };
        const outputs = await program.run(storedToo ? fed : { ...fed, ...weights });
        await program.release();
        return outputs;
      };
      const [found, expected] = [await outputsOf(true), await outputsOf(false)];
      for (const name of Object.keys(expected)) {
        const [a, b] = [found[name]?.data as Float32Array, expected[name]?.data as Float32Array];
        const scale = Math.max(...b.map(Math.abs));
        expect(scale, name).toBeGreaterThan(0);
        expect(largestDifference(a, b) / scale, name).toBeLessThan(1e-6);
      }
    }

    test("have the file's numbers, also reshaped and gathered from", () =>
      both((rows, weight, shift) => ({
        matrix: g.add(weight, g.slice(rows, 0, 0, 1)),
        vector: g.add(shift, g.slice(g.reshape(rows, [-1]), 0, 0, 96)),
        patches: g.matMul(g.reshape(rows, [20, 24]), g.reshape(weight, [384, 24]), { transB: true }),
        picked: g.gather(weight, g.cast(g.abs(g.slice(rows, 1, 0, 4)), "int32")),
      })));

    test("pass gradients to the values that they are used with", () =>
      both((rows, weight, shift) => {
        const gradientOf = (y: g.Value): g.Value => g.gradients(g.sum(g.square(y)), [rows])[0] as g.Value;
        const stack = g.reshape(rows, [1, 5, 96]);
        return {
          linear: gradientOf(g.linear(rows, weight, shift, { transB: true, alpha: 0.5 })),
          twice: gradientOf(g.matMul(g.quickGelu(g.matMul(rows, weight)), weight, { transB: true })),
          first: gradientOf(g.matMul(weight, rows, { transB: true })),
          batches: gradientOf(g.matMul(stack, g.reshape(weight, [1, 96, 96]), { transB: true })),
          patches: gradientOf(
            g.linear(g.reshape(rows, [20, 24]), g.reshape(weight, [384, 24]), undefined, { transB: true }),
          ),
        };
      }));
  },
);

test("the backward pass has its own cast, and casts of weights come before all else in the model", () => {
  const graph = new g.Graph();
  const x = graph.input("x", [2, 8]);
  const place = (i: number) => ({ file: "w", offset: 128 * i, length: 128 });
  const layers = [0, 1, 2].map((i) => g.stored(graph, [8, 8], "bfloat16", place(i)));
  const y = layers.reduce((rows, w) => g.relu(g.matMul(rows, w)), x);
  graph.output("dx", g.gradients(g.sum(y), [x])[0] as g.Value);
  const { node, initializer } = decodeModel(graph.serialize()).graph;
  expect(initializer.filter(({ externalData }) => (externalData?.length ?? 0) > 0)).toHaveLength(3);
  expect(node.slice(0, 6).map(({ opType }) => opType)).toEqual(Array(6).fill("Cast"));
  const uses = node.slice(0, 6).map(({ output }) => node.filter(({ input }) => input.includes(output[0] ?? "")).length);
  expect(uses).toEqual(Array(6).fill(1));
});

describe.skipIf(process.platform !== "linux")("memory", () => {
  const LAYERS = 32;
  const WIDTH = 512;
  const PROGRAMS = 4;
  /** The extra memory of a program with the weights in memory as float32. */
  const COPY = LAYERS * WIDTH ** 2 * 4;

  const anonymous = (): number => {
    const kilobytes = /RssAnon:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return Number(kilobytes) * 1024;
  };

  /**
   * How much several programs with forward and backward passes over the same file of 16 or 32 MiB add to this process's
   * private memory.
   */
  async function growth(type: g.StoredFloat, inPlace: boolean): Promise<number> {
    const folder = temporaryFolder("shared");
    const bytes = LAYERS * WIDTH ** 2 * (type === "float32" ? 4 : 2);
    // All layers differ: otherwise onnxruntime would share their copies.
    const data = Buffer.alloc(bytes);
    for (let i = 0; i < LAYERS; i++) data.fill(i + 1, (i * bytes) / LAYERS);
    writeFileSync(path.join(folder, "w"), data);
    const graph = new g.Graph();
    const x = graph.input("x", [4, WIDTH]);
    let y = x;
    for (let i = 0; i < LAYERS; i++) {
      const place = { file: "w", offset: (i * bytes) / LAYERS, length: bytes / LAYERS };
      y = g.add(y, g.relu(g.matMul(y, g.stored(graph, [WIDTH, WIDTH], type, place), { transB: true })));
    }
    graph.output("dx", g.gradients(g.sum(y), [x])[0] as g.Value);
    const model = { bytes: graph.serialize(), weights: { folder, inPlace } };
    const feeds = { x: tensor({ shape: [4, WIDTH], data: Array(4 * WIDTH).fill(1) }) };
    const programs: g.Program[] = [];
    const add = async (): Promise<void> => {
      const program = await runtime.load(model);
      for (let n = 0; n < 2; n++) await program.run(feeds);
      programs.push(program);
    };
    await add();
    const before = anonymous();
    for (let n = 0; n < PROGRAMS; n++) await add();
    const grown = anonymous() - before;
    for (const program of programs) await program.release();
    return grown;
  }

  test.each(TYPES)("programs that use %s weights in place hold no copies of them", async (type) => {
    expect(await growth(type, true)).toBeLessThan((PROGRAMS * COPY) / 4);
  });

  test("programs that do not use them in place each hold copies, in the layout of their products", async () => {
    expect(await growth("bfloat16", false)).toBeGreaterThan((PROGRAMS * COPY) / 2);
  });
});
