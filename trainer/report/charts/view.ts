/** @file A chart as a reader wants it: smoothed, part of its axis, as a table for other programs. Pure. */
import { interpolate } from "../summary.js";
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

/** The part of a line in a range, cut at its ends. Points are in ascending order of x. */
export function within(points: readonly ChartPoint[], [from, to]: Range): ChartPoint[] {
  const [first = Number.NaN, last = Number.NaN] = [points[0]?.x, points.at(-1)?.x];
  const valueAt = (x: number, of: "y" | "low" | "high"): number =>
    interpolate(
      points.map((point) => ({ x: point.x, y: point[of] ?? point.y })),
      x,
    );
  const isBand = points.some(({ low }) => low !== undefined);
  const ends = [from, to]
    .filter((x) => first < x && x < last && points.every((point) => point.x !== x))
    .map((x) => ({
      x,
      y: valueAt(x, "y"),
      ...(isBand && { low: valueAt(x, "low"), high: valueAt(x, "high") }),
    }));
  return [...points.filter(({ x }) => x >= from && x <= to), ...ends].sort((a, b) => a.x - b.x);
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
