/** @file The frame that every chart has: title, key, drawing, note, and its numbers for those who want them exactly or do not see it. */
import type { ComponentChildren } from "preact";
import { DataTable, type Table } from "./table.js";

export const WIDTH = 480;
export const TOP = 12;
export const RIGHT = 22;
export const BOTTOM = 42;

export interface Frame {
  readonly title: string;
  /** What stands over it where the title would say again what stands over a group of charts. */
  readonly heading?: string;
  readonly note?: string;
}

interface FigureProps extends Frame {
  readonly legend?: ComponentChildren;
  readonly numbers: ComponentChildren;
  readonly children: ComponentChildren;
}

export const Figure = ({ title, heading = title, note, legend, numbers, children }: FigureProps) => (
  <figure class="chart">
    <figcaption>
      <h3>{heading}</h3>
      {legend}
    </figcaption>
    {children}
    {note !== undefined && <p class="note">{note}</p>}
    {numbers}
  </figure>
);

interface DrawingProps {
  /** Title and values in words. */
  readonly label: string;
  readonly width: number;
  readonly height: number;
  readonly children: ComponentChildren;
}

export const Drawing = ({ label, width, height, children }: DrawingProps) => (
  <svg role="img" aria-label={label} viewBox={`0 0 ${width} ${height}`}>
    {children}
  </svg>
);

interface LabelProps {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  /** Where x is in the text. */
  readonly anchor?: "middle" | "end";
}

/** A name in a drawing; "soft" ones are numbers on an axis. */
export const Label = ({ x, y, text, anchor = "middle", soft = false }: LabelProps & { readonly soft?: boolean }) => (
  <text class={soft ? undefined : "label"} x={x} y={y} text-anchor={anchor}>
    {text}
  </text>
);

/** The numbers of a drawing on a page without scripts. */
export const Numbers = ({ table }: { readonly table: Table }) => (
  <details>
    <summary>Numbers</summary>
    <DataTable {...table} />
  </details>
);

export const round = (value: number): number => Math.round(value * 10) / 10;

/** The range of an axis. */
export function extent(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  // A line that is flat to within half a percent is shown flat, on an axis around it, not as noise blown up.
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > Math.max(0.005 * size, 1e-12)) return [low, high];
  const padding = size > 1e-12 ? size / 10 : 0.5;
  return [low - padding, high + padding];
}

const LONGEST_LABEL = 28;

/** A long label loses its middle: names that go together often differ at the end alone. */
export const shortLabel = (label: string): string =>
  label.length <= LONGEST_LABEL ? label : `${label.slice(0, LONGEST_LABEL / 2 - 1)}…${label.slice(-LONGEST_LABEL / 2)}`;

/** Room for the labels left of the rows, in the drawing's units. */
export const labelWidth = (labels: readonly string[]): number =>
  Math.max(66, 22 + 7 * Math.max(0, ...labels.map((label) => shortLabel(label).length)));
