/** @file Elementwise operators and losses: values against plain TypeScript, gradients against finite differences, over random shapes that broadcast. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as g from "../../trainer/graph/index.js";
import { checkGradients, evaluate, largestDifference, seeded, spacedNumbers } from "./evaluate.js";

let runtime: g.Runtime;
beforeAll(async () => {
  runtime = await g.startRuntime({ device: "cpu", threads: 1 });
});
afterAll(() => runtime.close());

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
/** erf by its series, exact to 1e-12 for |x| < 3. */
function erf(x: number): number {
  let [term, total] = [x, x];
  for (let n = 1; n < 60; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

const UNARY: Record<string, { f: (x: g.Value) => g.Value; plain: (x: number) => number; positive?: boolean }> = {
  negate: { f: g.negate, plain: (x) => -x },
  square: { f: g.square, plain: (x) => x * x },
  exp: { f: g.exp, plain: Math.exp },
  log: { f: g.log, plain: Math.log, positive: true },
  sqrt: { f: g.sqrt, plain: Math.sqrt, positive: true },
  reciprocal: { f: g.reciprocal, plain: (x) => 1 / x, positive: true },
  abs: { f: g.abs, plain: Math.abs },
  sin: { f: g.sin, plain: Math.sin },
  cos: { f: g.cos, plain: Math.cos },
  erf: { f: g.erf, plain: erf },
  tanh: { f: g.tanh, plain: Math.tanh },
  sigmoid: { f: g.sigmoid, plain: logistic },
  softplus: { f: g.softplus, plain: (x) => Math.log1p(Math.exp(x)) },
  relu: { f: g.relu, plain: (x) => Math.max(x, 0) },
  quickGelu: { f: g.quickGelu, plain: (x) => x * logistic(1.702 * x) },
  silu: { f: g.silu, plain: (x) => x * logistic(x) },
  gelu: { f: g.gelu, plain: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)) },
  tanhGelu: {
    f: g.tanhGelu,
    plain: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  },
  "clip to [-0.512, 0.731]": {
    f: (x) => g.clip(x, -0.512, 0.731),
    plain: (x) => Math.min(0.731, Math.max(-0.512, x)),
  },
  "soft cap of 2": { f: (x) => g.softCap(x, 2), plain: (x) => 2 * Math.tanh(x / 2) },
};

describe.each(Object.entries(UNARY))("%s", (name, { f, plain, positive }) => {
  const random = seeded(name);
  const data = spacedNumbers(42, random).map((x) => (positive ? Math.abs(x) + 0.5 : x));

  test("has the values of the formula", async () => {
    const { y } = await evaluate(runtime, [{ shape: [6, 7], data }], ([x]) => ({ y: f(x as g.Value) }));
    expect(largestDifference(y ?? [], data.map(plain))).toBeLessThan(1e-5);
  });

  test("takes a scalar", async () => {
    const { y } = await evaluate(runtime, [{ shape: [], data: [0.6] }], ([x]) => ({ y: f(x as g.Value) }));
    expect(y?.[0]).toBeCloseTo(plain(0.6), 4);
  });

  test("has the gradient that finite differences show", async () => {
    await checkGradients(runtime, [{ shape: [6, 7], data }], ([x]) => f(x as g.Value), random);
  });
});

const BINARY: Record<
  string,
  { f: (a: g.Operand, b: g.Operand) => g.Value; plain: (a: number, b: number) => number; positive?: boolean }
> = {
  add: { f: g.add, plain: (a, b) => a + b },
  subtract: { f: g.subtract, plain: (a, b) => a - b },
  multiply: { f: g.multiply, plain: (a, b) => a * b },
  divide: { f: g.divide, plain: (a, b) => a / b, positive: true },
  power: { f: g.power, plain: (a, b) => a ** b, positive: true },
  minimum: { f: g.minimum, plain: Math.min },
  maximum: { f: g.maximum, plain: Math.max },
};

