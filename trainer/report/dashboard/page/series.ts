/** @file What is drawn as one line: a run, or the seeds of an arm or cell together. Pure. */
import { Random } from "../../../random/random.js";
import type { MetricColumn } from "../../columns.js";
import { armName } from "../../format.js";
import type { ChartPoint } from "../../html/chart.js";
import type { MetricsRow } from "../../readers.js";
import { bootstrapInterval, mean } from "../../statistics.js";
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

/** Places in the style sheet's colours, each with a dash of its own. */
const COLOURS = 8;
/** An arm looks the same here as in the report. */
const OWN: Readonly<Record<string, number>> = { rls3: 0, random: 1, paper: 2 };
const IN_ORDER = ["rls3", "paper", "random"];
/** Arms in the order in which they are compared, others after them. */
export const placeOf = (arm: string): number => (IN_ORDER.includes(arm) ? IN_ORDER.indexOf(arm) : IN_ORDER.length);

/** More lines than this tell nothing. */
export const MOST_SERIES = 24;

/** How a run is called beside others of its group. */
export function runName(run: RunEntry, groups: ReadonlyMap<string, GroupEntry>): string {
  if (run.group === null) return run.name;
  const kind = groups.get(run.group)?.kind;
  const arm = kind === "comparison" ? armName(run.arm) : run.arm;
  return run.seed === null || kind === "folder" ? run.name : `${arm}, seed ${run.seed}`;
}

/** The settings by which a cell of a sweep differs from the others. */
export const cellSettings = ({ varied }: RunEntry): string =>
  Object.entries(varied)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");

function seriesName(runs: readonly RunEntry[], groups: ReadonlyMap<string, GroupEntry>, manyGroups: boolean): string {
  const [first] = runs;
  if (first === undefined) return "";
  if (runs.length === 1) {
    const name = runName(first, groups);
    return manyGroups && first.group !== null ? `${groups.get(first.group)?.name ?? first.group}: ${name}` : name;
  }
  const group = first.group === null ? undefined : groups.get(first.group);
  const own = group?.kind === "sweep" && cellSettings(first) !== "" ? cellSettings(first) : armName(first.arm);
  const name = `${own} (${runs.length} seeds)`;
  return manyGroups && group !== undefined ? `${group.name}: ${name}` : name;
}

/** Lines for the chosen runs; together where they are seeds of one arm, unless each is asked for. */
export function toSeries(
  runs: readonly RunRows[],
  groups: ReadonlyMap<string, GroupEntry>,
  each: boolean,
): readonly RunSeries[] {
  const together = new Map<string, RunRows[]>();
  for (const entry of [...runs].sort((a, b) => placeOf(a.run.arm) - placeOf(b.run.arm))) {
    const { id, group, arm } = entry.run;
    const key = each || group === null || groups.get(group)?.kind === "folder" ? id : `${group}\n${arm}`;
    together.set(key, [...(together.get(key) ?? []), entry]);
  }
  const manyGroups = new Set(runs.map(({ run }) => run.group)).size > 1;
  const taken = new Set<number>();
  return [...together].slice(0, MOST_SERIES).map(([key, members]) => {
    const own = OWN[members[0]?.run.arm ?? ""];
    const free = Array.from({ length: COLOURS }, (_, i) => i).find((i) => !taken.has(i)) ?? taken.size % COLOURS;
    const colour = own === undefined || taken.has(own) ? free : own;
    taken.add(colour);
    if (taken.size === COLOURS) taken.clear();
    const name = seriesName(
      members.map(({ run }) => run),
      groups,
      manyGroups,
    );
    return { key, name, colour, runs: members };
  });
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
export function drawn({ runs, key }: RunSeries, column: MetricColumn, axis: Axis): Drawn {
  const curves = runs.map(({ rows }) => curveOf(rows, column, axis)).filter((curve) => curve.length > 0);
  const [only] = curves;
  if (only === undefined) return { points: [], runs: [] };
  if (curves.length === 1) return { points: asPoints(only), runs: [] };
  const needed = Math.max(2, Math.ceil(curves.length / 2));
  const random = Random.stream(0, "dashboard", key, column);
  const points = grid(curves, axis).flatMap((samples): ChartPoint[] => {
    const values = curves
      .filter((curve) => (curve[0]?.samples ?? 0) <= samples && (curve.at(-1)?.samples ?? 0) >= samples)
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
  const ends = curves.map((curve) => curve.at(-1)?.samples ?? 0).sort((a, b) => a - b);
  const start = Math.max(...curves.map((curve) => curve[0]?.samples ?? 0));
  // Every end is in it, so that a mean goes exactly as far as its runs.
  const last = ends.at(-1) ?? start;
  const steps = Array.from({ length: GRID + 1 }, (_, i) => start + ((last - start) * i) / GRID);
  return [...new Set([...steps, ...ends.filter((end) => end > start)])].sort((a, b) => a - b);
}
