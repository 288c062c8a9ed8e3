/** @file Opens a model directory: the one way in. */
import { architectureIn } from "./architectures.js";
import type { OpenOptions, VisionLanguageModel } from "./model.js";

/**
 * Opens a Hugging Face model directory.
 * @throws InputError for a directory that is missing, incomplete, truncated or of another architecture.
 */
export const openModel = async (directory: string, options: OpenOptions): Promise<VisionLanguageModel> =>
  architectureIn(directory).open(directory, options);