/** Two shapes that broadcast, of at most 60 elements together. */
const broadcastShapes = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom("both", "a", "b")), { minLength: 1, maxLength: 3 })
  .chain((axes) =>
    fc.tuple(fc.integer({ min: 0, max: axes.length }), fc.boolean()).map(([dropped, fromA]) => {
      const a = axes.map(([length, who]) => (who === "b" ? 1 : length));
      const b = axes.map(([length, who]) => (who === "a" ? 1 : length));
      return fromA ? { a: a.slice(dropped), b } : { a, b: b.slice(dropped) };
    }),
  );

describe.each(Object.entries(BINARY))("%s", (name, { f, plain, positive }) => {
  test("broadcasts as numpy does, with gradients that finite differences show", async () => {
    const random = seeded(name);
    const property = fc.asyncProperty(broadcastShapes, async ({ a, b }) => {
      const [sizeA, sizeB] = [g.sizeOf(a), g.sizeOf(b)];
      const data = spacedNumbers(sizeA + sizeB, random).map((x) => (positive ? Math.abs(x) + 0.5 : x));
      const inputs = [
        { shape: a, data: data.slice(0, sizeA) },
        { shape: b, data: data.slice(sizeA) },
      ];
      await checkGradients(runtime, inputs, ([x, y]) => f(x as g.Value, y as g.Value), random);
    });
    await fc.assert(property, { numRuns: 12, seed: 11 });
  });

  test("takes a number on either side", async () => {
    const data = spacedNumbers(8, seeded(name)).map((x) => (positive ? Math.abs(x) + 0.5 : x));
    const outputs = await evaluate(runtime, [{ shape: [8], data }], ([x]) => ({
      left: f(1.5, x as g.Value),
      right: f(x as g.Value, 1.5),
    }));
    expect(
      largestDifference(
        outputs["left"] ?? [],
        data.map((x) => plain(1.5, x)),
      ),
    ).toBeLessThan(1e-5);
    expect(
      largestDifference(
        outputs["right"] ?? [],
        data.map((x) => plain(x, 1.5)),
      ),
    ).toBeLessThan(1e-5);
  });
});

describe("comparison and selection", () => {
  const data = { a: [1, 2, 3, 2], b: [2, 2, 2, 3] };
  test.each([
    ["equal", g.equal, [0, 1, 0, 0]],
    ["greater", g.greater, [0, 0, 1, 0]],
    ["greaterOrEqual", g.greaterOrEqual, [0, 1, 1, 0]],
    ["less", g.less, [1, 0, 0, 1]],
    ["lessOrEqual", g.lessOrEqual, [1, 1, 0, 1]],
  ] as const)("%s", async (_name, compare, expected) => {
    const inputs = [
      { shape: [4], data: data.a },
      { shape: [4], data: data.b },
    ];
    const { y, no, both, either } = await evaluate(runtime, inputs, ([a, b]) => {
      const y = compare(a as g.Value, b as g.Value);
      const third = g.greater(a as g.Value, 2.5);
      return { y, no: g.not(y), both: g.and(y, third), either: g.or(y, third) };
    });
    const third = [0, 0, 1, 0];
    expect([...(y ?? [])]).toEqual(expected);
    expect([...(no ?? [])]).toEqual(expected.map((x) => 1 - x));
    expect([...(both ?? [])]).toEqual(expected.map((x, i) => x & (third[i] ?? 0)));
    expect([...(either ?? [])]).toEqual(expected.map((x, i) => x | (third[i] ?? 0)));
  });

  test("select sends each gradient to what was selected", async () => {
    const random = seeded("select");
    const inputs = [
      { shape: [2, 1, 4], type: "bool" as const, data: [1, 0, 0, 1, 0, 0, 1, 1] },
      { shape: [3, 4], data: spacedNumbers(12, random) },
      { shape: [1, 4], data: spacedNumbers(4, random) },
    ];
    await checkGradients(runtime, inputs, ([c, a, b]) => g.select(c as g.Value, a as g.Value, b as g.Value), random);
    await checkGradients(runtime, inputs.slice(0, 2), ([c, a]) => g.select(c as g.Value, a as g.Value, 0), random);
  });
});

