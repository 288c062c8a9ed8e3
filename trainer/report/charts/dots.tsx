/** @file Dots with intervals by category: where each arm began and ended. */
import { scaleLinear } from "d3-scale";
import { at } from "../../at.js";
import {
  BOTTOM,
  Drawing,
  extent,
  Figure,
  type Frame,
  Label,
  labelWidth,
  Numbers,
  RIGHT,
  round,
  shortLabel,
  TOP,
  WIDTH,
} from "./figure.js";
import type { Quantity } from "./quantities.js";
import type { Table } from "./table.js";

export interface Dot {
  readonly name: string;
  readonly colour: number;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

export interface DotRow {
  readonly label: string;
  /** Where it began, drawn hollow. */
  readonly before: number | null;
  readonly dots: readonly Dot[];
}

export interface DotChart extends Frame {
  readonly rows: readonly DotRow[];
  readonly xLabel: string;
  readonly x: Quantity;
  /** When the dots were measured, where there is a beginning. */
  readonly after?: string;
  /** Absent where they stand beside it. */
  readonly numbers?: Table;
}

const BETWEEN = 12;

function describeDots({ title, rows, x }: DotChart): string {
  const values = rows.map(
    ({ label, dots }) => `${label}: ${dots.map(({ name, value }) => `${name} ${x.value(value)}`).join(", ")}`,
  );
  return `${title}. ${values.join("; ")}.`;
}

export function DotFigure(chart: DotChart) {
  const { rows, x: quantity, xLabel } = chart;
  const most = Math.max(1, ...rows.map(({ dots }) => dots.length));
  const rowHeight = 18 + BETWEEN * most;
  const height = TOP + rows.length * rowHeight + BOTTOM;
  const left = labelWidth(rows.map(({ label }) => label));
  const values = rows.flatMap(({ before, dots }) => [
    ...(before === null ? [] : [before]),
    ...dots.flatMap(({ value, low = value, high = value }) => [value, quantity.within(low), quantity.within(high)]),
  ]);
  const x = scaleLinear()
    .domain(extent(values))
    .nice(6)
    .range([left, WIDTH - RIGHT]);
  const bottom = height - BOTTOM;
  const ticks = x.ticks(6);
  // So many that their labels do not run into each other.
  const room = Math.max(...ticks.map((tick) => 7 * quantity.tick(tick).length + 12));
  const every = Math.max(1, Math.ceil((room * ticks.length) / (WIDTH - RIGHT - left)));
  return (
    <Figure
      {...chart}
      legend={<DotLegend {...chart} />}
      numbers={chart.numbers !== undefined && <Numbers table={chart.numbers} />}
    >
      <Drawing label={describeDots(chart)} width={WIDTH} height={height}>
        <g class="axis">
          {ticks
            .filter((_, i) => i % every === 0)
            .map((tick) => (
              <>
                <path class="grid" d={`M${round(x(tick))} ${TOP}V${bottom}`} />
                <Label soft x={round(x(tick))} y={bottom + 18} text={quantity.tick(tick)} />
              </>
            ))}
          <Label x={(left + WIDTH - RIGHT) / 2} y={height - 6} text={xLabel} />
        </g>
        {rows.map(({ label, before, dots }, row) => {
          const middle = TOP + (row + 0.5) * rowHeight;
          return (
            <g data-row={label}>
              <Label x={left - 10} y={middle + 4} text={shortLabel(label)} anchor="end" />
              {before !== null && <circle class="before" cx={round(x(before))} cy={middle} r={4} data-value={before} />}
              {dots.map(({ name, colour, value, low = value, high = value }, i) => {
                const y = middle + BETWEEN * (i - (dots.length - 1) / 2);
                return (
                  <g class={`c${colour}`} data-dot={name}>
                    <path
                      class="whisker"
                      d={`M${round(x(quantity.within(low)))} ${y}H${round(x(quantity.within(high)))}`}
                    />
                    <circle class="dot" cx={round(x(value))} cy={y} r={4.5} data-value={value} />
                  </g>
                );
              })}
            </g>
          );
        })}
      </Drawing>
    </Figure>
  );
}

function DotLegend({ rows, after = "at the end" }: Pick<DotChart, "rows" | "after">) {
  // Rows of one kind without a beginning explain themselves.
  if (rows.every(({ before, dots }) => before === null && dots.length <= 1)) return null;
  return (
    <ul class="legend">
      <li>
        <svg width={14} height={12} aria-hidden="true">
          <circle class="before" cx={7} cy={6} r={4} />
        </svg>
        before
      </li>
      {at(rows, 0).dots.map(({ name, colour }) => (
        <li>
          <svg class={`c${colour}`} width={14} height={12} aria-hidden="true">
            <circle class="dot" cx={7} cy={6} r={4.5} />
          </svg>
          {name}, {after}
        </li>
      ))}
    </ul>
  );
}
