/** @file The architectures that there are: the one list that opening, inspecting, merging and verifying go by. */
import { at } from "../at.js";
import type { Architecture } from "./architecture.js";
import { CLIP } from "./clip/architecture.js";
import { modelType } from "./files/directory.js";
import { SIGLIP } from "./siglip/architecture.js";

export const ARCHITECTURES: readonly Architecture[] = [CLIP, SIGLIP];

/**
 * The architecture of a Hugging Face model directory, by config.json's model_type.
 * @throws InputError for a directory that is missing, or of an architecture that is not in the list
 */
export function architectureIn(directory: string): Architecture {
  const names = ARCHITECTURES.map(({ name }) => name);
  return at(ARCHITECTURES, names.indexOf(modelType(directory, names)));
}
