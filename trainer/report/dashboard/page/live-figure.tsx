/** @file A line chart in the width there is, with the values under the pointer. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { at } from "../../../at.js";
import { Drawing, Figure } from "../../charts/figure.js";
import {
  type ChartPoint,
  describeLines,
  type Line,
  type LineChart,
  LineMarks,
  type LinesLayout,
  layoutLines,
  numbersOf,
  Swatch,
} from "../../charts/lines.js";
import { DataTable } from "../../charts/table.js";

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

export function LiveFigure({ chart }: { readonly chart: LineChart }) {
  const [box, width] = useWidth();
  const [pointer, setPointer] = useState<number | null>(null);
  const layout = layoutLines(chart, { width, height: HEIGHT });
  const x = pointer === null ? null : nearestX(layout, chart.lines, pointer);
  return (
    <Figure
      {...chart}
      numbers={<LazyNumbers of={chart.title}>{() => <DataTable {...numbersOf(chart)} />}</LazyNumbers>}
    >
      <div
        class="plot"
        ref={box}
        onPointerMove={(event) => setPointer(event.clientX - event.currentTarget.getBoundingClientRect().left)}
        onPointerLeave={() => setPointer(null)}
      >
        <Drawing label={describeLines(chart)} width={width} height={HEIGHT}>
          <LineMarks chart={chart} layout={layout} />
          {x !== null && <Rule layout={layout} lines={chart.lines} x={x} />}
        </Drawing>
        {x !== null && <Values chart={chart} layout={layout} x={x} />}
      </div>
    </Figure>
  );
}

/** The point of any line that is nearest to the pointer: its x is what is read off. */
function nearestX(layout: LinesLayout, lines: readonly Line[], at: number): number | null {
  const xs = lines.flatMap(({ points }) => points.map(({ x }) => x));
  const distance = (x: number): number => Math.abs(layout.x(x) - at);
  return xs.reduce<number | null>((best, x) => (best === null || distance(x) < distance(best) ? x : best), null);
}

function valueAt(points: readonly ChartPoint[], x: number): ChartPoint | null {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || x < first.x || x > last.x) return null;
  const after = points.findIndex((point) => point.x >= x);
  const [right, left] = [at(points, after), at(points, Math.max(0, after - 1))];
  const share = right.x === left.x ? 1 : (x - left.x) / (right.x - left.x);
  return { x, y: left.y + share * (right.y - left.y) };
}

interface RuleProps {
  readonly layout: LinesLayout;
  readonly lines: readonly Line[];
  readonly x: number;
}

function Rule({ layout, lines, x }: RuleProps) {
  return (
    <g class="rule">
      <path d={`M${layout.x(x)} ${layout.top}V${layout.bottom}`} />
      {lines.map(({ name, colour, points }) => {
        const value = valueAt(points, x);
        return (
          value !== null && (
            <g class={`c${colour}`} key={name}>
              <circle class="dot" cx={layout.x(x)} cy={layout.y(value.y)} r={4} />
            </g>
          )
        );
      })}
    </g>
  );
}

interface ValuesProps {
  readonly chart: LineChart;
  readonly layout: LinesLayout;
  readonly x: number;
}

function Values({ chart, layout, x }: ValuesProps) {
  const rows = chart.lines
    .flatMap(({ name, colour, points }) => {
      const value = valueAt(points, x);
      return value === null ? [] : [{ name, colour, y: value.y }];
    })
    .sort((a, b) => b.y - a.y);
  // Away from the pointer, where rising curves leave room.
  const isRight = layout.x(x) > layout.width / 2;
  return (
    <div class={`values ${isRight ? "before" : "after"}`} aria-hidden="true">
      <b>
        {chart.x.value(x)} {chart.xLabel}
      </b>
      {rows.map(({ name, colour, y }) => (
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
