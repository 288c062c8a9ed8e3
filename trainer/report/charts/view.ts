/** @file A chart as a reader wants it: smoothed, part of its axis, as a table for other programs. Pure. */
import type { ChartPoint, Line, LineChart } from "./lines.js";

export type Range = readonly [from: number, to: number];

export interface ChartView {
  /** Weight of what came before, 0 to below 1, as TensorBoard has it. */
  readonly smoothing: number;
  /** Part of the x axis; null for the whole. */
  readonly range: Range | null;
}

/** Exponential moving average over the points, corrected for its start at nothing. */
export function smoothed(points: readonly ChartPoint[], weight: number): ChartPoint[] {
  let [sum, total] = [0, 0];
  return points.map(({ x, y }) => {
    sum = weight * sum + (1 - weight) * y;
    total = weight * total + (1 - weight);
    return { x, y: sum / total };
  });
}

/** Linear between two points. */
function between(a: ChartPoint, b: ChartPoint, x: number): ChartPoint {
  const mix = (from: number, to: number): number => from + ((x - a.x) / (b.x - a.x)) * (to - from);
  const y = mix(a.y, b.y);
  if (a.low === undefined || a.high === undefined || b.low === undefined || b.high === undefined) return { x, y };
  return { x, y, low: mix(a.low, b.low), high: mix(a.high, b.high) };
}

/** The part of a line in a range, cut at its ends. Points are in ascending order of x. */
export function within(points: readonly ChartPoint[], [from, to]: Range): ChartPoint[] {
  const cuts = points.flatMap((point, i) => {
    const next = points[i + 1];
    if (next === undefined) return [];
    return [from, to].filter((x) => point.x < x && x < next.x).map((x) => between(point, next, x));
  });
  return [...points.filter(({ x }) => x >= from && x <= to), ...cuts].sort((a, b) => a.x - b.x);
}

/** A smoothed line is drawn over what it was made of. */
const smoothLine = ({ runs: _, ...line }: Line, weight: number): Line =>
  weight === 0 ? line : { ...line, points: smoothed(line.points, weight), runs: [line.points] };

export function viewed(chart: LineChart, { smoothing, range }: ChartView): LineChart {
  const lines = smoothing === 0 ? chart.lines : chart.lines.map((line) => smoothLine(line, smoothing));
  if (range === null) return { ...chart, lines };
  const cut = lines.map((line) => ({
    ...line,
    points: within(line.points, range),
    ...(line.runs !== undefined && { runs: line.runs.map((run) => within(run, range)) }),
  }));
  return { ...chart, lines: cut, range };
}

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** What is drawn as lines, a row for each point, with a head. */
export function csvOf({ title, xLabel, lines }: LineChart): string {
  const rows = lines.flatMap(({ name, points }) =>
    points.map(({ x, y, low, high }) => [quoted(name), x, y, low ?? "", high ?? ""].join(",")),
  );
  return `${[["line", quoted(xLabel), quoted(title), "low", "high"].join(","), ...rows].join("\n")}\n`;
}
