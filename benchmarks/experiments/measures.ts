/**
 * @file Measures of an experiment's runs: accuracies at equal budgets, valid rate, gain, and tests against a baseline.
 */

import { at } from "../../trainer/at.js";
import { mean } from "../../trainer/mean.js";
import { powerOf } from "../../trainer/report/power.js";
import { meanInterval, pairedTTest } from "../../trainer/report/statistics.js";
import { along, interpolate, type Measure } from "../../trainer/report/summary.js";
import { TERM_NAMES } from "../../trainer/run-format/columns.js";
import { type MetricsRow, seedRun } from "../../trainer/run-format/readers.js";
import type { Axis, SeedRun } from "../../trainer/run-format/summary.js";
import type { Cell } from "./cells.js";
import type { Estimate } from "./outcome.js";

/** The columns of metrics.csv that analyses read, and that cell files therefore have. */
export const CURVE_COLUMNS = [
  "iteration",
  "generated",
  "valid",
  "feasibilitySteps",
  "validRate",
  "accuracyOneTerm",
  "accuracyFull",
  "naturalOneTerm",
  "naturalFull",
  "score",
  "hardness",
  "testScore",
  ...TERM_NAMES.map((term) => `accuracy_${term}` as const),
  ...TERM_NAMES.map((term) => `samples_${term}` as const),
] as const;
/** Columns that older cells lack; they are empty there. */
export const LATER_COLUMNS: readonly string[] = ["testScore"];
type CurveColumn = (typeof CURVE_COLUMNS)[number];
export type CurveRow = Readonly<Pick<MetricsRow, CurveColumn>>;

/** A cell of an experiment, wherever its run was done. */
export type MeasuredCell = Pick<Cell, "levels" | "name" | "seed">;

/**
 * The level of a factor in a cell.
 * @throws RangeError where the cell belongs to an experiment without that factor
 */
export function levelOf({ name, levels }: Pick<MeasuredCell, "levels" | "name">, factor: string): string {
  const level = levels[factor];
  if (level === undefined) throw new RangeError(`the cell "${name}" has no level of the factor "${factor}"`);
  return level;
}

/** A run and its results. */
export interface Measured {
  readonly cell: MeasuredCell;
  readonly rows: readonly CurveRow[];
  readonly run: SeedRun;
  /** The analysis's measures from the run's folder; undefined for an analysis of the curve alone. */
  readonly measures: unknown;
}

export const measured = (cell: MeasuredCell, rows: readonly CurveRow[], measures: unknown): Measured => ({
  cell,
  rows,
  run: seedRun(cell.seed, rows),
  measures,
});

export const oneTerm: Measure = ({ accuracy }) => accuracy.oneTerm;
export const fullFlip: Measure = ({ accuracy }) => accuracy.full;
export const naturalOneTerm: Measure = ({ natural }) => natural?.oneTerm;
export const naturalFull: Measure = ({ natural }) => natural?.full;

/** The largest budget that every run has reached. */
export const commonBudget = (runs: readonly Measured[], axis: Axis): number =>
  Math.min(...runs.map(({ run }) => at(run.curve, run.curve.length - 1)[axis]));

export const valueAt = ({ run }: Measured, axis: Axis, samples: number, what: Measure = oneTerm): number =>
  interpolate(along(run, axis, what), samples);

/** A column of metrics at a number of samples, interpolated linearly between iterations. */
export function columnAt({ rows }: Measured, column: CurveColumn, axis: Axis, samples: number): number {
  const curve = rows.flatMap((row) => {
    const [reached, value] = [row[axis], row[column]];
    return reached === null || value === null ? [] : [{ x: reached, y: value }];
  });
  return interpolate(curve, samples);
}

/** Accuracy gained per iteration, over the whole run. */
export function gainPerIteration({ run }: Measured): number {
  if (run.curve.length < 2) return 0;
  const [first, last] = [at(run.curve, 0), at(run.curve, run.curve.length - 1)];
  return (last.accuracy.oneTerm - first.accuracy.oneTerm) / (run.curve.length - 1);
}

export const estimate = (values: readonly number[]): Estimate => ({
  mean: mean(values),
  interval: meanInterval(values),
});

/** Runs by the name of their combination, in order of first appearance. */
export function grouped<Run extends Measured>(
  runs: readonly Run[],
  key: (cell: MeasuredCell) => string,
): Map<string, Run[]> {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const name = key(run.cell);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [run]);
    else group.push(run);
  }
  return groups;
}

/** Pairs of runs from two groups with the same `pairing`. */
export function paired<Run extends Measured>(
  a: readonly Run[],
  b: readonly Run[],
  pairing: (cell: MeasuredCell) => string,
): (readonly [Run, Run])[] {
  const others = new Map(b.map((run) => [pairing(run.cell), run]));
  return a.flatMap((run) => {
    const other = others.get(pairing(run.cell));
    return other === undefined ? [] : [[run, other] as const];
  });
}

export interface Difference {
  readonly mean: number;
  /** Paired t-test, two-sided; null with fewer than two pairs. */
  readonly p: number | null;
  /** Pairs in which a is above b. */
  readonly wins: number;
  readonly pairs: number;
  /** Number of seeds for a power of 80 % at this effect size; null where there is no effect. */
  readonly seedsNeeded: number | null;
}

export function difference(values: readonly (readonly [number, number])[]): Difference {
  const differences = values.map(([a, b]) => a - b);
  return {
    mean: mean(differences),
    p: pairedTTest(differences),
    wins: differences.filter((value) => value > 0).length,
    pairs: differences.length,
    seedsNeeded: powerOf(differences)?.seedsNeeded ?? null,
  };
}