describe("losses", () => {
  const random = seeded("losses");
  const logits = spacedNumbers(24, random, 0.1);
  const targets = Array.from({ length: 24 }, () => random.float());
  const pair = [
    { shape: [4, 6], data: logits },
    { shape: [4, 6], data: targets },
  ];

  test("binary cross entropy equals its formula, and stays finite at extreme logits", async () => {
    const { y } = await evaluate(runtime, pair, ([x, t]) => ({
      y: g.binaryCrossEntropy(x as g.Value, t as g.Value),
    }));
    const expected = logits.map((x, i) => {
      const [t, p] = [targets[i] ?? 0, logistic(x)];
      return -t * Math.log(p) - (1 - t) * Math.log(1 - p);
    });
    expect(largestDifference(y ?? [], expected)).toBeLessThan(1e-5);
    const extreme = [
      { shape: [4], data: [-200, 200, -200, 200] },
      { shape: [4], data: [0, 1, 1, 0] },
    ];
    const far = await evaluate(runtime, extreme, ([x, t]) => {
      const y = g.binaryCrossEntropy(x as g.Value, t as g.Value);
      return { y, dx: g.gradients(g.sum(y), [x as g.Value])[0] as g.Value };
    });
    expect([...(far["y"] ?? [])]).toEqual([0, 0, 200, 200]);
    expect([...(far["dx"] ?? [])]).toEqual([0, 0, -1, 1]);
    await checkGradients(runtime, pair, ([x, t]) => g.binaryCrossEntropy(x as g.Value, t as g.Value), random);
  });

  test("smooth L1 is quadratic up to 1 and linear beyond", async () => {
    const wide = [
      { shape: [24], data: logits.map((x) => 2 * x + 0.013) },
      { shape: [24], data: targets },
    ];
    const { y } = await evaluate(runtime, wide, ([x, t]) => ({ y: g.smoothL1(x as g.Value, t as g.Value) }));
    const expected = logits.map((x, i) => {
      const d = Math.abs(2 * x + 0.013 - (targets[i] ?? 0));
      return d < 1 ? 0.5 * d * d : d - 0.5;
    });
    expect(largestDifference(y ?? [], expected)).toBeLessThan(1e-5);
    await checkGradients(runtime, wide, ([x, t]) => g.smoothL1(x as g.Value, t as g.Value), random, {
      tolerance: 5e-3,
    });
  });

  test("cross entropy is minus the label's log probability", async () => {
    const labels = [0, 5, 2, 2];
    const inputs = [
      { shape: [4, 6], data: logits },
      { shape: [4], type: "int32" as const, data: labels },
    ];
    const { y } = await evaluate(runtime, inputs, ([x, l]) => ({ y: g.crossEntropy(x as g.Value, l as g.Value) }));
    const expected = labels.map((label, row) => {
      const scores = logits.slice(row * 6, row * 6 + 6);
      return Math.log(scores.reduce((total, x) => total + Math.exp(x), 0)) - (scores[label] ?? 0);
    });
    expect(largestDifference(y ?? [], expected)).toBeLessThan(1e-5);
    await checkGradients(runtime, inputs, ([x, l]) => g.crossEntropy(x as g.Value, l as g.Value), random);
  });
});

test("the power 0 is 1, with gradient 0 where the base is 0 too", async () => {
  const outputs = await evaluate(runtime, [{ shape: [2], data: [0, 2] }], ([x]) => {
    const y = g.power(x as g.Value, 0);
    return { y, gradient: g.gradients(g.sum(y), [x as g.Value])[0] as g.Value };
  });
  expect(outputs).toEqual({ y: Float32Array.of(1, 1), gradient: Float32Array.of(0, 0) });
});

test("a number that an integer tensor cannot hold is refused", () => {
  const graph = new g.Graph();
  const [whole, flags] = [graph.input("i", [3], "int32"), graph.input("u", [3], "uint8")];
  expect(() => g.multiply(whole, 0.5)).toThrow("0.5 is no int32: cast the tensor to float32");
  expect(() => g.less(whole, 2 ** 31)).toThrow("2147483648 is no int32");
  expect(() => g.add(flags, -1)).toThrow("-1 is no uint8");
  expect(() => graph.scalar(Number.NaN, "int64")).toThrow("NaN is no int64");
  expect(g.add(whole, -(2 ** 31)).type).toBe("int32");
});
