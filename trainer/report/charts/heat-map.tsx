/** @file A table as a drawing: the stronger the colour, the higher the number in the cell. */
import { at } from "../../at.js";
import { Drawing, Figure, type Frame, Label, labelWidth, Numbers, round, shortLabel, WIDTH } from "./figure.js";
import type { Table } from "./table.js";

export interface HeatMap extends Frame {
  readonly rowLabel: string;
  readonly columnLabel: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** By rows; null where there is no number. */
  readonly values: readonly (readonly (number | null)[])[];
  readonly format: (value: number) => string;
  readonly numbers: Table;
}

const STEPS = 6;
const TOP = 44;
const ROW = 38;
const NARROWEST = 56;
const WIDEST = 120;

export function HeatMapFigure(map: HeatMap) {
  const { rows, columns, values, format, rowLabel, columnLabel } = map;
  const known = values.flat().filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const left = labelWidth(rows);
  const side = Math.min(WIDEST, Math.max(NARROWEST, (WIDTH - left - 8) / Math.max(1, columns.length)));
  const width = Math.max(WIDTH, left + side * columns.length + 8);
  // Numbers that hardly differ are not blown up to the whole scale.
  const step = (value: number): number =>
    high - low < 1e-9 ? 2 : Math.min(STEPS - 1, Math.floor((STEPS * (value - low)) / (high - low)));
  const middle = (column: number): number => round(left + (column + 0.5) * side);
  const label = `${map.title}: the mean of each combination; rows are ${rowLabel}, columns ${columnLabel}. Its numbers stand below.`;
  return (
    <Figure {...map} numbers={<Numbers table={map.numbers} />}>
      <Drawing label={label} width={width} height={TOP + ROW * rows.length + 6}>
        <g class="axis">
          <Label x={left - 10} y={16} text={rowLabel} anchor="end" />
          <Label x={round(left + (side * columns.length) / 2)} y={16} text={columnLabel} />
          {columns.map((column, i) => (
            <Label soft x={middle(i)} y={36} text={column} />
          ))}
        </g>
        {rows.map((row, r) => (
          <g>
            <Label x={left - 10} y={TOP + r * ROW + ROW / 2 + 4} text={shortLabel(row)} anchor="end" />
            {at(values, r).map((value, c) => (
              <>
                <rect
                  class={value === null ? "hole" : `heat h${step(value)}`}
                  x={round(left + c * side)}
                  y={TOP + r * ROW}
                  width={round(side)}
                  height={ROW}
                  data-value={value ?? undefined}
                />
                <Label x={middle(c)} y={TOP + r * ROW + ROW / 2 + 4} text={value === null ? "–" : format(value)} />
              </>
            ))}
          </g>
        ))}
      </Drawing>
    </Figure>
  );
}
