/** @file Writes a pre-trained model's directory in Hugging Face's format. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { writeDurably } from "../../files/durable-file.js";
import { toHalf, writeSafetensors } from "../../files/safetensors.js";
import type { ParameterShape } from "../weights/recording.js";

export function writeJsonFiles(directory: string, files: Readonly<Record<string, object>>): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, json] of Object.entries(files)) {
    writeDurably(path.join(directory, name), `${JSON.stringify(json, null, 1)}\n`);
  }
}

/** Writes model.safetensors in float16; `keyOf` gives a parameter's name in the file. */
export function writeWeights(
  directory: string,
  shapes: readonly ParameterShape[],
  valuesOf: (name: string) => Float32Array,
  keyOf = (name: string): string => name,
): void {
  const tensors = shapes.map(({ name, shape }) => [keyOf(name), { shape, data: toHalf(valuesOf(name)) }] as const);
  writeSafetensors(path.join(directory, "model.safetensors"), Object.fromEntries(tensors));
}
