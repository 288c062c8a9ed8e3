/** @file A chart of the list as lines, one for each arm; and what was measured too seldom for lines. */
import { type Arm, lastMean, linesOf } from "./curves.js";
import type { LineChart } from "./lines.js";
import type { Chart } from "./list.js";
import { AXIS_NAMES, type Axis, axisQuantity } from "./quantities.js";
import { DataTable } from "./table.js";

export const lineChartOf = (arms: readonly Arm[], chart: Chart, axis: Axis): LineChart => ({
  title: chart.title,
  ...(chart.note !== undefined && { note: chart.note }),
  xLabel: AXIS_NAMES[axis],
  x: axisQuantity(axis),
  y: chart.unit,
  lines: linesOf(arms, chart, axis),
});

/** What a reader has to know of a line over several seeds. */
export const MEAN_NOTE =
  "A line is the mean over seeds and ends where the first seed ends. Bands are 95 % bootstrap intervals, faint lines single seeds.";

interface NowAndThenProps {
  readonly charts: readonly Chart[];
  readonly arms: readonly Arm[];
}

/** The last value of what has no curve. */
export function NowAndThen({ charts, arms }: NowAndThenProps) {
  if (charts.length === 0) return null;
  return (
    <DataTable
      caption="Measured too seldom for a curve: last values, means over seeds"
      head={["runs", ...charts.map(({ title }) => title)]}
      rows={arms.map((arm) => [
        arm.name,
        ...charts.map((chart) => {
          const value = lastMean(arm, chart);
          return value === null ? "–" : chart.unit.value(value);
        }),
      ])}
    />
  );
}
