/** @file Opens a model directory: the one way in. The architecture follows from config.json's model_type. */
import path from "node:path";
import { z } from "zod";
import { InputError } from "../errors.js";
import type { RuntimeOptions } from "../graph/runtime.js";
import { openClip } from "./clip/model.js";
import { checkDirectory, readJson } from "./directory.js";
import type { TargetModules } from "./lora.js";
import type { FineTuning, VisionLanguageModel } from "./model.js";

export interface OpenOptions {
  readonly runtime: RuntimeOptions;
  /** Left out: the model scores, and cannot be fine-tuned. */
  readonly fineTuning?: FineTuning;
  /** An adapter in PEFT's format to start from: added to the weights, or, where LoRA is trained, trained further. */
  readonly adapter?: string;
  /** What LoRA changes; the architecture's own choice where left out. */
  readonly targets?: TargetModules;
  /** Images that go through the tower at once when scoring. */
  readonly scoringBatch?: number;
}

type Opener = (directory: string, options: OpenOptions) => Promise<VisionLanguageModel>;

const ARCHITECTURES: Readonly<Record<string, Opener>> = { clip: openClip };

const schema = z.looseObject({ model_type: z.string() });

/** The opener for a directory's architecture, or an InputError that names those that are known. */
function openerOf(directory: string): Opener {
  checkDirectory(directory);
  const file = path.join(directory, "config.json");
  const { model_type } = readJson(file, schema);
  const opener = ARCHITECTURES[model_type];
  if (opener === undefined) {
    throw new InputError(
      `${file}: model_type "${model_type}" is not supported; supported are ${Object.keys(ARCHITECTURES).join(", ")}`,
    );
  }
  return opener;
}

/**
 * Opens a Hugging Face model directory.
 * @throws InputError for a directory that is missing, incomplete, truncated or of another architecture.
 */
export async function openModel(directory: string, options: OpenOptions): Promise<VisionLanguageModel> {
  return openerOf(directory)(directory, options);
}
