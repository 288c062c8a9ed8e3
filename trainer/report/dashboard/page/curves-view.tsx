/** @file Curves of all that a run measures: accuracy, validity, parts of the reward, losses. */
import { type MetricColumn, REASON_COLUMNS, REASON_NAMES } from "../../../run-format/columns.js";
import { capital, count, decimal, percent } from "../../format.js";
import type { Series } from "../../html/chart.js";
import { DataTable, LineFigure, Swatch } from "./line-figure.js";
import type { Navigate, Route } from "./route.js";
import { type Axis, drawn, isFollowed, lastMean, type RunSeries } from "./series.js";

export interface Tracked {
  readonly column: MetricColumn;
  readonly title: string;
  readonly note?: string;
  /** A share of 1, shown in percent. */
  readonly isShare?: boolean;
}

const SECTIONS: readonly { readonly title: string; readonly charts: readonly Tracked[] }[] = [
  {
    title: "Accuracy",
    charts: [
      {
        column: "accuracyOneTerm",
        title: "Balanced test set, one term",
        note: "Share of images whose right caption beats the one with one term flipped, mean over the six terms.",
        isShare: true,
      },
      {
        column: "accuracyFull",
        title: "Balanced test set, full flip",
        note: "The same with all terms flipped.",
        isShare: true,
      },
      {
        column: "naturalOneTerm",
        title: "Natural mix, one term",
        note: "Pairs as random sampling draws them.",
        isShare: true,
      },
      { column: "naturalFull", title: "Natural mix, full flip", isShare: true },
    ],
  },
  {
    title: "Placements and reward",
    charts: [
      {
        column: "validRate",
        title: "Valid placements",
        note: "Valid share of an iteration's generated samples.",
        isShare: true,
      },
      { column: "rewardFeasibility", title: "Reward: feasibility", note: "Mean of ±1 for valid and invalid." },
      {
        column: "rewardExtrinsic",
        title: "Reward: the model's difficulty",
        note: "Mean of the β part over all steps; random sampling is not trained by it.",
      },
      { column: "score", title: "Score S", note: "1 to 5; lower is harder for the model as it was then." },
      { column: "hardness", title: "Hardness h of valid samples" },
    ],
  },
  {
    title: "Learning",
    charts: [
      {
        column: "unparsed",
        title: "Answers without a relation",
        note: "Share of the model's answers about an iteration's samples that say none.",
        isShare: true,
      },
      { column: "fineTuneLoss", title: "Fine-tuning loss" },
      { column: "gradientNorm", title: "Gradient norm before clipping" },
      { column: "kl", title: "Policy: KL from uniform, nats" },
      { column: "temperature", title: "Policy: temperature α" },
      { column: "validityLoss", title: "Agent: validity loss" },
      { column: "hardnessLoss", title: "Agent: hardness loss" },
    ],
  },
  {
    title: "Invalid placements of an iteration, by the first rule broken",
    charts: REASON_NAMES.map((column) => ({ column, title: capital(REASON_COLUMNS[column]) })),
  },
];

export const AXIS_NAMES: Readonly<Record<Axis, string>> = {
  generated: "generated samples",
  valid: "valid samples",
  iteration: "iteration",
};

/** Ticks between whole percents say so. */
const share = (value: number): string => percent(value, Math.abs(100 * value - Math.round(100 * value)) < 1e-6 ? 0 : 1);
const fineShare = (value: number): string => percent(value);
const plain = (value: number): string => String(Number(value.toPrecision(4))).replace("-", "−");
const fine = (value: number): string => (Math.abs(value) < 0.01 ? plain(value) : decimal(value));
const wholeOnly = (value: number): string => (Number.isInteger(value) ? String(value) : "");
const samples = (value: number): string => count(value);

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

/** The key of all charts at once: it stays in sight while they are scrolled. */
export function Legend({ series }: { readonly series: readonly RunSeries[] }) {
  return (
    <ul class="legend">
      {series.map(({ key, name, colour }) => (
        <li key={key}>
          <Swatch colour={colour} />
          {name}
        </li>
      ))}
    </ul>
  );
}

interface SectionProps {
  readonly title: string;
  readonly charts: readonly Tracked[];
  readonly series: readonly RunSeries[];
  readonly axis: Axis;
}

export function ChartSection({ title, charts, series, axis }: SectionProps) {
  const measured = charts.filter(({ column }) => series.some((each) => lastMean(each, column) !== null));
  // An arm that never has a measure, such as a policy's of random sampling, is no reason not to draw the others'.
  const followed = measured.filter(({ column }) =>
    series.every((each) => lastMean(each, column) === null || isFollowed(each, column)),
  );
  if (measured.length === 0) return null;
  const id = `section-${title.replaceAll(/\W+/g, "-")}`;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <div class="charts">
        {followed.map((chart) => (
          <LineFigure
            key={chart.column}
            title={chart.title}
            note={chart.note}
            xLabel={AXIS_NAMES[axis]}
            xFormat={axis === "iteration" ? wholeOnly : samples}
            yFormat={chart.isShare === true ? share : plain}
            valueFormat={formatOf(chart)}
            series={linesOf(series, chart.column, axis)}
          />
        ))}
      </div>
      {followed.length < measured.length && (
        <NowAndThen title={title} charts={measured.filter((chart) => !followed.includes(chart))} series={series} />
      )}
    </section>
  );
}

/** Beyond so many lines, single runs and bands behind them would hide them. */
const MOST_WITH_RUNS = 6;

function linesOf(series: readonly RunSeries[], column: MetricColumn, axis: Axis): Series[] {
  const isPlain = series.length > MOST_WITH_RUNS;
  return series.flatMap((each): Series[] => {
    const { points, runs } = drawn(each, column, axis);
    if (points.length + runs.length === 0) return [];
    const line = { name: each.name, colour: each.colour };
    return isPlain ? [{ ...line, points: points.map(({ x, y }) => ({ x, y })) }] : [{ ...line, points, runs }];
  });
}

const formatOf = ({ isShare }: Tracked): ((value: number) => string) => (isShare === true ? fineShare : fine);

interface NowAndThenProps {
  readonly title: string;
  readonly charts: readonly Tracked[];
  readonly series: readonly RunSeries[];
}

/** What was measured too seldom for a curve, as it was the last time. */
function NowAndThen({ title, charts, series }: NowAndThenProps) {
  return (
    <>
      <p class="note">
        Not measured in every iteration, so without a curve; as it was the last time, means over seeds:
      </p>
      <DataTable
        label={`${title}, measured now and then`}
        head={["runs", ...charts.map(({ title }) => title)]}
        rows={series.map((each) => [
          each.name,
          ...charts.map((chart) => {
            const value = lastMean(each, chart.column);
            return value === null ? "–" : formatOf(chart)(value);
          }),
        ])}
      />
    </>
  );
}
