/** @file What is drawn as one line: a run, or the seeds of an arm or cell together. Pure. */

import { at } from "../../../at.js";
import { mean } from "../../../mean.js";
import { Random } from "../../../random/random.js";
import type { MetricColumn } from "../../../run-format/columns.js";
import type { MetricsRow } from "../../../run-format/readers.js";
import { placeOfArm } from "../../../settings/arms.js";
import { armName } from "../../format.js";
import type { ChartPoint } from "../../html/chart.js";
import { bootstrapInterval } from "../../statistics.js";
import { interpolate, type Sample } from "../../summary.js";
import type { GroupEntry, RunEntry } from "../documents.js";

export interface RunRows {
  readonly run: RunEntry;
  readonly rows: readonly MetricsRow[];
}

export interface RunSeries {
  readonly key: string;
  readonly name: string;
  readonly colour: number;
  readonly runs: readonly RunRows[];
}

export type Axis = "generated" | "valid" | "iteration";

/** Places in the style sheet's colours: a colour comes again with another dash. */
const COLOURS = 24;
/** An arm looks the same here as in the report. */
const COLOUR_OF_ARM: Readonly<Record<string, number>> = { rls3: 0, random: 1, paper: 2 };

/** More lines than this tell nothing. */
export const MOST_SERIES = COLOURS;

/** How a run is called beside others of its group. */
export function runName(run: RunEntry, groups: ReadonlyMap<string, GroupEntry>): string {
  if (run.group === null) return run.name;
  const kind = groups.get(run.group)?.kind;
  const arm = kind === "comparison" ? armName(run.arm) : run.arm;
  return run.seed === null || kind === "folder" ? run.name : `${arm}, seed ${run.seed}`;
}

const byText = new Intl.Collator("en", { numeric: true });

/** Arms as they are compared, cells by their settings, seeds as numbers. */
export function inOrder(a: RunEntry, b: RunEntry): number {
  const place = placeOfArm(a.arm) - placeOfArm(b.arm);
  if (a.group !== b.group || place !== 0) return byText.compare(a.group ?? "", b.group ?? "") || place;
  for (const key of Object.keys(a.varied)) {
    const [left = "", right = ""] = [a.varied[key], b.varied[key]];
    const difference = Number(left) - Number(right) || byText.compare(left, right);
    if (left !== right && !Number.isNaN(difference)) return difference;
  }
  return (a.seed ?? 0) - (b.seed ?? 0) || byText.compare(a.id, b.id);
}

/** The settings by which a cell of a sweep differs from the others. */
export const cellSettings = ({ varied }: RunEntry): string =>
  Object.entries(varied)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");

function seriesName(runs: readonly RunEntry[], groups: ReadonlyMap<string, GroupEntry>, manyGroups: boolean): string {
  const first = at(runs, 0);
  if (runs.length === 1) {
    const name = runName(first, groups);
    return manyGroups && first.group !== null ? `${groups.get(first.group)?.name ?? first.group}: ${name}` : name;
  }
  const group = first.group === null ? undefined : groups.get(first.group);
  const label = group?.kind === "comparison" || cellSettings(first) === "" ? armName(first.arm) : cellSettings(first);
  const name = `${label} (${runs.length} seeds)`;
  return manyGroups && group !== undefined ? `${group.name}: ${name}` : name;
}

/** The same for the seeds of one arm or cell: those that have the same settings. */
export const armKey = ({ group, agent, arm, varied }: RunEntry): string =>
  JSON.stringify([group, agent ?? arm, varied]);

/** Lines for the chosen runs; together where they are seeds of one arm, unless each is asked for. */
export function toSeries(
  runs: readonly RunRows[],
  groups: ReadonlyMap<string, GroupEntry>,
  each: boolean,
): readonly RunSeries[] {
  const together = new Map<string, RunRows[]>();
  for (const entry of [...runs].sort((a, b) => inOrder(a.run, b.run))) {
    const key = each || entry.run.group === null ? entry.run.id : armKey(entry.run);
    together.set(key, [...(together.get(key) ?? []), entry]);
  }
  const manyGroups = new Set(runs.map(({ run }) => run.group)).size > 1;
  const taken = new Set<number>();
  return [...together].slice(0, MOST_SERIES).map(([key, members]) => {
    const usual = COLOUR_OF_ARM[at(members, 0).run.arm];
    const free = at(
      Array.from({ length: COLOURS }, (_, i) => i).filter((i) => !taken.has(i)),
      0,
    );
    const colour = usual === undefined || taken.has(usual) ? free : usual;
    taken.add(colour);
    const name = seriesName(
      members.map(({ run }) => run),
      groups,
      manyGroups,
    );
    return { key, name, colour, runs: members };
  });
}

