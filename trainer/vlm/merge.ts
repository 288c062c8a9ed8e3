/** @file Writes a model with an adapter added into its weights, as a directory of its own. */
import { InputError } from "../errors.js";
import { allFinite } from "../files/safetensors.js";
import { architectureIn } from "./architectures.js";
import { readAdapter } from "./weights/lora.js";
import { mergedWeightsOf } from "./weights/parameters.js";
import { writeModelDirectory } from "./weights/write-directory.js";

/** Float32 weights; configuration, tokenizer and image processing are copied. Returns how many layers changed. */
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
