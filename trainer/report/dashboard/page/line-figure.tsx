/** @file A line chart as the report draws it, in the width there is, with the values under the pointer and its numbers as a table. */

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { at } from "../../../at.js";
import { type ChartPoint, drawLines, type LineDrawing, type Series } from "../../html/chart.js";

export interface LineFigureProps {
  readonly title: string;
  readonly note?: string | undefined;
  readonly xLabel: string;
  readonly xFormat: (value: number) => string;
  readonly yFormat: (value: number) => string;
  /** Values in text and table: finer than those on the axis. */
  readonly valueFormat: (value: number) => string;
  readonly series: readonly Series[];
}

const HEIGHT = 230;
const SMALLEST = 260;
/** Rows of a table beyond which only some are listed. */
const MOST_ROWS = 25;

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

export const Swatch = ({ colour }: { readonly colour: number }) => (
  <svg class={`swatch c${colour}`} width="26" height="10" aria-hidden="true">
    <path class="line" d="M1 5H25" />
  </svg>
);

export function LineFigure(props: LineFigureProps) {
  const { title, note, series, valueFormat, xFormat, xLabel } = props;
  const id = useId();
  const [box, width] = useWidth();
  const [pointer, setPointer] = useState<number | null>(null);
  const drawing = drawLines(props, { width, height: HEIGHT });
  const ends = series.map(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    return first === undefined || last === undefined
      ? `${name} has no values`
      : `${name} from ${valueFormat(first.y)} to ${valueFormat(last.y)}`;
  });
  return (
    <figure class="chart">
      <figcaption>
        <h3 id={`${id}-t`}>{title}</h3>
      </figcaption>
      <div
        class="plot"
        ref={box}
        onPointerMove={(event) => {
          const left = event.currentTarget.getBoundingClientRect().left;
          setPointer(event.clientX - left);
        }}
        onPointerLeave={() => setPointer(null)}
      >
        <svg
          role="img"
          aria-label={`${title} over ${xLabel}: ${ends.join("; ")}.`}
          width={width}
          height={HEIGHT}
          viewBox={`0 0 ${width} ${HEIGHT}`}
        >
          {/* Drawn by the report's own functions, which escape all text. */}
          <g dangerouslySetInnerHTML={{ __html: drawing.markup.text }} />
          {pointer !== null && <Rule drawing={drawing} series={series} at={pointer} />}
        </svg>
        {pointer !== null && <Values {...props} drawing={drawing} at={pointer} />}
      </div>
      {note !== undefined && <p class="note">{note}</p>}
      <Numbers
        title={title}
        head={[xLabel, ...series.map(({ name }) => name)]}
        rows={() => numbers(series, xFormat, valueFormat)}
      />
    </figure>
  );
}

/** The point of the longest line that is nearest to the pointer: its x is what is read off. */
function nearestX(drawing: LineDrawing, series: readonly Series[], at: number): number | null {
  const xs = series.flatMap(({ points }) => points.map(({ x }) => x));
  const distance = (x: number): number => Math.abs(drawing.x(x) - at);
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

function Rule({ drawing, series, at }: { drawing: LineDrawing; series: readonly Series[]; at: number }) {
  const x = nearestX(drawing, series, at);
  if (x === null) return null;
  const [, , top, bottom] = drawing.plot;
  return (
    <g class="rule">
      <path d={`M${drawing.x(x)} ${top}V${bottom}`} />
      {series.map(({ name, colour, points }) => {
        const value = valueAt(points, x);
        return (
          value !== null && (
            <g class={`c${colour}`} key={name}>
              <circle class="dot" cx={drawing.x(x)} cy={drawing.y(value.y)} r="4" />
            </g>
          )
        );
      })}
    </g>
  );
}

function Values(props: LineFigureProps & { readonly drawing: LineDrawing; readonly at: number }) {
  const { drawing, series, at, xFormat, xLabel, valueFormat } = props;
  const x = nearestX(drawing, series, at);
  if (x === null) return null;
  const rows = series
    .flatMap(({ name, colour, points }) => {
      const value = valueAt(points, x);
      return value === null ? [] : [{ name, colour, y: value.y }];
    })
    .sort((a, b) => b.y - a.y);
  // Away from the pointer, where rising curves leave room.
  const isRight = drawing.x(x) > drawing.width / 2;
  return (
    <div class={`values ${isRight ? "before" : "after"}`} aria-hidden="true">
      <b>
        {xFormat(x) === "" ? x : xFormat(x)} {xLabel}
      </b>
      {rows.map(({ name, colour, y }) => (
        <span key={name}>
          <Swatch colour={colour} /> <i>{name}</i> {valueFormat(y)}
        </span>
      ))}
    </div>
  );
}

function numbers(
  series: readonly Series[],
  xFormat: (value: number) => string,
  format: (value: number) => string,
): string[][] {
  const xs = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const every = Math.max(1, Math.ceil(xs.length / MOST_ROWS));
  return xs
    .filter((_, i) => i % every === 0 || i === xs.length - 1)
    .map((x) => [
      xFormat(x) === "" ? String(x) : xFormat(x),
      ...series.map(({ points }) => {
        const value = valueAt(points, x);
        return value === null ? "–" : format(value.y);
      }),
    ]);
}

interface NumbersProps {
  /** Whose numbers: said where it is not seen. */
  readonly title: string;
  readonly shownTitle?: string;
  readonly head: readonly string[];
  /** Made when they are looked at. */
  readonly rows: () => readonly (readonly string[])[];
}

/** What is drawn, as a table, for those who do not see it or want it exactly. */
export function Numbers({ title, shownTitle = "Numbers", head, rows }: NumbersProps) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {shownTitle}
        <span class="unseen"> of {title}</span>
      </summary>
      {open && <DataTable label={title} head={head} rows={rows()} />}
    </details>
  );
}

interface TableProps {
  readonly label: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function DataTable({ label, head, rows }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and a keyboard has to reach it for that
    <section class="scroll" tabIndex={0} aria-label={label}>
      <table>
        <thead>
          <tr>
            {head.map((cell) => (
              <th scope="col" key={cell}>
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first = "", ...cells]) => (
            <tr key={first}>
              <th scope="row">{first}</th>
              {cells.map((cell, i) => (
                <td key={head[i + 1]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
