/** @file Writes a model as a Hugging Face directory of its own: new weights, the other files as they were. */
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { writeSafetensors } from "../../files/safetensors.js";
import { unpack } from "../../graph/index.js";
import type { ModelParameters, Trainable } from "./parameters.js";

const COPIED = [
  "config.json",
  "preprocessor_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.json",
  "merges.txt",
  "special_tokens_map.json",
];

/** The directory `source` with the weights of `parameters`, those of `trained` in their place. */
export function writeModelDirectory(
  target: string,
  source: string,
  parameters: ModelParameters,
  trainable?: Trainable,
  flat?: Float32Array,
): void {
  const made = mkdirSync(target, { recursive: true });
  try {
    copyFiles(source, target);
    const trained = trainable === undefined || flat === undefined ? null : unpack(trainable.layout, flat);
    const tensors = parameters.shapes.map(({ name, shape }) => {
      const data = trained?.get(name) ?? parameters.values.get(name) ?? new Float32Array();
      return [name, { shape, data }] as const;
    });
    writeSafetensors(path.join(target, "model.safetensors"), Object.fromEntries(tensors));
  } catch (error) {
    // A full disk, say: nothing half-written stays behind.
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    throw error;
  }
}

function copyFiles(source: string, target: string): void {
  for (const file of COPIED) {
    const from = path.join(source, file);
    if (existsSync(from)) copyFileSync(from, path.join(target, file));
  }
}
