/** @file A chart of the list as lines, one for each arm; and what was measured too seldom for lines. */
import type { ComponentChildren } from "preact";
import { type Arm, followedCharts, lastMean, linesOf } from "./curves.js";
import type { LineChart } from "./lines.js";
import type { Chart } from "./list.js";
import { AXIS_NAMES, type Axis, axisQuantity } from "./quantities.js";
import { type Column, DataTable, Estimated, tableOf } from "./table.js";

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
  "A line is the mean over seeds and ends where the first seed ends. Bands are 95 % intervals (Student's t), cut off at the chart's edge; faint lines are single seeds.";

interface ChartsProps {
  readonly charts: readonly Chart[];
  readonly arms: readonly Arm[];
}

/** The last value of what has no curve. */
export const NowAndThen = ({ charts, arms }: ChartsProps) =>
  charts.length > 0 && (
    <DataTable
      {...tableOf("Measured too seldom for a curve: last values, means over seeds", arms, [
        ["runs", ({ name }) => name],
        ...charts.map(
          (chart): Column<Arm> => [chart.title, (arm) => <Estimated of={chart.unit} value={lastMean(arm, chart)} />],
        ),
      ])}
    />
  );

interface TrackedProps extends ChartsProps {
  readonly figure: (chart: Chart) => ComponentChildren;
  /** Each chart under its title, where it has several figures. */
  readonly heading?: boolean;
}

/** The charts that were measured; nothing where none was. */
export function Tracked({ charts, arms, figure, heading = false }: TrackedProps) {
  const { followed, seldom } = followedCharts(charts, arms);
  const groups = heading ? followed.map((chart) => [chart]) : followed.length > 0 ? [followed] : [];
  return (
    <>
      {groups.map((group) => (
        <>
          {heading && <h3>{group[0]?.title}</h3>}
          <div class="charts">{group.map(figure)}</div>
        </>
      ))}
      <NowAndThen charts={seldom} arms={arms} />
    </>
  );
}

export const isMeasured = (charts: readonly Chart[], arms: readonly Arm[]): boolean =>
  charts.some((chart) => arms.some((arm) => lastMean(arm, chart) !== null));
