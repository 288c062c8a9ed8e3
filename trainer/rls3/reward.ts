/** @file The whole reward: a feasibility part of ±1 for each step, and an extrinsic part where the model did badly. */
import { at } from "../at.js";
import { mean } from "../mean.js";
import type { SignalName } from "../settings/signal-names.js";
import { scoreOf } from "./score.js";
import { SIGNALS } from "./signals.js";

/** r: +1 for a valid placement, −1 for an invalid one. */
export const feasibilityOf = (valid: boolean): number => (valid ? 1 : -1);

/** The part of a step that the reward depends on. */
export interface RewardedStep {
  /** The step's sample, as an index in the iteration; null where the placement was invalid. */
  readonly sample: number | null;
}

/** The part of a sample that the reward depends on. */
export interface ScoredSample {
  /**
   * Probability of the right caption among all candidates (softmax), mean over the moved object's pairs; null where
   * none is askable.
   */
  readonly probability: number | null;
  /** The same after the iteration's fine-tuning; absent where the signal does not need it. */
  readonly probabilityAfter?: number | null;
  /**
   * Degrees to the nearest boundary at which a relation of the moved object would change; Infinity where no pair is
   * askable.
   */
  readonly margin: number;
  /**
   * How right the model was about all askable pairs, 0 to 1; null where there are none. For a model that answers: the
   * mean F1 of the terms it says. For a model that ranks: the share of pairs where the right caption beats the full
   * flip.
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
  /** Which quantity of a sample is paid. */
  readonly signal: SignalName;
  /** Samples within this many degrees of a boundary pay nothing: the picture itself is ambiguous there. */
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
  /** The extrinsic part of a valid step without β: the target of the hardness head. Null for an invalid step. */
  readonly hardness: number | null;
}

/** The rewards of an iteration's episodes, step by step. */
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
 * Rewards from a given, unscaled amount per sample instead of a signal's h: ±1, plus β times the amount at each valid
 * step.
 */
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

/** h of a sample by the signal; null where nothing was asked or the picture is ambiguous. */
function signalOf(
  { probability, probabilityAfter, margin }: ScoredSample,
  { signal, paidMargin }: RewardOptions,
): number | null {
  if (probability === null || margin < paidMargin) return null;
  return SIGNALS[signal](probability, probabilityAfter ?? probability);
}

/**
 * Factors on each sample's signal: the mean over its terms of (mean count of all terms / the term's count)^exponent,
 * counted over the paid samples. With exponent 1 every term earns the same total, however rarely it is placed; with 0
 * every weight is 1.
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
 * Scales each iteration's signal to the same mean, so that β keeps its meaning while the model improves. Samples that
 * are not paid get 0 and are left out of the mean.
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

/** J₂ = (6 − S)², with S averaged over the episode's samples that were asked about; 0 where there are none. */
function episodeDifficulty(steps: readonly RewardedStep[], samples: readonly ScoredSample[]): number {
  const rubrics = steps.flatMap(({ sample }) => (sample === null ? [] : (at(samples, sample).rubric ?? [])));
  if (rubrics.length === 0) return 0;
  return (6 - scoreOf(mean(rubrics))) ** 2;
}
