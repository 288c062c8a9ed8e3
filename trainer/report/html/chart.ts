/** @file Static SVG charts: lines with confidence bands, dots per category, stacked shares. Each has a title, a description and its numbers as a table. */

import { type ScaleLinear, scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { at } from "../../at.js";
import { html, type Markup, type Table, table } from "./markup.js";

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  /** A confidence interval, drawn as a band. */
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly name: string;
  /** Chooses colour and dash from the style sheet: 0, 1, 2 … */
  readonly colour: number;
  readonly points: readonly ChartPoint[];
  /** Single runs, drawn faintly behind. */
  readonly runs?: readonly (readonly ChartPoint[])[];
}

export interface Frame {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  /** What stands over it where the title would say again what stands over a group of charts. */
  readonly heading?: string;
  /** What is seen, for those who do not see it. */
  readonly description: string;
  readonly note?: string;
  readonly numbers: Table;
}

export interface LineChart extends Frame {
  readonly xLabel: string;
  readonly xFormat: (value: number) => string;
  readonly yFormat: (value: number) => string;
  readonly series: readonly Series[];
  /** Always in the range of the y axis. */
  readonly include?: readonly number[];
}

export const WIDTH = 480;
const HEIGHT = 300;
const LEFT = 54;
const RIGHT = 22;
const TOP = 12;
const BOTTOM = 42;

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const round = (value: number): number => Math.round(value * 10) / 10;

export const legend = (entries: readonly { readonly name: string; readonly colour: number }[]): Markup =>
  html`<ul class="legend">${entries.map(
    ({ name, colour }) =>
      html`<li><svg class="c${colour}" width="30" height="12" aria-hidden="true"><path class="line" d="M1 6H29"/></svg>${name}</li>`,
  )}</ul>`;

/** The frame that every chart has: title, drawing, note, and the numbers for those who want them. */
export function figure(frame: Frame, key: Markup | null, width: number, height: number, drawing: Markup): Markup {
  const { id, title, heading = title, description, note, numbers } = frame;
  return html`<figure class="chart"><figcaption><h3>${heading}</h3>${key}</figcaption>
<svg role="img" aria-labelledby="${id}-t ${id}-d" viewBox="0 0 ${width} ${height}"><title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>
${drawing}</svg>
${note !== undefined && html`<p class="note">${note}</p>`}<details><summary>Numbers</summary>${table(numbers)}</details></figure>\n`;
}

function extent(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  // A line that is flat to within half a percent is shown flat, on an axis around it, not as noise blown up.
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > Math.max(0.005 * size, 1e-12)) return [low, high];
  const padding = size > 1e-12 ? size / 10 : 0.5;
  return [low - padding, high + padding];
}

export interface LineDrawing extends Size {
  /** What stands in the svg. */
  readonly markup: Markup;
  readonly x: ScaleLinear<number, number>;
  readonly y: ScaleLinear<number, number>;
  /** Where the lines lie: left, right, top and bottom. */
  readonly plot: readonly [left: number, right: number, top: number, bottom: number];
}

