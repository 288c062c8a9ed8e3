/** @file How a model is fine-tuned, out of a run's settings. */
import type { Configuration } from "../settings/configuration.js";
import type { FineTuning } from "./model.js";

type Settings = Pick<
  Configuration,
  "fineTuning" | "loraRank" | "loraAlpha" | "learningRate" | "weightDecay" | "gradientClip" | "warmupSteps" | "seed"
>;

export const fineTuningOf = (settings: Settings): FineTuning => ({
  method: settings.fineTuning,
  rank: settings.loraRank,
  alpha: settings.loraAlpha,
  targets: null,
  rankStabilized: false,
  dropout: 0,
  rankPattern: {},
  alphaPattern: {},
  learningRate: settings.learningRate,
  weightDecay: settings.weightDecay,
  gradientClip: settings.gradientClip,
  warmupSteps: settings.warmupSteps,
  accumulation: 1,
  seed: settings.seed,
});
