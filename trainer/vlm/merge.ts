/** @file Writes a model with an adapter added into its weights, as a directory of its own. */
import { existsSync } from "node:fs";
import path from "node:path";
import { InputError } from "../errors.js";
import { architectureIn } from "./architectures.js";
import { readAdapter } from "./weights/lora.js";
import { mergedWeights } from "./weights/parameters.js";
import { writeModelDirectory } from "./weights/write-directory.js";

/** Float32 weights; configuration, tokenizer and image processing are copied. Returns how many layers changed. */
export function merge(directory: string, adapterDirectory: string, target: string): number {
  const architecture = architectureIn(directory);
  if (existsSync(path.join(target, "model.safetensors"))) {
    throw new InputError(`${target} already holds a model: give another folder`);
  }
  const parameters = architecture.read(directory);
  const adapter = readAdapter(adapterDirectory, parameters.modules);
  writeModelDirectory(target, parameters, mergedWeights(parameters, adapter));
  return adapter.pairs.size;
}
