/**
 * @file A separate program: `node parity.js DEVICE` prints as JSON the results of every operator, of weights in a file,
 * and of three training steps of a small transformer on a device.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as g from "../../trainer/graph/index.js";
import { normals, seeded, spacedNumbers, tensor } from "./evaluate.js";
import { operatorCases } from "./operator-cases.js";

const LENGTH = 5;
const WIDTH = 8;

type Numbers = Record<string, number[]>;

async function operatorNumbers(runtime: g.Runtime): Promise<Numbers> {
  const random = seeded("parity");
  const graph = new g.Graph();
  const spaced = spacedNumbers(30, random);
  const [x, p, w] = [graph.input("x", [4, 6]), graph.input("p", [4, 6]), graph.input("w", [6, 6])];
  const [v, i] = [graph.input("v", [6]), graph.input("i", [5], "int32")];
  for (const [name, y] of Object.entries(operatorCases({ x, p, w, v, i }))) {
    graph.output(name, y);
    const found = g.gradients(g.sum(g.multiply(y, g.add(y, 0.5))), [x, p, w, v]);
    found.forEach((gradient, at) => {
      graph.output(`gradient ${at} of ${name}`, gradient);
    });
  }
  const program = await runtime.load({ bytes: graph.serialize() });
  const outputs = await program.run({
    x: tensor({ shape: [4, 6], data: spaced.slice(0, 24) }),
    p: tensor({ shape: [4, 6], data: normals(24, random).map((value) => Math.abs(value) + 0.5) }),
    w: tensor({ shape: [6, 6], data: normals(36, random) }),
    v: tensor({ shape: [6], data: spaced.slice(24) }),
    i: tensor({ shape: [5], type: "int32", data: [3, 0, 1, 1, 2] }),
  });
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data, Number)]));
}

/** Weights of each type in a file: products, rows and a reshaped kernel, and their gradients. */
async function storedNumbers(runtime: g.Runtime): Promise<Numbers> {
  const folder = mkdtempSync(path.join(tmpdir(), "rls3-parity-"));
  const graph = new g.Graph();
  const x = graph.input("x", [6, WIDTH]);
  const ids = graph.input("ids", [6], "int32");
  // Read as any type, the bits are numbers from 0.5 to 2, or their negatives.
  const bits = Uint16Array.from(
    { length: 2 * WIDTH ** 2 },
    (_, i) => 0x3f00 + ((i * 37) % 128) + (i % 3 === 0 ? 0x8000 : 0),
  );
  writeFileSync(path.join(folder, "weights"), new Uint8Array(bits.buffer));
  for (const type of ["float32", "float16", "bfloat16"] as const) {
    const place = { file: "weights", offset: 0, length: WIDTH ** 2 * (type === "float32" ? 4 : 2) };
    const w = g.stored(graph, [WIDTH, WIDTH], type, place);
    const kernel = g.reshape(w, [2 * WIDTH, WIDTH / 2]);
    const rows = g.add(g.linear(x, w, undefined, { transB: true }), g.gather(w, ids));
    const y = g.matMul(g.reshape(rows, [12, WIDTH / 2]), kernel, { transB: true });
    graph.output(`stored ${type}`, y);
    graph.output(`gradient through stored ${type}`, g.gradients(g.mean(g.square(y)), [x])[0] as g.Value);
  }
  const program = await runtime.load({ bytes: graph.serialize(), weights: { folder, inPlace: true } });
  const outputs = await program.run({
    x: tensor({ shape: [6, WIDTH], data: normals(6 * WIDTH, seeded("parity stored")) }),
    ids: tensor({ shape: [6], type: "int32", data: [7, 0, 3, 3, 1, 2] }),
  });
  await program.release();
  rmSync(folder, { recursive: true });
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data, Number)]));
}

