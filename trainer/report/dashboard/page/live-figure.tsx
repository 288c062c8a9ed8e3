/** @file A line chart in the width there is: values under the pointer, zoom by dragging, downloads. */

import { least } from "d3-array";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Drawing, Figure } from "../../charts/figure.js";
import {
  describeLines,
  type Line,
  type LineChart,
  LineMarks,
  type LinesLayout,
  layoutLines,
  numbersOf,
  Swatch,
} from "../../charts/lines.js";
import type { Chart } from "../../charts/list.js";
import type { Axis } from "../../charts/quantities.js";
import { DataTable } from "../../charts/table.js";
import { lineChartOf } from "../../charts/tracked.js";
import { type ChartView, type Range, viewed } from "../../charts/view.js";
import { interpolate } from "../../summary.js";
import { saveCsv, savePng } from "./download.js";
import type { RunSeries } from "./series.js";

const HEIGHT = 230;
const SMALLEST = 260;

/** The width of an element, as it changes. */
function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const element = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(400);
  useEffect(() => {
    if (element.current === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.max(SMALLEST, Math.round(entry.contentRect.width)));
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}

const WHOLE: ChartView = { smoothing: 0, range: null };
/** Pixels that the pointer has to be dragged for a part of the axis: less is a click. */
const SMALLEST_DRAG = 8;

interface LiveProps {
  readonly chart: Chart;
  readonly series: readonly RunSeries[];
  readonly axis: Axis;
  readonly view?: ChartView;
  /** Called with the part of the axis over which the pointer was dragged, and with null for the whole. */
  readonly onZoom?: (range: Range | null) => void;
}

export function LiveFigure({ chart: drawn, series, axis, view = WHOLE, onZoom }: LiveProps) {
  // Bands take a while.
  const whole = useMemo(() => lineChartOf(series, drawn, axis), [series, drawn, axis]);
  const [box, width] = useWidth();
  const [pointer, setPointer] = useState<number | null>(null);
  const [dragFrom, setDragFrom] = useState<number | null>(null);
  const chart = viewed(whole, view);
  const layout = layoutLines(chart, { width, height: HEIGHT });
  const x = pointer === null ? null : nearestX(layout, chart.lines, pointer);
  const left = (event: JSX.TargetedPointerEvent<HTMLDivElement>): number =>
    event.clientX - event.currentTarget.getBoundingClientRect().left;
  const drop = (to: number): void => {
    setDragFrom(null);
    if (dragFrom === null || Math.abs(to - dragFrom) < SMALLEST_DRAG) return;
    const [from, end] = [dragFrom, to].sort((a, b) => a - b).map((at) => clamp(layout.x.invert(at), layout.x.domain()));
    if (from !== undefined && end !== undefined && from < end) onZoom?.([from, end]);
  };
  return (
    <Figure
      {...chart}
      legend={<Downloads chart={chart} drawing={() => box.current?.querySelector("svg") ?? null} />}
      numbers={<LazyNumbers of={chart.title}>{() => <DataTable {...numbersOf(chart)} />}</LazyNumbers>}
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the fields over the charts do the same for keyboards */}
      <div
        class={`plot${onZoom === undefined ? "" : " zooms"}`}
        ref={box}
        onPointerDown={(event) => onZoom !== undefined && event.button === 0 && setDragFrom(left(event))}
        onPointerMove={(event) => setPointer(left(event))}
        onPointerUp={(event) => drop(left(event))}
        onPointerLeave={() => {
          setPointer(null);
          setDragFrom(null);
        }}
        onDblClick={() => onZoom?.(null)}
      >
        <Drawing label={describeLines(chart)} width={width} height={HEIGHT}>
          <LineMarks chart={chart} layout={layout} />
          {dragFrom !== null && pointer !== null && (
            <rect
              class="dragged"
              x={Math.min(dragFrom, pointer)}
              y={layout.top}
              width={Math.abs(pointer - dragFrom)}
              height={layout.bottom - layout.top}
            />
          )}
          {x !== null && <Rule chart={chart} layout={layout} x={x} />}
        </Drawing>
        {x !== null && dragFrom === null && <Values chart={chart} layout={layout} x={x} />}
      </div>
    </Figure>
  );
}

const clamp = (value: number, [low = 0, high = 0]: readonly number[]): number => Math.min(high, Math.max(low, value));

interface DownloadsProps {
  readonly chart: LineChart;
  readonly drawing: () => SVGSVGElement | null;
}

function Downloads({ chart, drawing }: DownloadsProps) {
  const png = (): void => {
    const svg = drawing();
    if (svg !== null) void savePng(chart, svg);
  };
  return (
    <span class="downloads">
      <button type="button" class="plain" aria-label={`Save ${chart.title} as CSV`} onClick={() => saveCsv(chart)}>
        CSV
      </button>
      <button type="button" class="plain" aria-label={`Save ${chart.title} as PNG`} onClick={png}>
        PNG
      </button>
    </span>
  );
}

/** The point of any line that is nearest to the pointer: its x is what is read off. */
function nearestX(layout: LinesLayout, lines: readonly Line[], pointer: number): number | null {
  const xs = lines.flatMap(({ points }) => points.map(({ x }) => x));
  return least(xs, (x) => Math.abs(layout.x(x) - pointer)) ?? null;
}

interface RuleProps {
  readonly chart: LineChart;
  readonly layout: LinesLayout;
  readonly x: number;
}

/** The lines that have a value at x, with it. */
const readingsAt = ({ chart: { lines }, x }: Pick<RuleProps, "chart" | "x">) =>
  lines.flatMap(({ name, colour, points }) => {
    const isWithin = x >= (points[0]?.x ?? Number.NaN) && x <= (points.at(-1)?.x ?? Number.NaN);
    return isWithin ? [{ name, colour, y: interpolate(points, x) }] : [];
  });

const Rule = ({ chart, layout, x }: RuleProps) => (
  <g class="rule">
    <path d={`M${layout.x(x)} ${layout.top}V${layout.bottom}`} />
    {readingsAt({ chart, x }).map(({ name, colour, y }) => (
      <g class={`c${colour}`} key={name}>
        <circle class="dot" cx={layout.x(x)} cy={layout.y(y)} r={4} />
      </g>
    ))}
  </g>
);

function Values({ chart, layout, x }: RuleProps) {
  // Away from the pointer, where rising curves leave room.
  const isRight = layout.x(x) > layout.width / 2;
  return (
    <div class={`values ${isRight ? "before" : "after"}`} aria-hidden="true">
      <b>
        {chart.x.value(x)} {chart.xLabel}
      </b>
      {readingsAt({ chart, x })
        .sort((a, b) => b.y - a.y)
        .map(({ name, colour, y }) => (
          <span key={name}>
            <Swatch colour={colour} /> <i>{name}</i> {chart.y.value(y)}
          </span>
        ))}
    </div>
  );
}

interface LazyProps {
  /** Whose numbers: said where it is not seen. */
  readonly of: string;
  readonly title?: string;
  /** Made when they are looked at. */
  readonly children: () => ComponentChildren;
}

export function LazyNumbers({ of, title = "Numbers", children }: LazyProps) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {title}
        <span class="unseen"> of {of}</span>
      </summary>
      {open && children()}
    </details>
  );
}
