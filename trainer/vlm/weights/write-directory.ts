/** @file Writes a model as a new Hugging Face directory: new weights, in float32, and all else as it was. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { writeDeferred } from "../../files/safetensors.js";
import type { ModelParameters } from "./parameters.js";

const CONFIG = "config.json";
const COPIED = [
  "generation_config.json",
  "preprocessor_config.json",
  "processor_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.json",
  "merges.txt",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.json",
  "chat_template.jinja",
  "spiece.model",
  "tokenizer.model",
];

/**
 * Writes the directory that `parameters` come from, with the `changed` weights replaced; all weights are float32.
 * Names stay those of the source, since transformers before 4.52 does not load the module tree's.
 */
export function writeModelDirectory(
  target: string,
  { shapes, weights }: ModelParameters,
  changed: (name: string) => Float32Array | undefined,
): void {
  const made = mkdirSync(target, { recursive: true });
  const before = new Set(readdirSync(target));
  try {
    copyFiles(weights.directory, target);
    const tensors = shapes.map(({ name, shape }) => ({
      name: weights.keyOf(name),
      shape,
      read: () => changed(name) ?? weights.floats(name),
    }));
    writeDeferred(path.join(target, "model.safetensors"), tensors);
  } catch (error) {
    // After an error such as a full disk, nothing half-written stays behind.
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    else
      for (const file of readdirSync(target)) if (!before.has(file)) rmSync(path.join(target, file), { force: true });
    throw error;
  }
}

function copyFiles(source: string, target: string): void {
  for (const file of COPIED) {
    const from = path.join(source, file);
    if (existsSync(from)) copyFileSync(from, path.join(target, file));
  }
  const config: unknown = JSON.parse(readFileSync(path.join(source, CONFIG), "utf8"), asFloat32);
  writeFileSync(path.join(target, CONFIG), `${JSON.stringify(config, null, 2)}\n`);
}

/** transformers loads weights in the type that config.json names, and would round them again. */
const asFloat32 = (key: string, value: unknown): unknown =>
  (key === "dtype" || key === "torch_dtype") && typeof value === "string" ? "float32" : value;