/** The drawing alone, in a size of choice; text has its size in the same units. */
export function drawLines(
  { series, include = [], xLabel, xFormat, yFormat }: Omit<LineChart, keyof Frame>,
  { width, height }: Size,
): LineDrawing {
  const drawn = series.flatMap(({ points, runs = [] }) => [points, ...runs]).flat();
  const x = scaleLinear()
    .domain([0, extent(drawn.map((point) => point.x))[1]])
    .range([LEFT, width - RIGHT]);
  const y = scaleLinear()
    .domain(extent([...drawn.flatMap(({ y: value, low = value, high = value }) => [value, low, high]), ...include]))
    .nice(6)
    .range([height - BOTTOM, TOP]);
  const path = line<ChartPoint>(
    (point) => round(x(point.x)),
    (point) => round(y(point.y)),
  );
  const band = area<ChartPoint>(
    (point) => round(x(point.x)),
    (point) => round(y(point.low ?? point.y)),
    (point) => round(y(point.high ?? point.y)),
  );
  const shapes = series.map(({ colour, points, runs = [] }) => {
    const last = points.at(-1);
    return html`<g class="c${colour}">${points.some((point) => point.low !== undefined) && html`<path class="band" d="${band(points)}"/>`}${runs.map(
      (run) => html`<path class="run" d="${path(run)}"/>`,
    )}<path class="line" d="${path(points)}"/>${last !== undefined && html`<circle class="dot" cx="${round(x(last.x))}" cy="${round(y(last.y))}" r="3.5"/>`}</g>\n`;
  });
  const markup = html`<g class="axis">${y
    .ticks(height < 260 ? 4 : 6)
    .map(
      (tick) =>
        html`<path class="grid" d="M${LEFT} ${round(y(tick))}H${width - RIGHT}"/><text x="${LEFT - 8}" y="${round(y(tick)) + 4}" text-anchor="end">${yFormat(tick)}</text>`,
    )}
${x
  .ticks(width < 360 ? 3 : 5)
  .filter((tick) => xFormat(tick) !== "")
  .map(
    (tick) =>
      html`<path class="tick" d="M${round(x(tick))} ${height - BOTTOM}v5"/><text x="${round(x(tick))}" y="${height - BOTTOM + 18}" text-anchor="middle">${xFormat(tick)}</text>`,
  )}<path class="tick" d="M${LEFT} ${height - BOTTOM}H${width - RIGHT}"/><text class="label" x="${(LEFT + width - RIGHT) / 2}" y="${height - 6}" text-anchor="middle">${xLabel}</text></g>
${shapes}`;
  return { width, height, markup, x, y, plot: [LEFT, width - RIGHT, TOP, height - BOTTOM] };
}

export function lineChart(chart: LineChart): Markup {
  const { series } = chart;
  const { width, height, markup } = drawLines(chart, { width: WIDTH, height: HEIGHT });
  return figure(chart, series.length > 1 ? legend(series) : null, width, height, markup);
}

/** Room for the labels left of the rows, in the drawing's units. */
export const labelWidth = (labels: readonly string[]): number =>
  Math.max(66, 22 + 7 * Math.max(0, ...labels.map((label) => shortLabel(label).length)));

const LONGEST_LABEL = 28;

/** A long label loses its middle: names that go together often differ at the end alone. */
export const shortLabel = (label: string): string =>
  label.length <= LONGEST_LABEL ? label : `${label.slice(0, LONGEST_LABEL / 2 - 1)}…${label.slice(-LONGEST_LABEL / 2)}`;

