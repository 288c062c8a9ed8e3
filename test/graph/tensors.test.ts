/**
 * @file Products, moves, reductions, normalization and indexing: gradients against finite differences over random
 * shapes, values against plain TypeScript.
 */
import { readdirSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as g from "../../trainer/graph/index.js";
import { checkGradients, evaluate, largestDifference, normals, seeded, spacedNumbers } from "./evaluate.js";

let runtime: g.Runtime;
beforeAll(async () => {
  runtime = await g.startRuntime({ device: "cpu", threads: 1 });
});
afterAll(() => runtime.close());

const length = fc.integer({ min: 1, max: 4 });

/** c = a · b over the last two axes; both have the same leading axes. */
function product(a: ArrayLike<number>, b: ArrayLike<number>, [m, k, n]: readonly [number, number, number]): number[] {
  return Array.from({ length: m * n }, (_, at) => {
    const [row, column] = [Math.floor(at / n), at % n];
    let total = 0;
    for (let i = 0; i < k; i++) total += Number(a[row * k + i]) * Number(b[i * n + column]);
    return total;
  });
}

describe("matMul", () => {
  test("is the product of rows and columns", async () => {
    const random = seeded("product");
    const [a, b] = [normals(12, random), normals(20, random)];
    const inputs = [
      { shape: [3, 4], data: a },
      { shape: [4, 5], data: b },
    ];
    const { y, transposed } = await evaluate(runtime, inputs, ([x, w]) => ({
      y: g.matMul(x as g.Value, w as g.Value),
      transposed: g.transpose(g.matMul(w as g.Value, x as g.Value, { transA: true, transB: true }), [1, 0]),
    }));
    expect(largestDifference(y ?? [], product(a, b, [3, 4, 5]))).toBeLessThan(1e-5);
    expect(largestDifference(transposed ?? [], product(a, b, [3, 4, 5]))).toBeLessThan(1e-5);
  });

  const shapes = fc.record({
    m: length,
    k: length,
    n: length,
    transA: fc.boolean(),
    transB: fc.boolean(),
    batch: fc.constantFrom([[], []], [[3], []], [[], [2]], [[2], [2]], [[2, 1], [3]], [[1], [2]], [[2, 3], []]),
  });

  test("has right gradients for transposed, batched and broadcast operands", async () => {
    const random = seeded("matMul");
    const property = fc.asyncProperty(shapes, async ({ m, k, n, transA, transB, batch: [batchA, batchB] }) => {
      const a = [...(batchA ?? []), ...(transA ? [k, m] : [m, k])];
      const b = [...(batchB ?? []), ...(transB ? [n, k] : [k, n])];
      const inputs = [
        { shape: a, data: normals(g.sizeOf(a), random) },
        { shape: b, data: normals(g.sizeOf(b), random) },
      ];
      await checkGradients(
        runtime,
        inputs,
        ([x, w]) => g.matMul(x as g.Value, w as g.Value, { transA, transB }),
        random,
        { step: 0.1 },
      );
    });
    await fc.assert(property, { numRuns: 40, seed: 3 });
  });

  test("linear adds its bias and trains x, w and bias", async () => {
    const random = seeded("linear");
    const inputs = [
      { shape: [2, 3, 4], data: normals(24, random) },
      { shape: [5, 4], data: normals(20, random) },
      { shape: [5], data: normals(5, random) },
    ];
    const f = ([x, w, b]: g.Value[]): g.Value => g.linear(x as g.Value, w as g.Value, b, { transB: true });
    await checkGradients(runtime, inputs, f, random, { step: 0.1 });
    const { y, zero } = await evaluate(runtime, inputs, (values) => ({
      y: f(values),
      zero: g.add(g.matMul(values[0] as g.Value, values[1] as g.Value, { transB: true }), values[2] as g.Value),
    }));
    expect(largestDifference(y ?? [], zero ?? [])).toBeLessThan(1e-5);
  });

  test("linear's factors multiply the product and the bias", async () => {
    const random = seeded("factors");
    const inputs = [
      { shape: [4, 3], data: normals(12, random) },
      { shape: [5, 3], data: normals(15, random) },
      { shape: [5], data: normals(5, random) },
    ];
    const f = ([x, w, b]: g.Value[]): g.Value =>
      g.linear(x as g.Value, w as g.Value, b, { transB: true, alpha: 2, beta: -0.5 });
    await checkGradients(runtime, inputs, f, random, { step: 0.1 });
    const { y, same } = await evaluate(runtime, inputs, (values) => {
      const [x, w, b] = values as [g.Value, g.Value, g.Value];
      return { y: f(values), same: g.add(g.multiply(g.matMul(x, w, { transB: true }), 2), g.multiply(b, -0.5)) };
    });
    expect(largestDifference(y ?? [], same ?? [])).toBeLessThan(1e-5);
  });

  // A wide layer uses slim products, a narrow one the whole weight's gradient; a large one never computes the sum.
  test.each([
    [520, 512],
    [24, 20],
    [3, 4],
  ])(
    "a low-rank sum of %i × %i has the gradients of its parts, in a linear layer and outside one",
    async (outputs, inputs) => {
      const random = seeded(`low rank ${outputs}`);
      const values = [
        { shape: [6, inputs], data: normals(6 * inputs, random) },
        { shape: [outputs, inputs], data: normals(outputs * inputs, random) },
        { shape: [2, inputs], data: normals(2 * inputs, random) },
        { shape: [outputs, 2], data: normals(2 * outputs, random) },
        { shape: [outputs], data: normals(outputs, random) },
      ];
      type Parts = [g.Value, g.Value, g.Value, g.Value, g.Value];
      const factors = { transB: true, alpha: 1.5, beta: 0.5 };
      const known = (given: g.Value[]): g.Value => {
        const [x, base, a, b, bias] = given as Parts;
        return g.linear(x, g.lowRankSum(base, a, b, 2), bias, factors);
      };
      const spelled = (given: g.Value[]): g.Value => {
        const [x, base, a, b, bias] = given as Parts;
        return g.linear(x, g.add(base, g.multiply(g.matMul(b, a), 2)), bias, factors);
      };
      await checkGradients(runtime, values, known, random, { step: 0.1 });
      const sum = ([, base, a, b]: g.Value[]): g.Value => g.lowRankSum(base as g.Value, a as g.Value, b as g.Value, 2);
      // Outside a layer, the size makes no difference.
      if (outputs < 100) await checkGradients(runtime, values, sum, random, { step: 0.1 });
      const all = await evaluate(runtime, values, (given) => {
        const gradientsOf = (f: typeof known): g.Value =>
          g.concat(
            g.gradients(g.sum(g.square(f(given))), given).map((gradient) => g.reshape(gradient, [-1])),
            0,
          );
        return { known: gradientsOf(known), spelled: gradientsOf(spelled) };
      });
      const scale = Array.from(all["spelled"] ?? []).reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
      expect(largestDifference(all["known"] ?? [], all["spelled"] ?? []) / scale).toBeLessThan(1e-5);
    },
  );

  test("a large low-rank layer has no tensor of its weight's size except the weight", () => {
    const largest = (width: number): number => {
      const graph = new g.Graph();
      const [x, a, b] = [graph.input("x", [4, width]), graph.input("a", [2, width]), graph.input("b", [width, 2])];
      const w = graph.input("w", [width, width]);
      const y = g.linear(x, g.lowRankSum(w, a, b, 2), undefined, { transB: true });
      graph.output("dx", g.gradients(g.sum(g.square(y)), [x])[0] as g.Value);
      const inputs = 4 * (width ** 2 + 8 * width);
      return (graph.memory().peakBytes - inputs) / (4 * width ** 2);
    };
    expect(largest(512)).toBeLessThan(0.1);
    expect(largest(64)).toBeGreaterThan(1);
  });

  test("refuses operands that do not fit, naming their shapes", () => {
    const graph = new g.Graph();
    expect(() => g.matMul(graph.input("a", [2, 3]), graph.input("b", [4, 5]))).toThrow("[2, 3] · [4, 5]");
  });
});

describe("structure", () => {
  const x = (shape: readonly number[], name: string) => ({ shape, data: normals(g.sizeOf(shape), seeded(name)) });

  test.each<[string, readonly number[], (x: g.Value) => g.Value]>([
    ["reshape", [2, 6], (v) => g.square(g.reshape(v, [3, -1]))],
    ["transpose", [2, 3, 4], (v) => g.square(g.transpose(v, [2, 0, 1]))],
    ["transposeMatrix", [2, 3, 4], (v) => g.square(g.transposeMatrix(v))],
    ["slice", [3, 5], (v) => g.square(g.slice(v, -1, 1, 4))],
    ["pad", [3, 2], (v) => g.square(g.pad(v, 0, 2, 1))],
    ["expand", [3, 1], (v) => g.square(g.expand(v, [2, 3, 4]))],
    [
      "split, one part unused",
      [7, 2],
      (v) => g.matMul(...(g.split(v, 0, [2, 2, 3]).slice(0, 2) as [g.Value, g.Value])),
    ],
    [
      "split in many parts",
      [20],
      (v) =>
        g.concat(
          g.split(v, 0, Array(20).fill(1)).map((p, i) => g.multiply(p, i)),
          0,
        ),
    ],
    ["concat", [2, 3], (v) => g.concat([g.square(v), v, g.slice(v, 1, 0, 1)], 1)],
    ["cast there and back", [4], (v) => g.square(g.cast(g.cast(v, "float16"), "float32"))],
  ])("%s has the right gradient", async (name, shape, f) => {
    // float16 rounds: the step must be much larger than its spacing.
    const options = name.startsWith("cast") ? { step: 0.25, tolerance: 2e-2 } : { step: 0.1 };
    await checkGradients(runtime, [x(shape, name)], ([v]) => f(v as g.Value), seeded(`${name} direction`), options);
  });

  test("splits and concatenations never have more than eight parts in one node (WebGPU binds 12 buffers)", async () => {
    const { decodeModel } = await import("../../trainer/graph/onnx.js");
    const graph = new g.Graph();
    const input = graph.input("x", [100]);
    const parts = g.split(input, 0, Array(100).fill(1));
    graph.output("y", g.concat([...parts].reverse(), 0));
    const nodes = decodeModel(graph.serialize()).graph.node;
    expect(nodes.length).toBeGreaterThan(2);
    for (const node of nodes) expect(Math.max(node.input.length, node.output.length), node.name).toBeLessThanOrEqual(8);
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    const { y } = await evaluate(runtime, [{ shape: [100], data: numbers }], ([v]) => ({
      y: g.concat([...g.split(v as g.Value, 0, Array(100).fill(1))].reverse(), 0),
    }));
    expect([...(y ?? [])]).toEqual(numbers.reverse());
  });

  test("impossible shapes are refused", () => {
    const v = new g.Graph().input("x", [2, 3]);
    expect(() => g.reshape(v, [4, -1])).toThrow("[2, 3] cannot be reshaped to [4, -1]");
    expect(() => g.slice(v, 1, 2, 4)).toThrow("no elements 2 to 4 along axis 1 of [2, 3]");
    expect(() => g.split(v, 0, [1, 2])).toThrow("do not fill axis 0 of [2, 3]");
    expect(() => g.pad(v, 0, -1, 2)).toThrow("-1 and 2 zeros do not pad [2, 3]");
    expect(() => g.expand(v, [3, 3])).toThrow("do not broadcast");
    expect(() => g.add(v, v.graph.input("y", [4]))).toThrow("[2, 3] and [4] do not broadcast");
    expect(() => g.add(v, v.graph.input("z", [3], "int32"))).toThrow("float32 and int32");
  });
});

describe("reductions", () => {
  const cases = fc.record({
    shape: fc.array(length, { minLength: 1, maxLength: 4 }),
    chosen: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    keep: fc.constantFrom("keep" as const, "drop" as const),
  });

  test.each([
    ["sum", g.sum],
    ["mean", g.mean],
    ["max", g.max],
  ] as const)("%s over any axes has the right gradient", async (name, reduce) => {
    const random = seeded(name);
    const property = fc.asyncProperty(cases, async ({ shape, chosen, keep }) => {
      const axes = shape.flatMap((_, i) => (chosen[i] ? [i - (i % 2) * shape.length] : []));
      const size = g.sizeOf(shape);
      // About 200 elements need numbers closer together, and so a smaller step.
      const data = spacedNumbers(size, random, 0.02);
      await checkGradients(
        runtime,
        [{ shape, data }],
        ([x]) => reduce(g.multiply(x as g.Value, 1.5), axes, keep),
        random,
        {
          step: 0.003,
          tolerance: 5e-3,
        },
      );
    });
    await fc.assert(property, { numRuns: 15, seed: 5 });
  });

  test("sumTo of nothing is zeros", async () => {
    const { y } = await evaluate(runtime, [{ shape: [0, 3], data: [] }], ([x]) => ({
      y: g.sumTo(x as g.Value, [3]),
    }));
    expect([...(y ?? [])]).toEqual([0, 0, 0]);
  });

  test("sumTo undoes a broadcast for every pair of shapes", async () => {
    const random = seeded("sumTo");
    const property = fc.asyncProperty(
      fc.array(fc.tuple(length, fc.boolean()), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 0, max: 4 }),
      async (axes, dropped) => {
        const wide = axes.map(([n]) => n);
        const shape = axes.map(([n, broadcasts]) => (broadcasts ? 1 : n)).slice(Math.min(dropped, axes.length));
        const data = normals(g.sizeOf(wide), random);
        const { y, expected } = await evaluate(runtime, [{ shape: wide, data }], ([x]) => {
          const start = wide.length - shape.length;
          const over = wide.flatMap((n, i) => (i < start || shape[i - start] !== n ? [i] : []));
          return {
            y: g.sumTo(x as g.Value, shape),
            expected: g.reshape(g.sum(g.multiply(x as g.Value, 1), over), shape),
          };
        });
        expect(largestDifference(y ?? [], expected ?? [])).toBeLessThan(1e-5);
      },
    );
    await fc.assert(property, { numRuns: 25, seed: 2 });
  });

  test("sumOfSquares has the right value and gradient", async () => {
    const data = normals(10, seeded("squares"));
    const { y } = await evaluate(runtime, [{ shape: [2, 5], data }], ([x]) => ({ y: g.sumOfSquares(x as g.Value) }));
    expect(y?.[0]).toBeCloseTo(
      data.reduce((total, x) => total + x * x, 0),
      4,
    );
    await checkGradients(runtime, [{ shape: [2, 5], data }], ([x]) => g.sumOfSquares(x as g.Value), seeded("s"));
  });
});

