/** @file The names of the signals (defined in trainer/rls3/signals.ts), and of the ways to compute their p. */

export const SIGNAL_NAMES = [
  "difficulty",
  "learnability",
  "root-learnability",
  "hard-learnability",
  "progress",
  "constant",
] as const;
export type SignalName = (typeof SIGNAL_NAMES)[number];

/**
 * The right answer among its flips; the likelihood of the right answer alone; the rubric applied to what the model
 * says.
 */
export const SCORES_FROM = ["flips", "likelihood", "spoken"] as const;
export type ScoreFrom = (typeof SCORES_FROM)[number];
