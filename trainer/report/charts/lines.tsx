/** @file Lines over an axis, with bands, single runs behind them and a dot where each ends. Drawn alike in the report and in the live page. */
import { type ScaleLinear, scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import type { Point } from "../summary.js";
import { BOTTOM, Drawing, extent, Figure, type Frame, Label, Numbers, RIGHT, round, TOP, WIDTH } from "./figure.js";
import type { Quantity } from "./quantities.js";
import { type Column, type Table, tableOf } from "./table.js";

export interface ChartPoint extends Point {
  /** A 95 % interval, drawn as a band. */
  readonly low?: number;
  readonly high?: number;
}

export interface Line {
  readonly name: string;
  /** Place in the palette. */
  readonly colour: number;
  readonly points: readonly ChartPoint[];
  /** Single runs, drawn faintly behind. */
  readonly runs?: readonly (readonly ChartPoint[])[];
}

export interface LineChart extends Frame {
  readonly xLabel: string;
  readonly x: Quantity;
  readonly y: Quantity;
  readonly lines: readonly Line[];
  /** Always in the range of the y axis. */
  readonly include?: readonly number[];
  /** Of the x axis; from 0 to the last point where nothing else is asked for. */
  readonly range?: readonly [from: number, to: number];
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const LEFT = 54;
/** How far beyond the lines a band may stretch the axis, as a share of their range: over two seeds it would flatten them. */
const BEYOND = 0.25;
const REPORT_SIZE: Size = { width: WIDTH, height: 300 };

export interface LinesLayout extends Size {
  readonly x: ScaleLinear<number, number>;
  readonly y: ScaleLinear<number, number>;
  /** Where the lines lie. */
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export function layoutLines(
  { lines, include = [], range }: Pick<LineChart, "lines" | "include" | "range">,
  { width, height }: Size,
): LinesLayout {
  const drawn = lines.flatMap(({ points, runs = [] }) => [points, ...runs]).flat();
  const plot = { left: LEFT, right: width - RIGHT, top: TOP, bottom: height - BOTTOM };
  const x = scaleLinear()
    .domain(range ?? [0, extent(drawn.map((point) => point.x))[1]])
    .range([plot.left, plot.right]);
  const [least, most] = extent(drawn.map((point) => point.y));
  const room = BEYOND * (most - least);
  const bands = drawn.flatMap(({ y: value, low = value, high = value }) => [
    Math.max(low, least - room),
    Math.min(high, most + room),
  ]);
  const y = scaleLinear()
    .domain(extent([...bands, ...include]))
    .nice(6)
    .range([plot.bottom, plot.top]);
  return { width, height, x, y, ...plot };
}

/** Axes and lines, in text of the same units as the size. */
export function LineMarks({ chart, layout }: { readonly chart: LineChart; readonly layout: LinesLayout }) {
  const { x, y, left, right, bottom, width, height } = layout;
  const yTicks = y.ticks(height < 260 ? 4 : 6);
  const xTicks = x.ticks(width < 360 ? 3 : 5).filter((tick) => chart.x.tick(tick) !== "");
  return (
    <>
      <g class="axis">
        <path class="grid" d={yTicks.map((tick) => `M${left} ${round(y(tick))}H${right}`).join("")} />
        {yTicks.map((tick) => (
          <Label soft x={left - 8} y={round(y(tick)) + 4} text={chart.y.tick(tick)} anchor="end" />
        ))}
        {xTicks.map((tick) => (
          <Label soft x={round(x(tick))} y={bottom + 18} text={chart.x.tick(tick)} />
        ))}
        <path
          class="tick"
          d={`${xTicks.map((tick) => `M${round(x(tick))} ${bottom}v5`).join("")}M${left} ${bottom}H${right}`}
        />
        <Label x={(left + right) / 2} y={height - 6} text={chart.xLabel} />
      </g>
      {chart.lines.map((each) => (
        <LineMark line={each} layout={layout} />
      ))}
    </>
  );
}

function LineMark({ line: { name, colour, points, runs = [] }, layout }: { line: Line; layout: LinesLayout }) {
  const x = (point: ChartPoint): number => round(layout.x(point.x));
  const y = (value: number): number => round(layout.y(value));
  const path = line<ChartPoint>(x, (point) => y(point.y));
  const band = area<ChartPoint>(
    x,
    (point) => Math.min(layout.bottom, y(point.low ?? point.y)),
    (point) => Math.max(layout.top, y(point.high ?? point.y)),
  );
  const last = points.at(-1);
  return (
    <g class={`c${colour}`} data-line={name}>
      {points.some((point) => point.low !== undefined) && <path class="band" d={band(points) ?? ""} />}
      {runs.map((run) => (
        <path class="run" d={path(run) ?? ""} />
      ))}
      <path class="line" d={path(points) ?? ""} />
      {last !== undefined && (
        <circle class="dot" cx={x(last)} cy={y(last.y)} r={3.5} data-x={exact(last.x)} data-y={exact(last.y)} />
      )}
    </g>
  );
}

/** As many digits as anything written needs. */
const exact = (value: number): number => Number(value.toPrecision(10));

/** What is seen, for those who do not see it. */
export function describeLines({ title, lines, x, y, xLabel }: LineChart): string {
  const ends = lines.map(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    return first === undefined || last === undefined
      ? `${name} has no values`
      : `${name} from ${y.value(first.y)} to ${y.value(last.y)}, at ${x.value(last.x)}`;
  });
  return `${title}, over ${xLabel}: ${ends.join("; ")}.`;
}

/** The points of each line, at most so many of each. */
export function numbersOf({ title, lines, x, y, xLabel }: LineChart, most = 17): Table {
  const isBand = lines.some(({ points }) => points.some(({ low }) => low !== undefined));
  const rows = lines.flatMap(({ name, points }) => {
    const every = Math.max(1, Math.ceil(points.length / most));
    const shown = points.filter((_, i) => i % every === 0 || i === points.length - 1);
    return shown.map((point) => ({ name, ...point }));
  });
  return tableOf(`${title}, over ${xLabel}`, rows, [
    ["line", ({ name }) => name],
    [xLabel, (point) => x.value(point.x)],
    [isBand ? "mean" : "value", (point) => y.value(point.y)],
    ...(isBand ? [intervalColumn(y)] : []),
  ]);
}

const intervalColumn = ({ range }: Quantity): Column<ChartPoint> => [
  "95 % interval",
  ({ low, high }) => low !== undefined && high !== undefined && range([low, high]),
];

export const Swatch = ({ colour }: { readonly colour: number }) => (
  <svg class={`swatch c${colour}`} width={30} height={12} aria-hidden="true">
    <path class="line" d="M1 6H29" />
  </svg>
);

export const Legend = ({ entries }: { readonly entries: readonly Pick<Line, "name" | "colour">[] }) => (
  <ul class="legend">
    {entries.map(({ name, colour }) => (
      <li>
        <Swatch colour={colour} />
        {name}
      </li>
    ))}
  </ul>
);

/** A chart on a page without scripts. */
export function LineFigure({ chart }: { readonly chart: LineChart }) {
  const layout = layoutLines(chart, REPORT_SIZE);
  return (
    <Figure
      {...chart}
      legend={chart.lines.length > 1 && <Legend entries={chart.lines} />}
      numbers={<Numbers table={numbersOf(chart)} />}
    >
      <Drawing label={describeLines(chart)} width={layout.width} height={layout.height}>
        <LineMarks chart={chart} layout={layout} />
      </Drawing>
    </Figure>
  );
}
