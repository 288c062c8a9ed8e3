/** @file Writes a model with an adapter added into its weights, as a directory of its own. */
import { existsSync } from "node:fs";
import path from "node:path";
import { InputError } from "../errors.js";
import { mergeAdapter, readClipParameters } from "./clip/parameters.js";
import { writeClipDirectory } from "./clip/write.js";
import { architectureOf } from "./directory.js";
import { readAdapter } from "./lora.js";

/** Float32 weights; configuration, tokenizer and image processing are copied. Returns how many layers changed. */
export function merge(directory: string, adapterDirectory: string, target: string): number {
  architectureOf(directory, ["clip"]);
  if (existsSync(path.join(target, "model.safetensors"))) {
    throw new InputError(`${target} already holds a model: give another folder`);
  }
  const parameters = readClipParameters(directory);
  const adapter = readAdapter(adapterDirectory, parameters.modules);
  writeClipDirectory(target, directory, mergeAdapter(parameters, adapter));
  return adapter.pairs.size;
}
