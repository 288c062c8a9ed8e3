/** @file summary.json of a comparison: its types (trainer/report/summary.ts is how it follows from the curves). */

export type Interval = readonly [low: number, high: number];

/** What a paired difference over seeds says of how many seeds it takes to be seen. */
export interface Power {
  /** Mean difference in standard deviations of the seeds' differences (Cohen's d_z). */
  readonly effect: number;
  /** The share of comparisons with as many seeds as this one that would find a difference of this size at p < .05. */
  readonly power: number;
  /** The fewest seeds at which that share is 80 %; null where there is no difference to find. */
  readonly seedsNeeded: number | null;
}

/** Accuracies from 0 to 1; .5 is chance. */
export interface Accuracy {
  /** Right caption against its full flip, two-way, mean over the 26 relation codes. */
  readonly full: number;
  /** Right caption against the flip of one of its terms, two-way, mean over the six terms. */
  readonly oneTerm: number;
}

/** One evaluation: before the first iteration, and after each. */
export interface CurvePoint {
  /** Environment steps so far, invalid ones included; the feasibility phase's steps are not in it. */
  readonly generated: number;
  readonly valid: number;
  /** On the test set balanced over relations. */
  readonly accuracy: Accuracy;
  /** On the natural mix of relations that random sampling draws; absent where it was not evaluated. */
  readonly natural?: Accuracy;
}

/** One run of a comparison: its accuracies over samples. */
export interface SeedRun {
  readonly seed: number;
  readonly curve: readonly CurvePoint[];
  /** Valid share of all generated samples. */
  readonly validRate: number;
  /** Steps before the loop, without images and VLM, that the agent learned validity from. */
  readonly feasibilitySteps: number;
}

export type Axis = "generated" | "valid";
export const AXES: readonly Axis[] = ["generated", "valid"];

export interface Estimate {
  readonly mean: number;
  /** 95 %, bootstrap over seeds. */
  readonly interval: Interval;
}

/** Of values over seeds: the mean of their middle half. */
export interface Interquartile {
  readonly value: number;
  /** 95 %, bootstrap over seeds. */
  readonly interval: Interval;
}

/** What was added after the first release may be missing in an older summary.json. */
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
  /** `p` after Holm's correction for all pairs of arms on this axis; only where there are several. */
  readonly pHolm?: number | null;
  /** Seeds where a is above b. */
  readonly wins: number;
  readonly seeds: number;
  /** Interquartile means over seeds, of the difference too. */
  readonly iqm?: Readonly<Record<"a" | "b" | "difference", Interquartile>>;
  /** Null with one seed, and where the differences have no spread. */
  readonly power?: Power | null;
}

/** How many samples arm a needs for the final accuracy of arm b. Below 1: fewer than b. */
export interface SamplesToReach {
  /** Mean over seeds of what a took to reach b's final accuracy, as a share of what b took; null where a seed never does. */
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

/** Whatever JSON the caller has to say; the report prints it. */
export type Description = string | Readonly<Record<string, unknown>>;

/** summary.json of a comparison: every arm's curves and the statistics of every pair. */
export interface Summary {
  readonly schema: 1;
  readonly commit: string;
  /** What was asked of pictures; absent: 1. */
  readonly languageVersion?: number;
  readonly machine: Description;
  readonly config: Readonly<Record<string, unknown>>;
  readonly seeds: readonly number[];
  readonly arms: Readonly<Record<string, readonly SeedRun[]>>;
  readonly metric: "oneTerm";
  readonly test: "paired t, two-sided, over seeds";
  /** Keyed "a-b", in the order of the arms. */
  readonly pairs: Readonly<Record<string, Pair>>;
}
