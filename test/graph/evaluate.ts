/** @file Runs small graphs for the tests, and compares gradients with finite differences. */
import { expect } from "vitest";
import {
  type ElementType,
  Graph,
  gradients,
  multiply,
  type Runtime,
  type Shape,
  sizeOf,
  sum,
  type Tensor,
  type Value,
} from "../../trainer/graph/index.js";
import { Random } from "../../trainer/random/random.js";

export interface TestInput {
  readonly shape: Shape;
  readonly type?: ElementType;
  readonly data: readonly number[] | Float32Array;
}

export function tensor({ shape, type = "float32", data }: TestInput): Tensor {
  const dims = [...shape];
  if (type === "int64") return { type, dims, data: BigInt64Array.from(data, BigInt) };
  if (type === "int32") return { type, dims, data: Int32Array.from(data) };
  if (type === "float32") return { type, dims, data: Float32Array.from(data) };
  return { type, dims, data: Uint8Array.from(data) };
}

/** Builds a graph from the inputs, runs it once, and returns each output's numbers. */
export async function evaluate(
  runtime: Runtime,
  inputs: readonly TestInput[],
  build: (inputs: Value[], graph: Graph) => Readonly<Record<string, Value>>,
): Promise<Record<string, Float32Array>> {
  const { run, release } = await compile(runtime, inputs, build);
  const result = await run(inputs.map(({ data }) => data));
  await release();
  return result;
}

async function compile(
  runtime: Runtime,
  inputs: readonly TestInput[],
  build: (inputs: Value[], graph: Graph) => Readonly<Record<string, Value>>,
) {
  const graph = new Graph();
  const values = inputs.map(({ shape, type }, i) => graph.input(`x${i}`, shape, type));
  for (const [name, value] of Object.entries(build(values, graph))) graph.output(name, value);
  const program = await runtime.load({ bytes: graph.serialize() });
  return {
    run: async (data: readonly (readonly number[] | Float32Array)[]): Promise<Record<string, Float32Array>> => {
      const feeds = inputs.map((input, i) => [`x${i}`, tensor({ ...input, data: data[i] ?? [] })]);
      const outputs = await program.run(Object.fromEntries(feeds));
      return Object.fromEntries(
        Object.entries(outputs).map(([name, output]) => [name, Float32Array.from(output.data, Number)]),
      );
    },
    release: program.release,
  };
}

/**
 * Distinct numbers in [−low, low] in random order, at least `spacing` apart from each other and from zero, so that
 * finite differences avoid the kinks of functions at zero or at equal inputs.
 */
export function spacedNumbers(count: number, random: Random, spacing = 0.05): number[] {
  const half = Math.ceil(count / 2);
  const all = Array.from({ length: 2 * half }, (_, i) => (i < half ? i - half : i - half + 1) * spacing);
  return Array.from(random.permutation(2 * half), (i) => (all[i] ?? 0) + spacing * 0.1).slice(0, count);
}

/**
 * Checks d Σ w·f(x) / dx and d Σ f(x) / dx along a random direction in each float input, by central differences of two
 * widths (combined, they are exact to the fourth order).
 */
export async function checkGradients(
  runtime: Runtime,
  inputs: readonly TestInput[],
  f: (inputs: Value[], graph: Graph) => Value,
  random: Random,
  { step = 0.01, tolerance = 2e-3 }: { step?: number; tolerance?: number } = {},
): Promise<void> {
  const floats = inputs.flatMap(({ type = "float32" }, i) => (type === "float32" ? [i] : []));
  let outputShape: Shape = [];
  const probe = new Graph();
  const probed = f(
    inputs.map(({ shape, type }, i) => probe.input(`x${i}`, shape, type)),
    probe,
  );
  outputShape = probed.shape;
  const weights: TestInput = {
    shape: outputShape,
    data: Array.from({ length: sizeOf(outputShape) }, () => random.uniform(-1, 1)),
  };
  const compiled = await compile(runtime, [...inputs, weights], (values, graph) => {
    const xs = values.slice(0, -1);
    const w = values.at(-1) as Value;
    const y = f(xs, graph);
    const wrt = floats.map((i) => xs[i] as Value);
    const weighted = gradients(sum(multiply(w, y)), wrt);
    const plain = gradients(sum(y), wrt);
    return Object.fromEntries([
      ["y", y],
      ...floats.flatMap((i, j) => [
        [`weighted${i}`, weighted[j]],
        [`plain${i}`, plain[j]],
      ]),
    ]) as Record<string, Value>;
  });
  const data = [...inputs.map((input) => input.data), weights.data];
  const found = await compiled.run(data);
  for (const i of floats) {
    const x = inputs[i] as TestInput;
    const direction = Array.from(x.data, () => random.uniform(-1, 1));
    const at = async (h: number): Promise<Float32Array> => {
      const moved = data.map((input, j) =>
        j === i ? Array.from(input, (value, k) => value + h * (direction[k] ?? 0)) : input,
      );
      return (await compiled.run(moved))["y"] ?? new Float32Array();
    };
    const slope = async (h: number): Promise<number[]> => {
      const [high, low] = [await at(h), await at(-h)];
      return Array.from(high, (value, k) => (value - (low[k] ?? 0)) / (2 * h));
    };
    const [narrow, wide] = [await slope(step), await slope(2 * step)];
    const slopes = narrow.map((value, k) => (4 * value - (wide[k] ?? 0)) / 3);
    for (const [kind, weight] of [
      ["weighted", (k: number) => weights.data[k] ?? 0],
      ["plain", () => 1],
    ] as const) {
      const gradient = found[`${kind}${i}`] ?? new Float32Array();
      expect(gradient.length, `${kind} gradient of input ${i}: elements`).toBe(x.data.length);
      const expected = slopes.reduce((total, value, k) => total + value * weight(k), 0);
      const size = slopes.reduce((total, value, k) => total + Math.abs(value * weight(k)), 0);
      const got = gradient.reduce((total, value, k) => total + value * (direction[k] ?? 0), 0);
      const message = `${kind} gradient of input ${i}, shapes ${inputs.map(({ shape }) => `[${shape}]`).join(" ")}`;
      expect(Math.abs(got - expected), `${message}: ${got}, by differences ${expected}`).toBeLessThan(
        tolerance * (1 + size),
      );
    }
  }
  await compiled.release();
}

/** Largest absolute difference. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(Number(a[i]) - Number(b[i])));
  return largest;
}

export const normals = (count: number, random: Random): number[] =>
  Array.from({ length: count }, () => random.normal());
export const seeded = (name: string): Random => Random.stream(7, "graph tests", name);
