/**
 * @file A separate program for Linux: `node measure-memory.js NAME FOLDER` prints as JSON what `Graph.memory` predicts
 * for a training step, and how much the process's private memory grew at most during it. FOLDER has the frozen weights.
 */
import { readFileSync, writeFileSync } from "node:fs";
import * as g from "../../trainer/graph/index.js";

export const FROZEN = "frozen.bin";
/** Bytes of FROZEN, the file with the adapter's frozen weights. */
export const FROZEN_BYTES = 4 * 1024 * 512 * 2;

/** Adam on all parameters of a perceptron, as one vector: `rows` examples of `width` numbers. */
function perceptron(graph: g.Graph, rows: number, width: number): void {
  const layout = [0, 1, 2, 3].flatMap((i) => [
    { name: `w${i}`, shape: [width, width] },
    { name: `b${i}`, shape: [width] },
  ]);
  const state = g.adamVariables(graph, "p", g.layoutSize(layout));
  const at = g.views(state.parameters, layout);
  let x = graph.input("x", [rows, width]);
  for (let i = 0; i < 4; i++) x = g.relu(g.linear(x, at.get(`w${i}`) as g.Value, at.get(`b${i}`), { transB: true }));
  const [gradient] = g.gradients(g.mean(g.square(x)), [state.parameters]) as [g.Value];
  g.assignAdam(graph, "p", g.adam(state, gradient, { learningRate: 1e-3 }));
}

/** Attention and a gated layer with LoRA on stored weights. */
function adapter(graph: g.Graph): void {
  const [batch, tokens, width, heads] = [32, 128, 512, 8];
  const trained: g.Value[] = [];
  const layer = (x: g.Value, inputs: number, outputs: number): g.Value => {
    const i = trained.length / 2;
    const length = inputs * outputs * 2;
    const place = { file: FROZEN, offset: (i * 4096) % (FROZEN_BYTES - length), length };
    const [a, b] = [graph.input(`a${i}`, [4, inputs]), graph.input(`b${i}`, [outputs, 4])];
    trained.push(a, b);
    const base = g.stored(graph, [outputs, inputs], "bfloat16", place);
    return g.linear(x, g.lowRankSum(base, a, b, 2), undefined, { transB: true });
  };
  let x = graph.input("x", [batch, tokens, width]);
  for (let block = 0; block < 2; block++) {
    const split = (v: g.Value): g.Value =>
      g.transpose(g.reshape(v, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
    const [q, k, v] = [0, 1, 2].map(() => split(layer(x, width, width))) as [g.Value, g.Value, g.Value];
    const mixed = g.matMul(g.softmax(g.multiply(g.matMul(q, k, { transB: true }), 0.1)), v);
    x = g.add(x, layer(g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [batch, tokens, width]), width, width));
    x = g.add(x, layer(g.silu(layer(x, width, 2 * width)), 2 * width, width));
  }
  const loss = g.mean(g.select(g.greater(x, 0), g.square(x), 0));
  g.gradients(loss, trained).forEach((gradient, i) => {
    graph.output(`gradient ${i}`, gradient);
  });
}

const PROGRAMS: Readonly<Record<string, (graph: g.Graph) => void>> = {
  "many rows": (graph) => perceptron(graph, 32768, 256),
  "many parameters": (graph) => perceptron(graph, 64, 2048),
  adapter,
};

function bytesOf(name: string): number {
  const found = new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(found) * 1024;
}

if (process.argv[2] !== undefined && process.argv[3] !== undefined) {
  const graph = new g.Graph();
  PROGRAMS[process.argv[2]]?.(graph);
  const feeds: Record<string, g.Tensor> = {};
  for (const { name, shape } of graph.signature.inputs) {
    feeds[name] = { type: "float32", dims: shape, data: new Float32Array(g.sizeOf(shape)).fill(0.01) };
  }
  const memory = graph.memory();
  const runtime = await g.startRuntime({ device: "cpu", threads: 1 });
  const weights = { folder: process.argv[3], inPlace: true };
  const program = await runtime.load({ bytes: graph.serialize(), weights });
  const before = bytesOf("RssAnon");
  // Reset the memory peak here.
  writeFileSync("/proc/self/clear_refs", "5");
  await program.run(feeds);
  const measured = bytesOf("VmHWM") - bytesOf("RssFile") - before;
  process.stdout.write(JSON.stringify({ ...memory, measured }));
  await runtime.close();
}
