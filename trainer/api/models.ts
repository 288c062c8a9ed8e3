/** @file `rls3/models`: opens, scores and fine-tunes vision-language models; test sets and accuracies. */

// Test sets, and the accuracies measured on them.
export { type Accuracy, evaluate, type TestSet, type TestSets } from "../evaluation/evaluation.js";
export { ask, askAloud, captionSet, type Question, sampleQuestions, stack } from "../evaluation/questions.js";
export { balancedSet, naturalSet } from "../evaluation/test-sets.js";
export { modelDirectory } from "../runs/parts.js";
export { fineTuningOf, phrasingOf } from "../vlm/fine-tuning.js";
export {
  type CaptionSet,
  type FineTuneResult,
  type FineTuning,
  type ImageBatch,
  type OpenOptions,
  openModel,
  type Reply,
  type VisionLanguageModel,
} from "../vlm/index.js";
