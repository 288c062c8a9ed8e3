/** @file Means over seeds along an axis, with their intervals: what the charts draw. */

import { at, only } from "../../at.js";
import { mean } from "../../mean.js";
import { Random } from "../../random/random.js";
import type { MetricColumn } from "../../run-format/columns.js";
import type { MetricsRow } from "../../run-format/readers.js";
import type { Axis, SeedRun } from "../../run-format/summary.js";
import { bootstrapInterval } from "../statistics.js";
import { along, interpolate, type Measure } from "../summary.js";
import type { ChartPoint } from "./chart.js";

const GRID = 48;
/** A band's edge is a pixel or two wide: fewer resamples than for a printed interval will do. */
const RESAMPLES = 2000;

export function withInterval(x: number, values: readonly number[], random: Random): ChartPoint {
  if (values.length < 2) return { x, y: mean(values) };
  const [low, high] = bootstrapInterval(values, random, RESAMPLES);
  return { x, y: mean(values), low, high };
}

/** The mean over seeds up to where the shortest one ends. Each seed has its own samples at its points, so all are interpolated. */
export function meanCurve(name: string, runs: readonly SeedRun[], axis: Axis, measure: Measure): ChartPoint[] {
  const curves = runs.map((run) => along(run, axis, measure)).filter((curve) => curve.length > 0);
  if (curves.length === 0) return [];
  const end = Math.min(...curves.map((curve) => at(curve, curve.length - 1).samples));
  const random = Random.stream(0, "report", name, axis);
  if (curves.length === 1) return only(curves).map(({ samples, value }) => ({ x: samples, y: value }));
  return Array.from({ length: GRID + 1 }, (_, i) => {
    const samples = (end * i) / GRID;
    const values = curves.map((curve) => interpolate(curve, samples));
    return withInterval(samples, values, random);
  });
}

/** The curves of the single seeds, to be drawn behind their mean. */
export const singleCurves = (runs: readonly SeedRun[], axis: Axis, measure: Measure): ChartPoint[][] =>
  runs.length < 2
    ? []
    : runs.map((run) => along(run, axis, measure).map(({ samples, value }) => ({ x: samples, y: value })));

/** Likewise where a seed has several runs: it counts with their mean, so that the interval is over seeds. */
export function meanCurveOfSeeds(name: string, runs: readonly SeedRun[], axis: Axis, measure: Measure): ChartPoint[] {
  const curves = runs
    .map((run) => ({ seed: run.seed, points: along(run, axis, measure) }))
    .filter(({ points }) => points.length > 0);
  if (curves.length === 0) return [];
  const end = Math.min(...curves.map(({ points }) => at(points, points.length - 1).samples));
  const seeds = [...new Set(curves.map(({ seed }) => seed))];
  const random = Random.stream(0, "report", name, axis);
  return Array.from({ length: GRID + 1 }, (_, i) => {
    const samples = (end * i) / GRID;
    const values = seeds.map((seed) =>
      mean(curves.filter((curve) => curve.seed === seed).map(({ points }) => interpolate(points, samples))),
    );
    return withInterval(samples, values, random);
  });
}

/** A column of metrics.csv over iterations: mean and interval over seeds; rows without a value are left out. */
export function meanByIteration(
  name: string,
  runs: readonly { readonly metrics: readonly MetricsRow[] }[],
  column: MetricColumn,
): ChartPoint[] {
  const random = Random.stream(0, "report", name, column);
  const iterations = Math.min(...runs.map(({ metrics }) => metrics.length));
  return Array.from({ length: Number.isFinite(iterations) ? iterations : 0 }, (_, i) => i).flatMap((i) => {
    const values = runs.flatMap(({ metrics }) => at(metrics, i)[column] ?? []);
    const iteration = at(at(runs, 0).metrics, i).iteration ?? i;
    return values.length === 0 ? [] : [withInterval(iteration, values, random)];
  });
}

/** Mean over runs of a column in one row (negative: from the end); null where no run has it. */
export function meanAt(
  runs: readonly { readonly metrics: readonly MetricsRow[] }[],
  column: MetricColumn,
  row: number,
): number | null {
  const values = runs.flatMap(({ metrics }) => metrics.at(row)?.[column] ?? []);
  return values.length === 0 ? null : mean(values);
}
