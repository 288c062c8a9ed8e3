/** @file Computes summary.json of a comparison from each arm's curves (design in trainer/report/README.md). */
import { at } from "../at.js";
import { InputError } from "../errors.js";
import { mean } from "../mean.js";
import { Random } from "../random/random.js";
import {
  type AccuracyAt,
  AXES,
  type Axis,
  type CurvePoint,
  type Description,
  type Estimate,
  type Interquartile,
  type Pair,
  type SamplesToReach,
  type SeedRun,
  type Summary,
  type Verdict,
} from "../run-format/summary.js";
import { powerOf } from "./power.js";
import {
  bootstrapInterval,
  holm,
  interquartileMean,
  meanInterval,
  middleHalf,
  pairedTests,
  SIGNIFICANCE,
} from "./statistics.js";

/** What a summary is computed from: the runs of each arm, and where they come from. */
export interface Comparison {
  /** Each arm is compared with every later one. */
  readonly arms: Readonly<Record<string, readonly SeedRun[]>>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly machine: Description;
  readonly commit: string;
  readonly languageVersion?: number | undefined;
  readonly seeds: readonly number[];
  /** The names of runs that are not in it. */
  readonly unfinished?: readonly string[];
}

/** Of a curve: a value after a number of samples or iterations. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Linear between points, constant beyond the ends. Points are in ascending order of x. */
export function interpolate(curve: readonly Point[], x: number): number {
  const after = curve.findIndex((point) => point.x >= x);
  const right = after === -1 ? curve.at(-1) : curve[after];
  const left = after > 0 ? curve[after - 1] : right;
  if (right === undefined || left === undefined) return Number.NaN;
  if (right.x === left.x) return right.y;
  return left.y + Math.min(1, (x - left.x) / (right.x - left.x)) * (right.y - left.y);
}

/** Picks one of a point's accuracies; undefined if it was not evaluated. */
export type Measure = (point: CurvePoint) => number | undefined;
const oneTerm: Measure = (point) => point.accuracy.oneTerm;

/** A run's curve of one measure over an axis. */
export const along = (run: SeedRun, axis: Axis, measure: Measure = oneTerm): Point[] =>
  run.curve.flatMap((point) => {
    const y = measure(point);
    return y === undefined ? [] : [{ x: point[axis], y }];
  });

/** Centred mean over three points; the last over two. The first, before any training, stays as it is. */
export const smooth = (curve: readonly Point[]): Point[] =>
  curve.map(({ x, y }, i) => ({ x, y: i === 0 ? y : mean(curve.slice(i - 1, i + 2).map((point) => point.y)) }));

/** Where a curve first reaches a value, linear between points; null if it never does. */
export function firstReaches(curve: readonly Point[], value: number): number | null {
  const i = curve.findIndex(({ y }) => y >= value);
  const [before, point] = [curve[i - 1], curve[i]];
  if (point === undefined) return null;
  return before === undefined ? point.x : before.x + ((value - before.y) / (point.y - before.y)) * (point.x - before.x);
}

/** Samples that a needs for b's final accuracy, as a share of the samples of b; null if a never reaches it. */
export function shareToReach(a: readonly Point[], b: readonly Point[]): number | null {
  const end = b.at(-1)?.x ?? 0;
  if (end === 0) return null;
  // Without the point before any training.
  const took = firstReaches(smooth(a), mean(b.slice(Math.max(1, b.length - 3)).map(({ y }) => y)));
  return took === null ? null : took / end;
}

const estimate = (values: readonly number[]): Estimate => ({ mean: mean(values), interval: meanInterval(values) });

export const interquartile = (values: readonly number[], random: Random): Interquartile => ({
  value: interquartileMean(values),
  interval: bootstrapInterval(values, random, undefined, middleHalf),
});

const ending = (runs: readonly SeedRun[], axis: Axis): number =>
  Math.min(...runs.map((run) => at(run.curve, run.curve.length - 1)[axis]));

/** The runs of two arms, paired by seed: a[i] and b[i] have the same one. */
export interface Matched {
  readonly name: string;
  readonly a: readonly SeedRun[];
  readonly b: readonly SeedRun[];
}

