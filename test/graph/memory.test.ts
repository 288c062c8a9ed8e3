/** @file A graph's predicted memory equals what its program takes. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import * as g from "../../trainer/graph/index.js";
import { decodeModel } from "../../trainer/graph/onnx.js";
import { temporaryFolder } from "../temporary.js";
import { FROZEN, FROZEN_BYTES } from "./measure-memory.js";

const MEBIBYTE = 2 ** 20;

describe("memory of a graph", () => {
  const n = 1000;
  const bytes = (build: (x: g.Value) => Record<string, g.Value>): number => {
    const graph = new g.Graph();
    for (const [name, value] of Object.entries(build(graph.input("x", [n, n])))) graph.output(name, value);
    return graph.memory().peakBytes / (4 * n * n);
  };

  test("counts what exists at once: inputs, outputs and intermediate results", () => {
    // The input, two alternating tensors, and a few scalars.
    expect(bytes((x) => ({ y: g.sum(g.exp(g.exp(g.exp(g.exp(x))))) }))).toBeCloseTo(3, 2);
    // Activations are computed in place, and a reshape makes no new tensor.
    expect(bytes((x) => ({ y: g.sum(g.reshape(g.tanh(g.tanh(g.exp(x))), [n * n])) }))).toBeCloseTo(2, 2);
    // A tensor that is needed again stays.
    expect(bytes((x) => ({ y: g.sum(g.multiply(g.exp(x), g.exp(g.exp(g.exp(x))))) }))).toBeCloseTo(4, 2);
    // Outputs are copied at the end.
    expect(bytes((x) => ({ y: g.exp(x), z: g.negate(x) }))).toBeCloseTo(5, 2);
  });

  test("counts stored weights separately, and half-precision ones one copy at a time", () => {
    const graph = new g.Graph();
    const x = graph.input("x", [1, n]);
    const length = 2 * n * n;
    let y = x;
    for (let i = 0; i < 10; i++) {
      y = g.matMul(y, g.stored(graph, [n, n], "bfloat16", { file: "w", offset: i * length, length }));
    }
    graph.output("dx", g.gradients(g.sum(y), [x])[0] as g.Value);
    const { peakBytes, frozenBytes } = graph.memory();
    expect(frozenBytes).toBe(10 * length);
    expect(peakBytes / (2 * length)).toBeCloseTo(1, 1);
  });
});

test("a model of several steps has each node once, after its producers", () => {
  const layout = Array.from({ length: 30 }, (_, i) => ({ name: `${i}`, shape: [4, 4] }));
  const graph = new g.Graph();
  const x = graph.input("x", [2, 4]);
  let flat = graph.variable("flat", [g.layoutSize(layout)]);
  for (let step = 0; step < 3; step++) {
    const weights = [...g.views(flat, layout).values()];
    // Half of them are used twice, and one gradient is part of another.
    const y = weights.reduce(
      (rows, w, i) => g.tanh(g.linear(rows, i % 2 === 0 ? w : g.add(w, weights[0] as g.Value))),
      x,
    );
    flat = g.sgd(flat, g.gradients(g.mean(g.square(y)), [flat])[0] as g.Value, 0.1);
  }
  graph.assign("flat", flat);
  const { node } = decodeModel(graph.serialize()).graph;
  const place = new Map(node.flatMap(({ output }, i) => output.map((tensor) => [tensor, i] as const)));
  expect(new Set(node.map(({ name }) => name)).size).toBe(node.length);
  node.forEach(({ input }, i) => {
    for (const tensor of input) expect(place.get(tensor) ?? -1).toBeLessThan(i);
  });
});

describe.skipIf(process.platform !== "linux")("memory of a training step", () => {
  const script = fileURLToPath(new URL("./measure-memory.js", import.meta.url));
  let folder: string;
  beforeAll(() => {
    folder = temporaryFolder("memory");
    writeFileSync(path.join(folder, FROZEN), Buffer.alloc(FROZEN_BYTES));
  });

  // The allocator's heap has gaps where tensors are smaller than its separate requests to the system: up to a third
  // more.
  test.each([
    ["many rows", 1.1],
    ["many parameters", 1.2],
    ["adapter", 1.35],
  ])("of %s is what the graph says, but for gaps", async (name, most) => {
    const { stdout } = await promisify(execFile)(process.execPath, [script, name, folder]);
    const { peakBytes, measured } = JSON.parse(stdout) as g.GraphMemory & { measured: number };
    expect(peakBytes).toBeGreaterThan(150 * MEBIBYTE);
    expect(measured / peakBytes).toBeGreaterThan(0.95);
    expect(measured / peakBytes).toBeLessThan(most);
  });
});
