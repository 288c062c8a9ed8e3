/**
 * @file How much a sample pays, given the probability p of the right answer: one small function per signal, within 0
 * … 1. The paper pays difficulty. Later research on curricula finds that samples solved sometimes teach more than
 * samples never solved.
 */
import type { SignalName } from "../settings/signal-names.js";
import { hardnessOf, scoreOf } from "./score.js";

/** p before the iteration's fine-tuning, and p after it where the signal needs that. */
export type Signal = (before: number, after: number) => number;

const CUBIC_PEAK = 4 / 27;
const ROOT_PEAK = 2 / (3 * Math.sqrt(3));

export const SIGNALS: Readonly<Record<SignalName, Signal>> = {
  /** The paper's (6 − S)², S = 1 + 4p: highest where the model is wrong. */
  difficulty: (p) => hardnessOf(scoreOf(p)),
  /**
   * 4·p·(1 − p): highest where the model is right half of the time (learnability; Rutherford et al., "No Regrets",
   * 2024).
   */
  learnability: (p) => 4 * p * (1 - p),
  /** √p·(1 − p): highest at p = 1/3, between difficulty and learnability. */
  "root-learnability": (p) => (Math.sqrt(p) * (1 - p)) / ROOT_PEAK,
  /** p·(1 − p)²: highest at p = 1/3, and low where the model is never right. */
  "hard-learnability": (p) => (p * (1 - p) ** 2) / CUBIC_PEAK,
  /** Learning progress: p after fine-tuning minus p before. Scores every sample twice. */
  progress: (before, after) => Math.max(0, after - before),
  /**
   * Every sample that was asked about alike: the model's answers pay nothing. With `--rare-terms` it is the control that
   * balances relations without the model.
   */
  constant: () => 1,
};

/** Whether the samples must be scored again after fine-tuning, before the agent can learn from them. */
export const looksBack = (name: SignalName): boolean => name === "progress";
