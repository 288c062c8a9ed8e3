/**
 * @file A separate program: `node probe.js DEVICE` runs a product on the device, checks it, and prints its speed as one
 * line of JSON.
 */
import { writeSync } from "node:fs";
import { scalar } from "../tensor.js";
import { Graph } from "./graph.js";
import { add, multiply } from "./operators/arithmetic.js";
import { matMul } from "./operators/matrix.js";
import { mean } from "./operators/reductions.js";
import { startWorker } from "./worker-runtime.js";

export type ProbeResult =
  | { readonly speed: number; readonly error?: undefined }
  | { readonly error: string; readonly speed?: undefined };

const SIZE = 512;
const PRODUCTS = 2;

async function probe(device: string): Promise<ProbeResult> {
  const graph = new Graph();
  const x = graph.input("x", []);
  let y = multiply(graph.filled([SIZE, SIZE], 1), x);
  const weight = graph.filled([SIZE, SIZE], 1 / SIZE);
  for (let i = 0; i < PRODUCTS; i++) y = add(matMul(y, weight), 1);
  graph.output("y", mean(y));
  const runtime = await startWorker(device, 2);
  const program = await runtime.load({ bytes: graph.serialize() });
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    const { y: result } = await program.run({ x: scalar(i) });
    fastest = Math.min(fastest, performance.now() - start);
    const value = Number(result?.data[0]);
    if (Math.abs(value - i - PRODUCTS) > 1e-3) return { error: `wrong results: ${value} instead of ${i + PRODUCTS}` };
  }
  await runtime.close();
  return { speed: (2 * PRODUCTS * SIZE ** 3) / fastest / 1e6 };
}

const result = await probe(process.argv[2] ?? "cpu").catch(
  (error: unknown): ProbeResult => ({ error: error instanceof Error ? error.message : String(error) }),
);
writeSync(1, `${JSON.stringify(result)}\n`);
// Some drivers crash at exit; the answer is already printed.
process.exit(0);
