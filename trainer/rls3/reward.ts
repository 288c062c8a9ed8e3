/** @file The reward, whole: a feasibility part of ±1 for each step and an extrinsic part where the model did badly. */
import { at } from "../at.js";
import { mean } from "../mean.js";
import type { SignalName } from "../settings/signal-names.js";
import { scoreOf } from "./score.js";
import { SIGNALS } from "./signals.js";

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
  /** The same after the iteration's fine-tuning; left out where the signal does not ask for it. */
  readonly probabilityAfter?: number | null;
  /** Degrees to the nearest boundary at which what is right of a moved object's pair would change; Infinity where none is asked about. */
  readonly margin: number;
  /**
   * How right the model was of all its pairs that are asked about, 0 to 1; null where none is. Of a model that answers, the mean F1 of the terms
   * it says; of one that ranks, the share of pairs whose right caption beats the full flip.
   */
  readonly rubric: number | null;
  /** Terms that are true of the moved object's pairs. */
  readonly movedTerms: readonly string[];
}

export interface RewardOptions {
  /** β */
  readonly extrinsicWeight: number;
  /** "sample": β·h at each valid sample. "episode": β·J₂ on the last transition, J₂ = (6 − S)² (arXiv 2501.18880). */
  readonly reward: "sample" | "episode";
  /** What of a sample is paid, per sample. */
  readonly signal: SignalName;
  /** Samples nearer to a boundary than so many degrees pay nothing: there the picture itself is ambiguous. */
  readonly paidMargin: number;
  /** Exponent of the weight of rare terms, 0 to 1 (see `rarityWeights`). */
  readonly rareTerms: number;
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

/** Rewards with an amount for each sample instead of a signal's h, unscaled: ±1, plus β times the amount at each valid step. */
export function paidRewards(
  episodes: readonly (readonly RewardedStep[])[],
  amounts: readonly number[],
  extrinsicWeight: number,
): StepReward[][] {
  return episodes.map((steps) =>
    steps.map(({ sample }) => ({
      feasibility: feasibilityOf(sample !== null),
      extrinsic: sample === null ? 0 : extrinsicWeight * at(amounts, sample),
      hardness: sample === null ? null : at(amounts, sample),
    })),
  );
}

/** h of a sample by the signal; null where nothing was asked, or what was asked is ambiguous. */
function signalOf(
  { probability, probabilityAfter, margin }: ScoredSample,
  { signal, paidMargin }: RewardOptions,
): number | null {
  if (probability === null || margin < paidMargin) return null;
  return SIGNALS[signal](probability, probabilityAfter ?? probability);
}

/**
 * What each sample's signal is multiplied by: the mean over its terms of (the terms' mean count / the term's count)^exponent, counts over the
 * samples that are paid. With 1 each term is paid the same in sum, however seldom it is placed; with 0 every weight is 1.
 */
export function rarityWeights(samples: readonly (readonly string[])[], exponent: number): number[] {
  const counts = new Map<string, number>();
  for (const term of samples.flat()) counts.set(term, (counts.get(term) ?? 0) + 1);
  const usual = mean([...counts.values()]);
  return samples.map((terms) =>
    terms.length === 0 ? 1 : mean(terms.map((term) => (usual / (counts.get(term) ?? usual)) ** exponent)),
  );
}

/**
 * Each iteration's signal at the same mean, so that β keeps its meaning while the model improves. A sample that is not paid has 0, and no part
 * in the mean.
 */
function scaleHardness(samples: readonly ScoredSample[], options: RewardOptions): number[] {
  const { hardnessMean, hardnessCap } = options;
  const signals = samples.map((sample) => signalOf(sample, options));
  const weights = rarityWeights(
    samples.map(({ movedTerms }, i) => (at(signals, i) === null ? [] : movedTerms)),
    options.rareTerms,
  );
  const hardness = signals.map((h, i) => (h === null ? null : h * at(weights, i)));
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
