/** @file Opens a model directory: the one way in. The architecture follows from config.json's model_type. */
import { openClip } from "./clip/model.js";
import { architectureOf } from "./directory.js";
import type { VisionLanguageModel } from "./model.js";
import type { OpenOptions } from "./open-options.js";

type Opener = (directory: string, options: OpenOptions) => Promise<VisionLanguageModel>;

const ARCHITECTURES: Readonly<Record<string, Opener>> = { clip: openClip };

/**
 * Opens a Hugging Face model directory.
 * @throws InputError for a directory that is missing, incomplete, truncated or of another architecture.
 */
export async function openModel(directory: string, options: OpenOptions): Promise<VisionLanguageModel> {
  const opener = ARCHITECTURES[architectureOf(directory, Object.keys(ARCHITECTURES))];
  if (opener === undefined) throw new Error(`${directory} has no opener`);
  return opener(directory, options);
}