describe("normalisation over the last axis", () => {
  const random = seeded("normalisation");
  const x = { shape: [2, 3, 6], data: normals(36, random) };
  const scale = { shape: [6], data: normals(6, random) };
  const bias = { shape: [6], data: normals(6, random) };
  const rows = Array.from({ length: 6 }, (_, i) => x.data.slice(i * 6, i * 6 + 6));
  const plainMean = (row: readonly number[]): number => row.reduce((a, b) => a + b, 0) / row.length;

  const cases: [string, (v: g.Value[]) => g.Value, (row: readonly number[]) => number[]][] = [
    [
      "layerNormalization",
      ([v, s, b]) => g.layerNormalization(v as g.Value, s as g.Value, b as g.Value, 1e-3),
      (row) => {
        const average = plainMean(row);
        const deviation = Math.sqrt(plainMean(row.map((value) => (value - average) ** 2)) + 1e-3);
        return row.map((value, i) => ((value - average) / deviation) * (scale.data[i] ?? 0) + (bias.data[i] ?? 0));
      },
    ],
    [
      "rmsNormalization",
      ([v, s]) => g.rmsNormalization(v as g.Value, s as g.Value, 1e-3),
      (row) => {
        const root = Math.sqrt(plainMean(row.map((value) => value * value)) + 1e-3);
        return row.map((value, i) => (value / root) * (scale.data[i] ?? 0));
      },
    ],
    ["l2Normalize", ([v]) => g.l2Normalize(v as g.Value), (row) => row.map((value) => value / Math.hypot(...row))],
    [
      "softmax",
      ([v]) => g.softmax(v as g.Value),
      (row) => row.map((value) => Math.exp(value) / row.reduce((total, x) => total + Math.exp(x), 0)),
    ],
    [
      "logSoftmax",
      ([v]) => g.logSoftmax(v as g.Value),
      (row) => row.map((value) => value - Math.log(row.reduce((total, x) => total + Math.exp(x), 0))),
    ],
    [
      "logSumExp",
      ([v]) => g.logSumExp(v as g.Value),
      (row) => [Math.log(row.reduce((total, x) => total + Math.exp(x), 0))],
    ],
  ];

  test.each(cases)("%s has its formula's values and the right gradient", async (name, f, plain) => {
    const inputs = { layerNormalization: [x, scale, bias], rmsNormalization: [x, scale] }[name] ?? [x];
    const { y } = await evaluate(runtime, inputs, (values) => ({ y: f(values) }));
    expect(largestDifference(y ?? [], rows.flatMap(plain))).toBeLessThan(1e-5);
    await checkGradients(runtime, inputs, f, random, { step: 0.02, tolerance: 5e-3 });
  });
});

