/** @file The list of architectures; opening, inspecting, merging and verifying use it. */
import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { at } from "../at.js";
import type { Architecture } from "./architecture.js";
import { CLIP } from "./clip/architecture.js";
import { modelType, readJson } from "./files/directory.js";
import { LLAVA } from "./llava/architecture.js";
import { PALIGEMMA } from "./paligemma/architecture.js";
import { SIGLIP } from "./siglip/architecture.js";

export const ARCHITECTURES: readonly Architecture[] = [CLIP, SIGLIP, PALIGEMMA, LLAVA];

/** Whether a folder is a model directory of an architecture in the list. */
export function isModelDirectory(folder: string): boolean {
  const config = path.join(folder, "config.json");
  if (!existsSync(config)) return false;
  const { model_type } = readJson(config, z.looseObject({ model_type: z.string() }));
  return ARCHITECTURES.some(({ name }) => name === model_type);
}

/**
 * The architecture of a Hugging Face model directory, by config.json's model_type.
 * @throws InputError where the directory is missing, or its architecture is not in the list
 */
export function architectureIn(directory: string): Architecture {
  const names = ARCHITECTURES.map(({ name }) => name);
  return at(ARCHITECTURES, names.indexOf(modelType(directory, names)));
}
