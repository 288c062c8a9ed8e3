/** @file The types of a comparison's summary.json; trainer/report/summary.ts computes it from the curves. */

export type Interval = readonly [low: number, high: number];

/** The statistical power of a paired difference over seeds. */
export interface Power {
  /** Cohen's d_z: mean difference divided by the standard deviation of the seeds' differences. */
  readonly effect: number;
  /** The share of comparisons with this many seeds that would find a difference of this size at p < .05. */
  readonly power: number;
  /** The fewest seeds for a power of 80 %; null where there is no difference. */
  readonly seedsNeeded: number | null;
}

/** Accuracies from 0 to 1; .5 is chance. */
export interface Accuracy {
  /** Right caption against its full flip, two-way; mean over the 26 relation codes. */
  readonly full: number;
  /** Right caption against itself with one term flipped, two-way; mean over the six terms. */
  readonly oneTerm: number;
}

/** One evaluation: before the first iteration, and after each. */
export interface CurvePoint {
  /** Environment steps so far, including invalid ones but not those of feasibility pre-training. */
  readonly generated: number;
  readonly valid: number;
  /** On the test set balanced over relations. */
  readonly accuracy: Accuracy;
  /** On the natural mix of relations in random placements; absent where it was not evaluated. */
  readonly natural?: Accuracy;
}

/** One run of a comparison: its accuracies over samples. */
export interface SeedRun {
  readonly seed: number;
  readonly curve: readonly CurvePoint[];
  /** Valid share of all generated samples. */
  readonly validRate: number;
  /** Steps of feasibility pre-training: before the loop, without images and model. */
  readonly feasibilitySteps: number;
}

export type Axis = "generated" | "valid";
export const AXES: readonly Axis[] = ["generated", "valid"];

export interface Estimate {
  readonly mean: number;
  /** 95 %, over seeds. */
  readonly interval: Interval;
}

/** Interquartile mean: the mean of the middle half of the seeds' values. */
export interface Interquartile {
  readonly value: number;
  /** 95 %, percentile bootstrap over seeds. */
  readonly interval: Interval;
}

/** Fields added after the first release may be missing in an older summary.json. */
export interface AccuracyAt {
  readonly axis: Axis;
  readonly samples: number;
  readonly a: Estimate;
  readonly b: Estimate;
  /** Mean of a − b over seeds. */
  readonly difference: number;
  readonly differenceInterval: Interval;
  /** Paired t-test, two-sided; null with one seed. */
  readonly p: number | null;
  /** Sign-flip permutation test, from 8 seeds on. */
  readonly pPermutation?: number;
  /** `p` with Holm's correction over all pairs of arms on this axis; absent where there is only one pair. */
  readonly pHolm?: number | null;
  /** Seeds where a is above b. */
  readonly wins: number;
  readonly seeds: number;
  /** Interquartile means over seeds, for both arms and for the difference. */
  readonly iqm?: Readonly<Record<"a" | "b" | "difference", Interquartile>>;
  /** Null with one seed, and where the differences have no variance. */
  readonly power?: Power | null;
}

/** How many samples arm a needs to reach the final accuracy of arm b; below 1 means fewer than b. */
export interface SamplesToReach {
  /**
   * Samples that a needed to reach b's final accuracy, as a share of b's samples; mean over seeds; null where a seed
   * never does.
   */
  readonly ratio: number | null;
  readonly interval: Interval | null;
  readonly perSeed: readonly (number | null)[];
  readonly verdict: "reached" | "not reached";
}

export type Verdict = "better" | "worse" | "no difference";

/** Arm a against arm b, on both axes: accuracy at equal numbers of samples, samples to equal accuracy, verdict. */
export interface Pair {
  readonly accuracyAt: readonly AccuracyAt[];
  readonly samplesToReach: Readonly<Record<Axis, SamplesToReach>>;
  readonly verdict: Readonly<Record<Axis, Verdict>>;
}

/** Any JSON from the caller, printed in the report. */
export type Description = string | Readonly<Record<string, unknown>>;

/** summary.json of a comparison: every arm's curves and the statistics of every pair. */
export interface Summary {
  readonly schema: 1;
  readonly commit: string;
  /** Version of the questions about pictures; absent means 1. */
  readonly languageVersion?: number;
  readonly machine: Description;
  readonly config: Readonly<Record<string, unknown>>;
  readonly seeds: readonly number[];
  /** The names of runs that had not finished, and are in none of the numbers; absent where all had. */
  readonly unfinished?: readonly string[];
  readonly arms: Readonly<Record<string, readonly SeedRun[]>>;
  readonly metric: "oneTerm";
  readonly test: "paired t, two-sided, over seeds";
  /** Of means and of their differences; absent in older files, where they are percentile bootstraps. */
  readonly intervals?: "Student t";
  /** By "a-b", in the order of the arms; arms without a common seed have none. */
  readonly pairs: Readonly<Record<string, Pair>>;
}