export interface Dot {
  readonly name: string;
  readonly colour: number;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

export interface DotChart extends Frame {
  readonly rows: readonly { readonly label: string; readonly before: number | null; readonly dots: readonly Dot[] }[];
  readonly format: (value: number) => string;
  readonly xLabel: string;
}

/** One row a category: where it began (hollow) and where each arm ended, with its interval. */
export function dotChart(chart: DotChart): Markup {
  const { rows, format, xLabel } = chart;
  const arms = Math.max(1, ...rows.map(({ dots }) => dots.length));
  const rowHeight = 18 + 12 * arms;
  const height = TOP + rows.length * rowHeight + BOTTOM;
  const left = labelWidth(rows.map(({ label }) => label));
  const values = rows.flatMap(({ before, dots }) => [
    ...(before === null ? [] : [before]),
    ...dots.flatMap(({ value, low = value, high = value }) => [value, low, high]),
  ]);
  const x = scaleLinear()
    .domain(extent(values))
    .nice(6)
    .range([left, WIDTH - RIGHT]);
  const bottom = height - BOTTOM;
  const ticks = x.ticks(6);
  // So many that their labels do not run into each other.
  const room = Math.max(...ticks.map((tick) => 7 * format(tick).length + 12));
  const every = Math.max(1, Math.ceil((room * ticks.length) / (WIDTH - RIGHT - left)));
  const drawing = html`<g class="axis">${ticks
    .filter((_, i) => i % every === 0)
    .map(
      (tick) =>
        html`<path class="grid" d="M${round(x(tick))} ${TOP}V${bottom}"/><text x="${round(x(tick))}" y="${bottom + 18}" text-anchor="middle">${format(tick)}</text>`,
    )}<text class="label" x="${(left + WIDTH - RIGHT) / 2}" y="${height - 6}" text-anchor="middle">${xLabel}</text></g>
${rows.map(({ label, before, dots }, row) => {
  const middle = TOP + (row + 0.5) * rowHeight;
  return html`<g><text class="label" x="${left - 10}" y="${middle + 4}" text-anchor="end">${shortLabel(label)}</text>${before !== null && html`<circle class="before" cx="${round(x(before))}" cy="${middle}" r="4"/>`}${dots.map(
    ({ colour, value, low = value, high = value }, i) => {
      const at = middle + 12 * (i - (dots.length - 1) / 2);
      return html`<g class="c${colour}"><path class="whisker" d="M${round(x(low))} ${at}H${round(x(high))}"/><circle class="dot" cx="${round(x(value))}" cy="${at}" r="4.5"/></g>`;
    },
  )}</g>\n`;
})}`;
  const arm = at(rows, 0).dots;
  // Rows of one kind without a beginning explain themselves.
  if (arms === 1 && rows.every(({ before }) => before === null)) return figure(chart, null, WIDTH, height, drawing);
  const key = html`<ul class="legend"><li><svg width="14" height="12" aria-hidden="true"><circle class="before" cx="7" cy="6" r="4"/></svg>before</li>${arm.map(
    ({ name, colour }) =>
      html`<li><svg class="c${colour}" width="14" height="12" aria-hidden="true"><circle class="dot" cx="7" cy="6" r="4.5"/></svg>${name}, at the end</li>`,
  )}</ul>`;
  return figure(chart, key, WIDTH, height, drawing);
}

export interface StackedBars extends Frame {
  readonly parts: readonly string[];
  /** Shares of 1, in the order of `parts`. */
  readonly rows: readonly { readonly label: string; readonly shares: readonly number[] }[];
}

export function stackedBars(chart: StackedBars): Markup {
  const { rows, parts } = chart;
  const rowHeight = 46;
  const height = rows.length * rowHeight + 30;
  const most = Math.max(0.01, ...rows.map(({ shares }) => shares.reduce((sum, share) => sum + share, 0)));
  const x = scaleLinear()
    .domain([0, most])
    .nice(5)
    .range([14, WIDTH - RIGHT]);
  const drawing = html`<g class="axis">${x
    .ticks(5)
    .map(
      (tick) =>
        html`<path class="grid" d="M${round(x(tick))} 0V${height - 26}"/><text x="${round(x(tick))}" y="${height - 8}" text-anchor="middle">${Math.round(100 * tick)} %</text>`,
    )}</g>
${rows.map(({ label, shares }, row) => {
  let from = 0;
  const bars = shares.map((share, part) => {
    const start = from;
    from += share;
    const width = round(x(from)) - round(x(start));
    return (
      share > 0 &&
      html`<rect class="part p${part}" x="${round(x(start))}" y="${row * rowHeight + 18}" width="${round(width)}" height="20"/>`
    );
  });
  return html`<text class="label" x="14" y="${row * rowHeight + 13}">${label}</text>${bars}\n`;
})}`;
  const key = html`<ul class="legend">${parts.map(
    (name, part) =>
      html`<li><svg width="14" height="12" aria-hidden="true"><rect class="part p${part}" x="1" y="1" width="12" height="10"/></svg>${name}</li>`,
  )}</ul>`;
  return figure(chart, key, WIDTH, height, drawing);
}
