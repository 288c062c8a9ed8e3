/** @file What lines are made of: the values of a run along an axis, and the mean over seeds with its interval. Pure. */
import { at } from "../../at.js";
import { mean, meanOrNull } from "../../mean.js";
import type { MetricColumn } from "../../run-format/columns.js";
import type { MetricsRow } from "../../run-format/readers.js";
import { meanInterval } from "../statistics.js";
import { interpolate, type Point } from "../summary.js";
import type { ChartPoint, Line } from "./lines.js";
import type { Chart } from "./list.js";
import type { Axis } from "./quantities.js";

export type Curve = readonly Point[];

/** A chart's values, row by row. */
const valuesOf = (rows: readonly MetricsRow[], { measured }: Chart): (number | null)[] =>
  rows.map((row, i) => measured(row, rows[i - 1]));

/** The same along an axis; rows in which it was not measured are left out. */
export const curveOf = (rows: readonly MetricsRow[], chart: Chart, axis: Axis): Point[] =>
  valuesOf(rows, chart).flatMap((y, i) => {
    const x = rows[i]?.[axis] ?? null;
    return x === null || y === null ? [] : [{ x, y }];
  });

const GRID = 48;

/** Iterations as they are; samples in equal steps, since each seed has its own. */
function gridOf(curves: readonly Curve[], axis: Axis): number[] {
  const start = Math.max(...curves.map((curve) => at(curve, 0).x));
  const end = Math.min(...curves.map((curve) => at(curve, curve.length - 1).x));
  if (axis !== "iteration") return Array.from({ length: GRID + 1 }, (_, i) => start + ((end - start) * i) / GRID);
  const all = new Set(curves.flat().map(({ x }) => x));
  return [...all].filter((x) => x >= start && x <= end).sort((a, b) => a - b);
}

export interface MeanCurve {
  readonly points: readonly ChartPoint[];
  /** How many seeds the mean is over. */
  readonly seeds: number;
}

/**
 * The mean over seeds, which ends where the first of them ends: a mean over the seeds that are left would jump.
 * A seed that has only begun counts from its second point on. `withBand`: with its 95 % interval.
 */
export function meanCurve(curves: readonly Curve[], axis: Axis, withBand = true): MeanCurve {
  const begun = curves.filter((curve) => curve.length > 1);
  const averaged = begun.length > 0 ? begun : curves.filter((curve) => curve.length > 0);
  const [first] = averaged;
  if (first === undefined) return { points: [], seeds: 0 };
  if (averaged.length === 1) return { points: first, seeds: 1 };
  const points = gridOf(averaged, axis).map((x): ChartPoint => {
    const values = averaged.map((curve) => interpolate(curve, x));
    if (!withBand) return { x, y: mean(values) };
    const [low, high] = meanInterval(values);
    return { x, y: mean(values), low, high };
  });
  return { points, seeds: averaged.length };
}

/** Whether a measure was taken in at least every other row: a straight line from the first to the last is no curve. */
export const isFollowed = (values: readonly (number | null | undefined)[]): boolean =>
  2 * values.filter((value) => value !== null && value !== undefined).length >= values.length;

/** An arm, or the cells of a level: runs that are drawn as one line. */
export interface Arm {
  readonly name: string;
  /** Place in the palette. */
  readonly colour: number;
  readonly runs: readonly { readonly rows: readonly MetricsRow[] }[];
}

type Runs = Pick<Arm, "runs">;

/** The last iteration of each seed, without those that have only begun. */
const endsOf = ({ runs }: Runs): number[] =>
  runs.map(({ rows }) => rows.at(-1)?.iteration ?? 0).filter((end) => end > 0);

/** Iterations that every seed has done; one that has only begun is not waited for. */
export function commonEnd(of: Runs): number {
  const ends = endsOf(of);
  return ends.length === 0 ? 0 : Math.min(...ends);
}

/** Whether some seeds go on beyond the common end. */
export const hasUnequalSeeds = (of: Runs): boolean => new Set(endsOf(of)).size > 1;

/** The values of a column after an iteration, as far as every seed has done it: a mean over the seeds that are left would jump. */
export const valuesAt = (of: Runs, column: MetricColumn, iteration: number): number[] =>
  iteration > commonEnd(of)
    ? []
    : of.runs.flatMap(({ rows }) => rows.find((row) => row.iteration === iteration)?.[column] ?? []);

/** Their mean; null where there are none. */
export const meanAt = (of: Runs, column: MetricColumn, iteration: number): number | null =>
  meanOrNull(valuesAt(of, column, iteration));

/** The last value of each run that has one, as their mean. */
export const lastMean = ({ runs }: Runs, chart: Chart): number | null =>
  meanOrNull(runs.flatMap(({ rows }) => valuesOf(rows, chart).findLast((value) => value !== null) ?? []));

/** The charts that were measured at all: those that have curves, and those that were measured only now and then. */
export function followedCharts(
  charts: readonly Chart[],
  arms: readonly Arm[],
): { readonly followed: readonly Chart[]; readonly seldom: readonly Chart[] } {
  const measured = charts.filter((chart) => arms.some((arm) => lastMean(arm, chart) !== null));
  // A run that never has a measure, such as a policy's of random sampling, is no reason not to draw the others'.
  const isDrawn = (chart: Chart): boolean =>
    arms.every(({ runs }) =>
      runs.every(({ rows }) => {
        const values = valuesOf(rows, chart);
        return values.every((value) => value === null) || isFollowed(values);
      }),
    );
  return { followed: measured.filter(isDrawn), seldom: measured.filter((chart) => !isDrawn(chart)) };
}

/** Beyond so many lines, single runs and bands behind them would hide them. */
const MOST_WITH_RUNS = 6;

/** A line for each arm that was measured. */
export function linesOf(arms: readonly Arm[], chart: Chart, axis: Axis): Line[] {
  const isPlain = arms.length > MOST_WITH_RUNS;
  return arms.flatMap(({ name, colour, runs }): Line[] => {
    const curves = runs.map(({ rows }) => curveOf(rows, chart, axis)).filter((curve) => curve.length > 0);
    if (curves.length === 0) return [];
    const { points, seeds } = meanCurve(curves, axis, !isPlain);
    const label = runs.length > 1 && seeds < runs.length ? `${name}, mean of ${seeds}` : name;
    return [{ name: label, colour, points, ...(!isPlain && curves.length > 1 && { runs: curves }) }];
  });
}
