/** @file Opens a model directory: the one way in. The architecture follows from config.json's model_type. */
import type { RuntimeOptions } from "../graph/runtime.js";
import { openClip } from "./clip/model.js";
import { architectureOf } from "./directory.js";
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

/**
 * Opens a Hugging Face model directory.
 * @throws InputError for a directory that is missing, incomplete, truncated or of another architecture.
 */
export async function openModel(directory: string, options: OpenOptions): Promise<VisionLanguageModel> {
  const opener = ARCHITECTURES[architectureOf(directory, Object.keys(ARCHITECTURES))];
  if (opener === undefined) throw new Error(`${directory} has no opener`);
  return opener(directory, options);
}