describe("rotary positions", () => {
  const random = seeded("rotary");
  // Rows, heads, cells, and two pairs of numbers.
  const inputs = [
    { shape: [2, 3, 2, 4], data: normals(48, random) },
    { shape: [2, 2], type: "int32" as const, data: [5, 0, 3, 3] },
  ];
  const angle = (position: number, pair: number): number => position / (pair + 1);
  const f = ([x, positions]: g.Value[]): g.Value => {
    const table = (of: (angle: number) => number): g.Value => {
      const data = Float32Array.from({ length: 12 }, (_, i) => 1.5 * of(angle(Math.floor(i / 2), i % 2)));
      return (x as g.Value).graph.constant(data, [6, 2]);
    };
    return g.rotary(x as g.Value, positions as g.Value, { cos: table(Math.cos), sin: table(Math.sin) });
  };

  test("rotates each pair by its position's angle, times the tables' factor", async () => {
    const { y } = await evaluate(runtime, inputs, (values) => ({ y: f(values) }));
    const [x, positions] = inputs.map(({ data }) => data) as [number[], number[]];
    const expected = x.map((_, i) => {
      const [head, place] = [i - (i % 4), i % 4];
      const position = positions[Math.floor(i / 24) * 2 + (Math.floor(i / 4) % 2)] ?? 0;
      const [a, b] = [x[head + (place % 2)] ?? 0, x[head + (place % 2) + 2] ?? 0];
      const turn = angle(position, place % 2);
      const [cos, sin] = [1.5 * Math.cos(turn), 1.5 * Math.sin(turn)];
      return place < 2 ? a * cos - b * sin : b * cos + a * sin;
    });
    expect(largestDifference(y ?? [], expected)).toBeLessThan(1e-5);
    await checkGradients(runtime, inputs, (values) => g.square(f(values)), random);
  });
});

