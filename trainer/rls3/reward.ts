/** @file The reward, whole: a feasibility part of ±1 for each step and an extrinsic part where the model did badly. */
import { at } from "../at.js";
import { mean } from "../mean.js";

/** S of a sample or an episode from a rubric or a probability of right answers: 1 (all wrong) to 5 (all right). */
export const scoreOf = (right: number): number => 1 + 4 * right;

/** h: the paper's (6 − S)², from 1 (S = 5) to 25 (S = 1), scaled to 0 … 1. */
export const hardnessOf = (score: number): number => ((6 - score) ** 2 - 1) / 24;

/** r: +1 for a valid placement, −1 for an invalid one. */
export const feasibilityOf = (valid: boolean): number => (valid ? 1 : -1);

/** What the reward reads of a step. */
export interface RewardedStep {
  /** Which of the iteration's samples the step made; null where the placement was invalid. */
  readonly sample: number | null;
}

/** What the reward reads of a sample. */
export interface ScoredSample {
  /** Probability of the right caption among all asked (softmax), mean over the moved object's pairs; null where none is asked about. */
  readonly probability: number | null;
  /**
   * How right the model was of all its pairs that are asked about, 0 to 1; null where none is. Of a model that answers, the mean F1 of the terms
   * it says; of one that ranks, the share of pairs whose right caption beats the full flip.
   */
  readonly rubric: number | null;
}

export interface RewardOptions {
  /** β */
  readonly extrinsicWeight: number;
  /** "sample": β·h at each valid sample. "episode": β·J₂ on the last transition, J₂ = (6 − S)² (arXiv 2501.18880). */
  readonly reward: "sample" | "episode";
  readonly hardnessMean: number;
  readonly hardnessCap: number;
}

export interface StepReward {
  /** r, ±1. */
  readonly feasibility: number;
  /** The β part. */
  readonly extrinsic: number;
  /** The extrinsic part of a valid step without β, what a hardness head learns; null for an invalid step. */
  readonly hardness: number | null;
}

/** Rewards of an iteration's episodes, step by step. */
export function rewards(
  episodes: readonly (readonly RewardedStep[])[],
  samples: readonly ScoredSample[],
  options: RewardOptions,
): StepReward[][] {
  const scaled = scaleHardness(samples, options);
  return episodes.map((steps) =>
    steps.map(({ sample }, index) => {
      const last = index === steps.length - 1;
      const ofSample = sample === null ? 0 : at(scaled, sample);
      const difficulty = options.reward === "sample" ? ofSample : last ? episodeDifficulty(steps, samples) : 0;
      return {
        feasibility: feasibilityOf(sample !== null),
        extrinsic: options.extrinsicWeight * difficulty,
        hardness: sample === null ? null : difficulty,
      };
    }),
  );
}

/**
 * Each iteration's hardness at the same mean, so that β keeps its meaning while the model improves. A sample about which nothing was
 * asked has 0, and no part in the mean.
 */
function scaleHardness(samples: readonly ScoredSample[], { hardnessMean, hardnessCap }: RewardOptions): number[] {
  const hardness = samples.map(({ probability }) => (probability === null ? null : hardnessOf(scoreOf(probability))));
  const scored = hardness.filter((h) => h !== null);
  const usual = Math.max(mean(scored), 1e-3);
  return hardness.map((h) => (h === null ? 0 : Math.min(hardnessCap, (h / usual) * hardnessMean)));
}

/** J₂ = (6 − S)², S averaged over the episode's samples that were asked about; nothing to be rewarded for where there is none. */
function episodeDifficulty(steps: readonly RewardedStep[], samples: readonly ScoredSample[]): number {
  const rubrics = steps.flatMap(({ sample }) => (sample === null ? [] : (at(samples, sample).rubric ?? [])));
  if (rubrics.length === 0) return 0;
  return (6 - scoreOf(mean(rubrics))) ** 2;
}
