/** @file What of a sample may be paid (trainer/rls3/signals.ts says how). */

export const SIGNAL_NAMES = [
  "difficulty",
  "learnability",
  "root-learnability",
  "hard-learnability",
  "progress",
] as const;
export type SignalName = (typeof SIGNAL_NAMES)[number];