describe.each([
  ["silu", g.silu],
  ["tanhGelu", g.tanhGelu],
] as const)("a gate of %s", (name, activation) => {
  const random = seeded("gated");
  const inputs = [
    { shape: [3, 4], data: normals(12, random) },
    { shape: [3, 4], data: normals(12, random) },
    { shape: [4, 5], data: normals(20, random) },
  ];
  const made = ([gate, up, w]: g.Value[]): g.Value =>
    g.linear(g.gated(name, gate as g.Value, up as g.Value), w as g.Value);
  const plain = ([gate, up, w]: g.Value[]): g.Value =>
    g.linear(g.multiply(activation(gate as g.Value), up as g.Value), w as g.Value);

  test("has the numbers and gradients of its parts, and its result is not stored for them", async () => {
    await checkGradients(runtime, inputs, made, random);
    const all = (f: (values: g.Value[]) => g.Value) => (values: g.Value[]) => {
      const y = f(values);
      const found = g.gradients(g.sum(g.square(y)), values);
      return Object.fromEntries([y, ...found].map((value, i) => [`y${i}`, value]));
    };
    const [one, other] = [await evaluate(runtime, inputs, all(made)), await evaluate(runtime, inputs, all(plain))];
    for (const key of Object.keys(one))
      expect(largestDifference(one[key] ?? [], other[key] ?? []), key).toBeLessThan(1e-5);
  });

  test("takes less memory in a step of many layers", () => {
    const layout = Array.from({ length: 24 }, (_, i) => ({ name: `${i}`, shape: [200, 200] }));
    const peak = (f: typeof made): number => {
      const graph = new g.Graph();
      const flat = graph.input("flat", [g.layoutSize(layout)]);
      const weights = [...g.views(flat, layout).values()];
      let x = graph.input("x", [4000, 200]);
      for (let layer = 0; layer < 8; layer++) {
        const [gate, up, down] = weights.slice(3 * layer) as [g.Value, g.Value, g.Value];
        x = f([g.linear(x, gate), g.linear(x, up), down]);
      }
      graph.output("gradient", g.gradients(g.sum(x), [flat])[0] as g.Value);
      return graph.memory().peakBytes;
    };
    expect(peak(made) / peak(plain)).toBeLessThan(0.8);
  });
});

