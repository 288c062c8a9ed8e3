/**
 * @file What of a sample is paid, from the probability p of what is right: one small function each, onto 0 … 1. The paper pays difficulty. Research
 * on curricula since then finds that what is solved sometimes teaches more than what is never solved.
 */
import type { SignalName } from "../settings/signal-names.js";
import { hardnessOf, scoreOf } from "./score.js";

/** p before the iteration's fine-tuning, and after it where the signal asks for that. */
export type Signal = (before: number, after: number) => number;

const CUBIC_PEAK = 4 / 27;
const ROOT_PEAK = 2 / (3 * Math.sqrt(3));

export const SIGNALS: Readonly<Record<SignalName, Signal>> = {
  /** The paper's (6 − S)², S = 1 + 4p: most where the model is wrong. */
  difficulty: (p) => hardnessOf(scoreOf(p)),
  /** 4·p·(1 − p): most where it is right half of the time (learnability; Rutherford et al., "No Regrets", 2024). */
  learnability: (p) => 4 * p * (1 - p),
  /** √p·(1 − p), most at p = 1/3: between the two. */
  "root-learnability": (p) => (Math.sqrt(p) * (1 - p)) / ROOT_PEAK,
  /** p·(1 − p)², most at p = 1/3, and little where the model is never right. */
  "hard-learnability": (p) => (p * (1 - p) ** 2) / CUBIC_PEAK,
  /** What fine-tuning brought: p after it less p before it (learning progress). Scores every sample twice. */
  progress: (before, after) => Math.max(0, after - before),
};

/** Whether the samples have to be scored again after fine-tuning before the agent can learn from them. */
export const looksBack = (name: SignalName): boolean => name === "progress";
