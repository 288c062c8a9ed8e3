/** @file Runs a graph over a model's parameters once, for a comparison. */
import { at } from "../../at.js";
import type { SafetensorsFile } from "../../files/safetensors.js";
import { Graph, type Runtime } from "../../graph/index.js";
import type { Tensors } from "../../tensor.js";
import { built } from "../training/program-cache.js";
import type { ModelParameters } from "../weights/parameters.js";

/** Where a comparison runs. */
export interface Bench {
  readonly runtime: Runtime;
  readonly parameters: ModelParameters;
}

/** Builds a graph over a model's parameters, runs it once, and drops it. */
export async function runOnce(
  { runtime, parameters }: Bench,
  build: (graph: Graph) => void,
  feeds: Tensors,
): Promise<Tensors> {
  const graph = new Graph();
  build(graph);
  const { model, binding } = built(graph, parameters.weights.placement(parameters.shapes));
  const program = await runtime.load(model, binding);
  try {
    return await program.run(feeds);
  } finally {
    await program.release();
  }
}

export const rowsOf = (file: SafetensorsFile, name: string): Int32Array[] => {
  const [rows, columns] = [at(file.shape(name), 0), at(file.shape(name), 1)];
  const ids = file.readIntegers(name);
  return Array.from({ length: rows }, (_, row) => ids.slice(row * columns, (row + 1) * columns));
};