describe("indexing", () => {
  const random = seeded("indexing");

  test.each([
    ["a small table, int32 indices", 7, "int32"],
    ["a small table, int64 indices", 7, "int64"],
    ["a table too large for one-hot rows", 5000, "int64"],
  ] as const)(
    "gather from %s adds up the gradients of a repeated row, and −1 is the last row",
    async (_name, count, type) => {
      const indices = [1, 3, 1, 0, -1, count - 1];
      const inputs = [
        { shape: [count, 2], data: normals(count * 2, random) },
        { shape: [2, 3], type, data: indices },
      ];
      const f = ([t, i]: g.Value[]): g.Value => g.gather(t as g.Value, i as g.Value);
      await checkGradients(runtime, inputs, (values) => g.square(f(values)), random);
      const { y } = await evaluate(runtime, inputs, (values) => ({ y: f(values) }));
      const table = inputs[0]?.data as number[];
      const expected = indices.flatMap((row) => {
        const start = 2 * ((row + count) % count);
        return table.slice(start, start + 2);
      });
      expect(largestDifference(y ?? [], expected)).toBeLessThan(1e-6);
    },
  );

  test("gatherElements picks along the last axis, with its gradient", async () => {
    const data = normals(12, random);
    const inputs = [
      { shape: [3, 4], data },
      { shape: [3, 2], type: "int64" as const, data: [0, 3, 2, 2, 1, 0] },
    ];
    const f = ([x, i]: g.Value[]): g.Value => g.gatherElements(x as g.Value, i as g.Value);
    await checkGradients(runtime, inputs, (values) => g.square(f(values)), random);
    const { y } = await evaluate(runtime, inputs, (values) => ({ y: f(values) }));
    expect(
      largestDifference(
        y ?? [],
        [0, 3, 6, 6, 9, 8].map((i) => data[i] ?? 0),
      ),
    ).toBeLessThan(1e-6);
  });

  test("oneHot", async () => {
    const { y } = await evaluate(runtime, [{ shape: [3], type: "int32", data: [2, 0, 1] }], ([i]) => ({
      y: g.oneHot(i as g.Value, 3),
    }));
    expect([...(y ?? [])]).toEqual([0, 0, 1, 1, 0, 0, 0, 1, 0]);
  });
});

