/** @file How a model is opened, whatever its architecture. */
import type { RuntimeOptions } from "../graph/runtime.js";
import type { FineTuning } from "./model.js";
import type { TargetModules } from "./weights/lora.js";

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