/** Embeddings, a block of causal attention and an MLP, tied head; Adam on one flat vector, gradients clipped. */
async function trainingNumbers(runtime: g.Runtime): Promise<Numbers> {
  const random = seeded("parity training");
  const layout: g.Layout = [
    { name: "embedding", shape: [11, WIDTH] },
    { name: "scale", shape: [WIDTH] },
    { name: "bias", shape: [WIDTH] },
    { name: "qkv", shape: [WIDTH, 3 * WIDTH] },
    { name: "out", shape: [WIDTH, WIDTH] },
    { name: "up", shape: [4 * WIDTH, WIDTH] },
    { name: "upBias", shape: [4 * WIDTH] },
    { name: "down", shape: [4 * WIDTH, WIDTH] },
  ];
  const size = g.layoutSize(layout);
  const graph = new g.Graph();
  const state = g.adamVariables(graph, "p", size);
  const ids = graph.input("ids", [3, LENGTH], "int32");
  const labels = graph.input("labels", [3, LENGTH], "int32");
  const parts = g.views(state.parameters, layout);
  const part = (name: string): g.Value => parts.get(name) as g.Value;
  const norm = (value: g.Value): g.Value => g.layerNormalization(value, part("scale"), part("bias"));
  const heads = (value: g.Value): g.Value => g.transpose(g.reshape(value, [3, LENGTH, 2, WIDTH / 2]), [0, 2, 1, 3]);
  let x = g.gather(part("embedding"), ids);
  const [q, k, v] = g.split(g.matMul(norm(x), part("qkv")), -1, [WIDTH, WIDTH, WIDTH]).map(heads);
  const mask = Float32Array.from({ length: LENGTH ** 2 }, (_, i) => (i % LENGTH > Math.floor(i / LENGTH) ? -1e9 : 0));
  const scores = g.multiply(g.matMul(q as g.Value, k as g.Value, { transB: true }), (WIDTH / 2) ** -0.5);
  const mixed = g.matMul(g.softmax(g.add(scores, graph.constant(mask, [LENGTH, LENGTH]))), v as g.Value);
  x = g.add(x, g.matMul(g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [3, LENGTH, WIDTH]), part("out")));
  const hidden = g.quickGelu(g.linear(norm(x), part("up"), part("upBias"), { transB: true }));
  x = g.add(x, g.matMul(hidden, part("down")));
  const loss = g.mean(g.crossEntropy(g.matMul(x, part("embedding"), { transB: true }), labels));
  const [gradient] = g.gradients(loss, [state.parameters]);
  const clipped = g.clipByGlobalNorm(gradient as g.Value, 1);
  g.assignAdam(graph, "p", g.adam(state, clipped.gradient, { learningRate: 0.01, weightDecay: 0.1 }));
  graph.output("loss", loss);
  graph.output("norm", clipped.norm);
  const program = await runtime.load({ bytes: graph.serialize() }, graph.binding);
  const zeros = tensor({ shape: [size], data: new Float32Array(size) });
  await runtime.set({
    p: tensor({ shape: [size], data: normals(size, random).map((value) => value * 0.4) }),
    "p.first": zeros,
    "p.second": zeros,
    "p.step": tensor({ shape: [], data: [0] }),
  });
  const numbers: Numbers = {};
  for (let step = 1; step <= 3; step++) {
    const tokens = Array.from({ length: 3 * LENGTH }, () => random.below(11));
    const { loss: stepLoss, norm: length } = await program.run({
      ids: tensor({ shape: [3, LENGTH], type: "int32", data: tokens }),
      labels: tensor({ shape: [3, LENGTH], type: "int32", data: tokens.map((id) => (id * 3 + 1) % 11) }),
    });
    numbers[`loss of step ${step}`] = [Number(stepLoss?.data[0])];
    numbers[`gradient norm of step ${step}`] = [Number(length?.data[0])];
  }
  const { p } = await runtime.get(["p"]);
  numbers["parameters after 3 steps"] = Array.from(p?.data ?? [], Number);
  return numbers;
}

const runtime = await g.startRuntime({ device: process.argv[2] ?? "cpu", threads: 1 });
const numbers = {
  ...(await operatorNumbers(runtime)),
  ...(await storedNumbers(runtime)),
  ...(await trainingNumbers(runtime)),
};
await runtime.close();
process.stdout.write(JSON.stringify({ device: runtime.device, numbers }));
