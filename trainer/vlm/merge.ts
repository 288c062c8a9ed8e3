/** @file Writes a model with an adapter added into its weights, as a directory of its own. */
import { architectureIn } from "./architectures.js";
import { readAdapter } from "./weights/lora.js";
import { mergedWeightsOf } from "./weights/parameters.js";
import { writeModelDirectory } from "./weights/write-directory.js";

/** Float32 weights; configuration, tokenizer and image processing are copied. Returns how many layers changed. */
export function merge(directory: string, adapterDirectory: string, target: string): number {
  const architecture = architectureIn(directory);
  const parameters = architecture.read(directory);
  const adapter = readAdapter(adapterDirectory, parameters.modules);
  writeModelDirectory(target, parameters, mergedWeightsOf(parameters, adapter));
  return adapter.pairs.size;
}
