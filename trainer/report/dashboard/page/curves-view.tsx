/** @file Curves of all that a run measures: accuracy, validity, parts of the reward, losses. */
import { followedCharts } from "../../charts/curves.js";
import { ACCURACY, type Chart, INVALID, LEARNING, PLACEMENTS, REWARD } from "../../charts/list.js";
import { AXIS_NAMES, type Axis } from "../../charts/quantities.js";
import { lineChartOf, NowAndThen } from "../../charts/tracked.js";
import { LiveFigure } from "./live-figure.js";
import type { Navigate, Route } from "./route.js";
import { asArm, type RunSeries } from "./series.js";

const SECTIONS: readonly { readonly title: string; readonly charts: readonly Chart[] }[] = [
  { title: "Accuracy", charts: ACCURACY },
  { title: "Placements and reward", charts: [...PLACEMENTS, ...REWARD] },
  { title: "Learning", charts: LEARNING },
  { title: "Invalid placements", charts: INVALID },
];

interface CurvesProps {
  readonly series: readonly RunSeries[];
  readonly route: Route;
  readonly navigate: Navigate;
}

export function CurvesView({ series, route: { axis }, navigate }: CurvesProps) {
  return (
    <>
      <fieldset class="choice">
        <legend>Along</legend>
        {(["generated", "valid", "iteration"] as const).map((name) => (
          <label key={name}>
            <input type="radio" name="axis" checked={axis === name} onChange={() => navigate({ axis: name })} />
            {AXIS_NAMES[name]}
          </label>
        ))}
      </fieldset>
      {SECTIONS.map(({ title, charts }) => (
        <ChartSection key={title} title={title} charts={charts} series={series} axis={axis} />
      ))}
    </>
  );
}

interface SectionProps {
  readonly title: string;
  readonly charts: readonly Chart[];
  readonly series: readonly RunSeries[];
  readonly axis: Axis;
}

export function ChartSection({ title, charts, series, axis }: SectionProps) {
  const arms = series.map(asArm);
  const { followed, seldom } = followedCharts(charts, arms);
  if (followed.length + seldom.length === 0) return null;
  const id = `section-${title.replaceAll(/\W+/g, "-")}`;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <div class="charts">
        {followed.map((chart) => (
          <LiveFigure key={chart.column} chart={lineChartOf(arms, chart, axis)} />
        ))}
      </div>
      <NowAndThen charts={seldom} arms={arms} />
    </section>
  );
}
