/** @file A table as a drawing: the stronger the colour the higher the number, which stands in the cell. */
import { at } from "../../at.js";
import { type Frame, figure, labelWidth, round, shortLabel, WIDTH } from "./chart.js";
import { html, type Markup } from "./markup.js";

export interface HeatMap extends Frame {
  readonly rowLabel: string;
  readonly columnLabel: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** By rows; null where there is no number. */
  readonly values: readonly (readonly (number | null)[])[];
  readonly format: (value: number) => string;
}

const STEPS = 6;
const TOP = 44;
const ROW = 38;
const NARROWEST = 56;
const WIDEST = 120;

export function heatMap(map: HeatMap): Markup {
  const { rows, columns, values, format, rowLabel, columnLabel } = map;
  const known = values.flat().filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const left = labelWidth(rows);
  const cell = Math.min(WIDEST, Math.max(NARROWEST, (WIDTH - left - 8) / Math.max(1, columns.length)));
  const width = Math.max(WIDTH, left + cell * columns.length + 8);
  const height = TOP + ROW * rows.length + 6;
  // Numbers that hardly differ are not blown up to the whole scale.
  const step = (value: number): number =>
    high - low < 1e-9 ? 2 : Math.min(STEPS - 1, Math.floor((STEPS * (value - low)) / (high - low)));
  const middle = (column: number): number => round(left + (column + 0.5) * cell);
  const drawing = html`<g class="axis"><text class="label" x="${left - 10}" y="16" text-anchor="end">${rowLabel}</text><text class="label" x="${round(left + (cell * columns.length) / 2)}" y="16" text-anchor="middle">${columnLabel}</text>${columns.map(
    (column, i) => html`<text x="${middle(i)}" y="36" text-anchor="middle">${column}</text>`,
  )}</g>
${rows.map((row, r) => {
  const y = TOP + r * ROW;
  return html`<g><text class="label" x="${left - 10}" y="${y + ROW / 2 + 4}" text-anchor="end">${shortLabel(row)}</text>${columns.map(
    (_, c) => {
      const value = at(at(values, r), c);
      const colour = value === null ? "hole" : `heat h${step(value)}`;
      return html`<rect class="${colour}" x="${round(left + c * cell)}" y="${y}" width="${round(cell)}" height="${ROW}"/><text class="label" x="${middle(c)}" y="${y + ROW / 2 + 4}" text-anchor="middle">${value === null ? "–" : format(value)}</text>`;
    },
  )}</g>\n`;
})}`;
  return figure(map, null, width, height, drawing);
}