/** Compares two arms at the end of the shorter one; for a measure other than the default, at the last place where all curves have points. */
export function compareAt({ name, a, b }: Matched, axis: Axis, measure: Measure = oneTerm): AccuracyAt {
  // The shortest run of either arm: in budgets of equal valid samples that is, over generated ones, the faster arm's end.
  const samples = Math.min(ending(a, axis), ending(b, axis));
  const valuesOf = (runs: readonly SeedRun[]) => runs.map((run) => interpolate(along(run, axis, measure), samples));
  const [valuesA, valuesB] = [valuesOf(a), valuesOf(b)];
  const differences = valuesA.map((value, i) => value - at(valuesB, i));
  const stream = (what: string) => Random.stream(0, "summary", name, axis, what);
  return {
    axis,
    samples,
    a: estimate(valuesA),
    b: estimate(valuesB),
    difference: mean(differences),
    differenceInterval: meanInterval(differences),
    ...pairedTests(differences, stream("permutation")),
    wins: differences.filter((difference) => difference > 0).length,
    seeds: differences.length,
    iqm: {
      a: interquartile(valuesA, stream("a iqm")),
      b: interquartile(valuesB, stream("b iqm")),
      difference: interquartile(differences, stream("difference iqm")),
    },
    power: powerOf(differences),
  };
}

function reach({ a, b }: Matched, axis: Axis): SamplesToReach {
  const perSeed = a.map((run, i) => shareToReach(along(run, axis), along(at(b, i), axis)));
  const reached = perSeed.filter((share) => share !== null);
  if (reached.length < perSeed.length) return { ratio: null, interval: null, perSeed, verdict: "not reached" };
  return { ratio: mean(reached), interval: meanInterval(reached), perSeed, verdict: "reached" };
}

const verdictOf = ({ difference, p }: AccuracyAt): Verdict => {
  if (p === null || p >= SIGNIFICANCE) return "no difference";
  return difference > 0 ? "better" : "worse";
};

/** Pairs the runs of two arms by seed; null where they have none in common. */
export function match(
  nameA: string,
  runsA: readonly SeedRun[],
  nameB: string,
  runsB: readonly SeedRun[],
): Matched | null {
  const bySeed = new Map(runsB.map((run) => [run.seed, run]));
  const both = runsA.flatMap((run) => {
    const other = bySeed.get(run.seed);
    return other === undefined ? [] : [{ run, other }];
  });
  if (both.length === 0) return null;
  return { name: `${nameA}-${nameB}`, a: both.map(({ run }) => run), b: both.map(({ other }) => other) };
}

function comparePair(matched: Matched): Pair {
  const [generated, valid] = [compareAt(matched, "generated"), compareAt(matched, "valid")];
  return {
    accuracyAt: [generated, valid],
    samplesToReach: { generated: reach(matched, "generated"), valid: reach(matched, "valid") },
    verdict: { generated: verdictOf(generated), valid: verdictOf(valid) },
  };
}

/** Where several pairs are compared at once, each axis is a family of tests. The verdicts keep to the uncorrected p. */
function corrected(pairs: readonly Pair[]): Pair[] {
  if (pairs.length < 2) return [...pairs];
  const families = AXES.map((_, row) => holm(pairs.map(({ accuracyAt }) => at(accuracyAt, row).p)));
  return pairs.map((pair, i) => ({
    ...pair,
    accuracyAt: pair.accuracyAt.map((accuracy, row) => ({ ...accuracy, pHolm: at(at(families, row), i) })),
  }));
}

function checkCurves(arms: Comparison["arms"]): void {
  for (const [name, runs] of Object.entries(arms)) {
    for (const { seed, curve } of runs) {
      if (curve.length === 0) throw new InputError(`arm "${name}", seed ${seed}: its curve has no point`);
      for (const [i, point] of curve.entries()) {
        const before = curve[i - 1];
        if (before !== undefined && (point.generated < before.generated || point.valid < before.valid)) {
          throw new InputError(`arm "${name}", seed ${seed}: samples go down at point ${i} of its curve`);
        }
        if (!Number.isFinite(point.accuracy.oneTerm)) {
          throw new InputError(`arm "${name}", seed ${seed}: point ${i} of its curve has no one-term accuracy`);
        }
      }
    }
  }
}

/** The whole of summary.json, from the curves. Pure: equal input gives equal output, intervals included. */
export function summarize({
  arms,
  config,
  machine,
  commit,
  languageVersion,
  seeds,
  unfinished = [],
}: Comparison): Summary {
  checkCurves(arms);
  const entries = Object.entries(arms);
  const pairs = entries.flatMap(([nameA, runsA], i) =>
    entries.slice(i + 1).flatMap(([nameB, runsB]) => match(nameA, runsA, nameB, runsB) ?? []),
  );
  const compared = corrected(pairs.map(comparePair));
  return {
    schema: 1,
    commit,
    ...(languageVersion === undefined ? {} : { languageVersion }),
    machine,
    config,
    seeds,
    ...(unfinished.length === 0 ? {} : { unfinished }),
    arms,
    metric: "oneTerm",
    test: "paired t, two-sided, over seeds",
    intervals: "Student t",
    pairs: Object.fromEntries(compared.map((pair, i) => [at(pairs, i).name, pair])),
  };
}
