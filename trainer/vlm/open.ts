/** @file Opens a model directory. */
import { architectureIn } from "./architectures.js";
import type { OpenOptions, VisionLanguageModel } from "./model.js";

/**
 * Opens a Hugging Face model directory.
 * @throws InputError where the directory is missing, incomplete, truncated or of an unknown architecture
 */
export const openModel = async (directory: string, options: OpenOptions): Promise<VisionLanguageModel> =>
  architectureIn(directory).open(directory, options);