test("the cases that every device must get right have every operator", async () => {
  const { operatorCases } = await import("./operator-cases.js");
  const graph = new g.Graph();
  const cases = operatorCases({
    x: graph.input("x", [4, 6]),
    p: graph.input("p", [4, 6]),
    w: graph.input("w", [6, 6]),
    v: graph.input("v", [6]),
    i: graph.input("i", [5], "int32"),
  });
  const named = new Set(Object.keys(cases).map((name) => name.split(" ")[0]));
  const notOperators = new Set(["operands", "slimGradients"]);
  const folder = path.resolve(import.meta.dirname, "../../trainer/graph/operators");
  const files = readdirSync(folder).flatMap((file) => (file.endsWith(".js") ? [path.basename(file, ".js")] : []));
  expect(files.length).toBeGreaterThan(8);
  for (const file of files) {
    const exported = Object.keys(await import(`../../trainer/graph/operators/${file}.js`));
    expect(
      exported.filter((name) => !notOperators.has(name) && !named.has(name)),
      `${file}: each operator has an entry in test/graph/operator-cases.ts`,
    ).toEqual([]);
  }
});

describe("gradients", () => {
  test("a value used twice gets the sum, an unused one zeros, and stopGradient ends the way", async () => {
    const data = [0.3, -0.7];
    const inputs = [
      { shape: [2], data },
      { shape: [3], data: [1, 2, 3] },
    ];
    const outputs = await evaluate(runtime, inputs, ([x, unused]) => {
      const v = x as g.Value;
      const loss = g.sum(g.add(g.multiply(v, v), g.multiply(g.stopGradient(g.square(v)), v)));
      const [dx, none] = g.gradients(loss, [v, unused as g.Value]);
      return { dx: dx as g.Value, none: none as g.Value };
    });
    expect(
      largestDifference(
        outputs["dx"] ?? [],
        data.map((x) => 2 * x + x * x),
      ),
    ).toBeLessThan(1e-6);
    expect([...(outputs["none"] ?? [])]).toEqual([0, 0, 0]);
  });

  test("of a chain of 10,000 operators do not exhaust the stack", () => {
    const graph = new g.Graph();
    const x = graph.input("x", [1]);
    let y = x;
    for (let i = 0; i < 10_000; i++) y = g.multiply(y, 1 + i);
    graph.output("dx", g.gradients(g.sum(y), [x])[0] as g.Value);
    expect(graph.serialize().length).toBeGreaterThan(10_000);
  });

  test("of an intermediate value, and only of a single number", () => {
    const graph = new g.Graph();
    const x = graph.input("x", [2]);
    const middle = g.square(x);
    expect(g.gradients(g.sum(g.multiply(middle, 3)), [middle])[0]?.shape).toEqual([2]);
    expect(() => g.gradients(middle, [x])).toThrow("a loss is one number, not [2]");
  });

  test("of a causal attention block", async () => {
    const random = seeded("attention");
    const [length, width] = [4, 6];
    const inputs = [
      { shape: [2, length, width], data: normals(2 * length * width, random) },
      { shape: [width, 3 * width], data: normals(3 * width * width, random).map((x) => x * 0.5) },
    ];
    const block = ([x, w]: g.Value[], graph: g.Graph): g.Value => {
      const qkv = g.linear(x as g.Value, w as g.Value);
      const heads = (part: g.Value): g.Value => g.transpose(g.reshape(part, [2, length, 2, width / 2]), [0, 2, 1, 3]);
      const [q, k, v] = g.split(qkv, -1, [width, width, width]).map(heads) as [g.Value, g.Value, g.Value];
      const mask = Float32Array.from({ length: length * length }, (_, i) => (i % length > i / length ? -1e9 : 0));
      const scores = g.matMul(g.multiply(q, (width / 2) ** -0.5), k, { transB: true });
      const weights = g.softmax(g.add(scores, graph.constant(mask, [length, length])));
      return g.reshape(g.transpose(g.matMul(weights, v), [0, 2, 1, 3]), [2, length, width]);
    };
    await checkGradients(runtime, inputs, block, random, { step: 0.02, tolerance: 5e-3 });
  });
});
