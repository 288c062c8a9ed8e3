/** @file The architectures that there are: the one list that opening, inspecting, merging and verifying go by. */
import type { Architecture } from "./architecture.js";
import { CLIP } from "./clip/architecture.js";
import { modelType } from "./files/directory.js";

export const ARCHITECTURES: readonly Architecture[] = [CLIP];

/**
 * The architecture of a Hugging Face model directory, by config.json's model_type.
 * @throws InputError for a directory that is missing, or of an architecture that is not in the list
 */
export function architectureIn(directory: string): Architecture {
  const names = ARCHITECTURES.map(({ name }) => name);
  return ARCHITECTURES[names.indexOf(modelType(directory, names))] as Architecture;
}
