/** @file What of a sample may be paid (trainer/rls3/signals.ts says how), and what its p may be taken from. */

export const SIGNAL_NAMES = [
  "difficulty",
  "learnability",
  "root-learnability",
  "hard-learnability",
  "progress",
] as const;
export type SignalName = (typeof SIGNAL_NAMES)[number];

/** The right answer among its flips; the likelihood of just the right answer; the rubric of what is said. */
export const SCORES_FROM = ["flips", "likelihood", "spoken"] as const;
export type ScoreFrom = (typeof SCORES_FROM)[number];
