/** @file Optimizers against plain TypeScript in doubles; a network that learns; flat vectors. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as g from "../../trainer/graph/index.js";
import { evaluate, largestDifference, normals, seeded, tensor } from "./evaluate.js";

let runtime: g.Runtime;
beforeAll(async () => {
  runtime = await g.startRuntime({ device: "cpu", threads: 1 });
});
afterAll(() => runtime.close());

const SIZE = 50;
const zeros = (...shape: number[]): g.Tensor => tensor({ shape, data: new Float32Array(g.sizeOf(shape)) });

describe.each([
  ["Adam", { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }],
  ["AdamW", { beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.1 }],
])("%s", (name, { beta1, beta2, epsilon, weightDecay }) => {
  const steps = 8;
  test.each(["a fixed", "a fed"])("follows torch's formula with %s learning rate", async (kind) => {
    const random = seeded(name);
    const graph = new g.Graph();
    const state = g.adamVariables(graph, "p", SIZE);
    const gradient = graph.input("gradient", [SIZE]);
    const learningRate = kind === "a fed" ? graph.input("rate", []) : 0.01;
    g.assignAdam(graph, "p", g.adam(state, gradient, { learningRate, beta1, beta2, epsilon, weightDecay }));
    const program = await runtime.load({ bytes: graph.serialize() }, graph.binding);
    const start = normals(SIZE, random);
    await runtime.set({
      p: tensor({ shape: [SIZE], data: start }),
      "p.first": zeros(SIZE),
      "p.second": zeros(SIZE),
      "p.step": zeros(),
    });
    let p = [...start.map(Math.fround)];
    let [m, v] = [p.map(() => 0), p.map(() => 0)];
    for (let t = 1; t <= steps; t++) {
      const rate = kind === "a fed" ? 0.02 / t : 0.01;
      const d = normals(SIZE, random).map((x) => Math.fround(x * 10 ** (t % 3)));
      await program.run({
        gradient: tensor({ shape: [SIZE], data: d }),
        ...(kind === "a fed" && { rate: tensor({ shape: [], data: [rate] }) }),
      });
      m = m.map((x, i) => beta1 * x + (1 - beta1) * (d[i] ?? 0));
      v = v.map((x, i) => beta2 * x + (1 - beta2) * (d[i] ?? 0) ** 2);
      p = p.map((x, i) => {
        const first = (m[i] ?? 0) / (1 - beta1 ** t);
        const second = (v[i] ?? 0) / (1 - beta2 ** t);
        return x * (1 - rate * weightDecay) - (rate * first) / (Math.sqrt(second) + epsilon);
      });
      const got = await runtime.get(["p", "p.step"]);
      expect(largestDifference(got["p"]?.data as Float32Array, p)).toBeLessThan(2e-6);
      expect(got["p.step"]?.data[0]).toBe(t);
    }
  });
});

test("sgd and polyak move along the gradient and towards the source", async () => {
  const random = seeded("sgd");
  const [p, d] = [normals(6, random), normals(6, random)];
  const inputs = [
    { shape: [6], data: p },
    { shape: [6], data: d },
  ];
  const outputs = await evaluate(runtime, inputs, ([a, b]) => ({
    sgd: g.sgd(a as g.Value, b as g.Value, 0.1),
    polyak: g.polyak(a as g.Value, b as g.Value, 0.005),
  }));
  expect(
    largestDifference(
      outputs["sgd"] ?? [],
      p.map((x, i) => x - 0.1 * (d[i] ?? 0)),
    ),
  ).toBeLessThan(1e-6);
  expect(
    largestDifference(
      outputs["polyak"] ?? [],
      p.map((x, i) => 0.995 * x + 0.005 * (d[i] ?? 0)),
    ),
  ).toBeLessThan(1e-6);
});

test.each([0.5, 100])("clipping to a global norm of %d leaves smaller gradients alone", async (limit) => {
  const d = normals(20, seeded("clip"));
  const { gradient, norm } = await evaluate(runtime, [{ shape: [20], data: d }], ([x]) => ({
    ...g.clipByGlobalNorm(x as g.Value, limit),
  }));
  const expected = Math.hypot(...d);
  expect(norm?.[0]).toBeCloseTo(expected, 4);
  const factor = Math.min(1, limit / expected);
  expect(
    largestDifference(
      gradient ?? [],
      d.map((x) => x * factor),
    ),
  ).toBeLessThan(1e-5);
});

describe("flat vectors", () => {
  const layout: g.Layout = [
    { name: "a", shape: [2, 3] },
    { name: "b", shape: [] },
    { name: "c", shape: [4] },
    ...Array.from({ length: 12 }, (_, i) => ({ name: `d${i}`, shape: [i + 1] })),
  ];

  test("pack and unpack are inverse, and views are the same parts in the graph", async () => {
    const flat = Float32Array.from({ length: g.layoutSize(layout) }, (_, i) => i);
    const parts = g.unpack(layout, flat);
    expect(g.pack(layout, (name) => parts.get(name) ?? new Float32Array())).toEqual(flat);
    const outputs = await evaluate(runtime, [{ shape: [flat.length], data: flat }], ([x]) =>
      Object.fromEntries(g.views(x as g.Value, layout)),
    );
    for (const { name } of layout) expect([...(outputs[name] ?? [])], name).toEqual([...(parts.get(name) ?? [])]);
    expect(() => g.pack(layout, () => new Float32Array(1))).toThrow("a: 1 numbers do not fill [2, 3]");
  });

  test("gradients of the parts come back as the vector's, zero for parts that are not used", async () => {
    const flat = normals(g.layoutSize(layout), seeded("flat"));
    const { gradient } = await evaluate(runtime, [{ shape: [flat.length], data: flat }], ([x]) => {
      const parts = g.views(x as g.Value, layout);
      const loss = g.sum(g.add(g.square(parts.get("a") as g.Value), g.sum(parts.get("d3") as g.Value)));
      return { gradient: g.gradients(loss, [x as g.Value])[0] as g.Value };
    });
    const at = g.unpack(
      layout,
      Float32Array.from({ length: flat.length }, (_, i) => i),
    );
    const expected = flat.map((x, i) => {
      if (at.get("a")?.includes(i)) return 2 * x;
      return at.get("d3")?.includes(i) ? 6 : 0;
    });
    expect(largestDifference(gradient ?? [], expected)).toBeLessThan(1e-5);
  });
});

test("a network learns a product of its inputs", async () => {
  const random = seeded("network");
  const layout = [
    { name: "w1", shape: [2, 32] },
    { name: "b1", shape: [32] },
    { name: "w2", shape: [32, 1] },
    { name: "b2", shape: [1] },
  ];
  const size = g.layoutSize(layout);
  const graph = new g.Graph();
  const state = g.adamVariables(graph, "p", size);
  const [x, y] = [graph.input("x", [64, 2]), graph.input("y", [64, 1])];
  const at = g.views(state.parameters, layout);
  const part = (name: string): g.Value => at.get(name) as g.Value;
  const hidden = g.relu(g.linear(x, part("w1"), part("b1")));
  const loss = g.mean(g.square(g.subtract(g.linear(hidden, part("w2"), part("b2")), y)));
  const [gradient] = g.gradients(loss, [state.parameters]);
  g.assignAdam(graph, "p", g.adam(state, gradient as g.Value, { learningRate: 0.01 }));
  graph.output("loss", loss);
  const program = await runtime.load({ bytes: graph.serialize() }, graph.binding);
  await runtime.set({
    p: tensor({ shape: [size], data: normals(size, random).map((value) => value * 0.5) }),
    "p.first": zeros(size),
    "p.second": zeros(size),
    "p.step": zeros(),
  });
  const losses: number[] = [];
  for (let i = 0; i < 300; i++) {
    const points = Array.from({ length: 128 }, () => random.uniform(-1, 1));
    const products = Array.from({ length: 64 }, (_, row) => (points[2 * row] ?? 0) * (points[2 * row + 1] ?? 0));
    const outputs = await program.run({
      x: tensor({ shape: [64, 2], data: points }),
      y: tensor({ shape: [64, 1], data: products }),
    });
    losses.push(Number(outputs["loss"]?.data[0]));
  }
  expect(losses.at(-1)).toBeLessThan(0.1 * (losses[0] ?? 0));
});
