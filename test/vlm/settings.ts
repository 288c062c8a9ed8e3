/** @file Fine-tuning for tests: a small adapter that learns fast. */
import type { FineTuning } from "../../trainer/vlm/index.js";

export const fineTuning: FineTuning = {
  method: "lora",
  rank: 4,
  alpha: 8,
  targets: null,
  rankStabilized: false,
  dropout: 0,
  rankPattern: {},
  alphaPattern: {},
  learningRate: 1e-2,
  weightDecay: 0.01,
  gradientClip: 1,
  warmupSteps: 2,
  accumulation: 1,
  objective: "answer",
  seed: 3,
};