/**
 * Whether a measure was taken in at least every other iteration of each run: a straight line from the first to the last
 * is no curve.
 */
export const isFollowed = ({ runs }: RunSeries, column: MetricColumn): boolean =>
  runs.every(({ rows }) => 2 * rows.filter((row) => row[column] !== null).length >= rows.length - 1);

/** The last value of each run in which there is one, as their mean. */
export function lastMean({ runs }: RunSeries, column: MetricColumn): number | null {
  const values = runs.flatMap(({ rows }) => rows.findLast((row) => row[column] !== null)?.[column] ?? []);
  return values.length === 0 ? null : mean(values);
}

/** A column along an axis; rows in which it was not measured are left out. */
function curveOf(rows: readonly MetricsRow[], column: MetricColumn, axis: Axis): Sample[] {
  return rows.flatMap((row) => {
    const [samples, value] = [row[axis], row[column]];
    return samples === null || value === null ? [] : [{ samples, value }];
  });
}

const GRID = 32;
/** A band's edge is a pixel or two wide. */
const RESAMPLES = 300;

export interface Drawn {
  readonly points: readonly ChartPoint[];
  readonly runs: readonly (readonly ChartPoint[])[];
}

const asPoints = (curve: readonly Sample[]): ChartPoint[] =>
  curve.map(({ samples, value }) => ({ x: samples, y: value }));

/**
 * One run as it is; several as their mean with its 95 % bootstrap band, as far as at least half of them (and two) have
 * come. While they run, the mean is over those that have come so far: the single lines behind it show which.
 */
export function drawn(series: RunSeries, column: MetricColumn, axis: Axis): Drawn {
  const place = `${series.key}\n${column}\n${axis}`;
  const rows = series.runs.map((run) => run.rows);
  const before = cache.get(place);
  if (before?.rows.length === rows.length && before.rows.every((each, i) => each === rows[i])) return before.drawn;
  if (cache.size > MOST_KEPT) cache.clear();
  const now = draw(series, column, axis);
  cache.set(place, { rows, drawn: now });
  return now;
}

/** What follows from rows that have not changed need not be drawn from them again: the bands take a while. */
const cache = new Map<string, { readonly rows: readonly (readonly MetricsRow[])[]; readonly drawn: Drawn }>();
const MOST_KEPT = 2_000;

function draw({ runs, key }: RunSeries, column: MetricColumn, axis: Axis): Drawn {
  const curves = runs.map(({ rows }) => curveOf(rows, column, axis)).filter((curve) => curve.length > 0);
  const [only] = curves;
  if (only === undefined) return { points: [], runs: [] };
  if (curves.length === 1) return { points: asPoints(only), runs: [] };
  const needed = Math.max(2, Math.ceil(curves.length / 2));
  const random = Random.stream(0, "dashboard", key, column);
  const points = grid(curves, axis).flatMap((samples): ChartPoint[] => {
    const values = curves
      .filter((curve) => at(curve, 0).samples <= samples && at(curve, curve.length - 1).samples >= samples)
      .map((curve) => interpolate(curve, samples));
    if (values.length < needed) return [];
    const [low, high] = bootstrapInterval(values, random, RESAMPLES);
    return [{ x: samples, y: mean(values), low, high }];
  });
  return { points, runs: curves.map(asPoints) };
}

/** Iterations as they are; samples in equal steps, since each seed has its own. */
function grid(curves: readonly (readonly Sample[])[], axis: Axis): number[] {
  if (axis === "iteration") return [...new Set(curves.flat().map(({ samples }) => samples))].sort((a, b) => a - b);
  const ends = curves.map((curve) => at(curve, curve.length - 1).samples).sort((a, b) => a - b);
  const start = Math.max(...curves.map((curve) => at(curve, 0).samples));
  // Every end is in it, so that a mean goes exactly as far as its runs.
  const last = at(ends, ends.length - 1);
  const steps = Array.from({ length: GRID + 1 }, (_, i) => start + ((last - start) * i) / GRID);
  return [...new Set([...steps, ...ends.filter((end) => end > start)])].sort((a, b) => a - b);
}
