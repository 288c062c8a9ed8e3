/** @file Merges an adapter into a model's weights, and writes the result as a new directory. */
import { InputError } from "../errors.js";
import { allFinite } from "../files/safetensors.js";
import { architectureIn } from "./architectures.js";
import { readAdapter } from "./weights/lora.js";
import { mergedWeightsOf } from "./weights/parameters.js";
import { writeModelDirectory } from "./weights/write-directory.js";

/**
 * Writes weights as float32; copies configuration, tokenizer and image processing. Returns the number of changed
 * layers.
 */
export function merge(directory: string, adapterDirectory: string, target: string): number {
  const architecture = architectureIn(directory);
  const parameters = architecture.read(directory);
  const adapter = readAdapter(adapterDirectory, parameters.modules);
  const merged = mergedWeightsOf(parameters, adapter);
  writeModelDirectory(target, parameters, (name) => {
    const weight = merged(name);
    if (weight === undefined || allFinite(weight)) return weight;
    throw new InputError(
      `${adapterDirectory}: added to ${directory}, it makes ${name} infinite: lora_alpha or its weights are damaged; train it again`,
    );
  });
  return adapter.pairs.size;
}
