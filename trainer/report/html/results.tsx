/** @file The top of a comparison's report: was it better, by how much, and the curves that show it. */

import type { ComponentChildren, JSX } from "preact";
import { at } from "../../at.js";
import { mean } from "../../mean.js";
import { type AccuracyAt, AXES, type Axis, type SeedRun, type Summary } from "../../run-format/summary.js";
import { followedCharts, isFollowed } from "../charts/curves.js";
import { LineFigure } from "../charts/lines.js";
import { ACCURACY, type Chart } from "../charts/list.js";
import { AXIS_NAMES } from "../charts/quantities.js";
import { Estimated } from "../charts/table.js";
import { lineChartOf, MEAN_NOTE, NowAndThen } from "../charts/tracked.js";
import {
  armName,
  capital,
  count,
  decimal,
  percent,
  percentInterval,
  points,
  pointsInterval,
  probability,
  ratioInterval,
} from "../format.js";
import { compareAt, type Measure, match } from "../summary.js";
import {
  accuracySentence,
  feasibilityNote,
  headline,
  interquartileSentence,
  mainPair,
  type NamedPair,
  namedPairs,
  powerSentence,
  reachSentence,
} from "../verdicts.js";
import type { Arm } from "./contents.js";
import { asDrawn } from "./drawn.js";
import { html, type Markup, section, table } from "./markup.js";

interface Measured {
  readonly chart: Chart;
  readonly short: string;
  readonly measure: Measure;
}

const SHORT: Readonly<Record<string, readonly [short: string, measure: Measure]>> = {
  accuracyOneTerm: ["balanced, one term", (point) => point.accuracy.oneTerm],
  accuracyFull: ["balanced, full flip", (point) => point.accuracy.full],
  naturalOneTerm: ["natural, one term", (point) => point.natural?.oneTerm],
  naturalFull: ["natural, full flip", (point) => point.natural?.full],
};
const MEASURES: readonly Measured[] = ACCURACY.flatMap((chart) => {
  const found = SHORT[chart.column];
  return found === undefined ? [] : [{ chart, short: found[0], measure: found[1] }];
});

/** Off the ends, a straight line from the first to the last value would flatter the arm that ends earlier. */
const isMeasureFollowed = (runs: readonly SeedRun[], measure: Measure): boolean =>
  runs.every(({ curve }) => isFollowed(curve.map(measure)));

/** Whether each run ends with the measure. */
const isTakenAtEnd = (runs: readonly SeedRun[], measure: Measure): boolean =>
  runs.every(({ curve }) => {
    const last = curve.at(-1);
    return last !== undefined && measure(last) !== undefined;
  });

const validRate = (runs: readonly SeedRun[]): number => mean(runs.map((run) => run.validRate));

const VERDICTS = {
  better: { name: "higher", look: "better" },
  worse: { name: "lower", look: "worse" },
  "no difference": { name: "not significant", look: "none" },
} as const;

interface TileProps {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly children: ComponentChildren;
}

export const Tile = ({ name, value, children }: TileProps) => (
  <li>
    <span class="name">{name}</span>
    <b>{value}</b>
    {children}
  </li>
);

function AccuracyTile({ named: { b, pair }, row }: { readonly named: NamedPair; readonly row: AccuracyAt }) {
  const { name, look } = VERDICTS[pair.verdict[row.axis]];
  return (
    <Tile
      name={`One-term accuracy per ${row.axis} sample`}
      value={
        <>
          {points(row.difference)} <small>points</small>
        </>
      }
    >
      {percent(row.a.mean)}, {armName(b)} {percent(row.b.mean)}, at {count(row.samples)} {row.axis} samples;{" "}
      {row.seeds < 2 ? (
        <span class="none">one seed, not tested</span>
      ) : (
        <>
          <span class={look}>{name}</span>, {probability(row.p)}
        </>
      )}
    </Tile>
  );
}

function ReachTile({ named: { b, pair }, axis }: { readonly named: NamedPair; readonly axis: Axis }) {
  const { ratio, interval, perSeed } = pair.samplesToReach[axis];
  return (
    <Tile
      name={`${capital(axis)} samples for the same accuracy`}
      value={ratio === null ? "not reached" : `${decimal(ratio, 2)} ×`}
    >
      of {armName(b)}'s, to its final one-term accuracy
      {interval !== null && perSeed.length > 1 && ` (95 % interval ${ratioInterval(interval)})`}
    </Tile>
  );
}

const Tiles = ({ named }: { readonly named: NamedPair }) => (
  <ul class="tiles">
    {named.pair.accuracyAt.map((row) => (
      <AccuracyTile named={named} row={row} />
    ))}
    {AXES.map((axis) => (
      <ReachTile named={named} axis={axis} />
    ))}
    <Tile name="Valid placements" value={percent(validRate(named.runsA), 0)}>
      of its generated samples; {armName(named.b)} {percent(validRate(named.runsB), 0)}
    </Tile>
  </ul>
);

/** The headline and the numbers behind it. */
export function verdictHeader(summary: Summary): { title: string; body: Markup } {
  const main = mainPair(summary);
  if (main === null) {
    const [only] = Object.keys(summary.arms);
    return { title: `${capital(armName(only ?? "no arm"))} alone: nothing to compare it with`, body: html`` };
  }
  const sentences = main.pair.accuracyAt.map(
    (row) => html`<p>${accuracySentence(main, row)} ${interquartileSentence(main, row)} ${powerSentence(row)}</p>`,
  );
  const { seeds } = at(main.pair.accuracyAt, 0);
  const body = html`${<Tiles named={main} />}<p class="note">${feasibilityNote(summary)} Accuracy: share of images whose right caption beats the same caption with one term flipped, mean over the six terms, on a test set balanced over the 26 relations.${seeds > 1 && " Intervals: 95 %, bootstrap over seeds."}</p>
${sentences}<p>${reachSentence(main)}</p>`;
  return { title: headline(main), body };
}

/** Whether the arms may be read off at one place of the valid axis. */
function budgetNote(runs: readonly SeedRun[]): string {
  const ends = new Set(runs.map(({ curve }) => curve.at(-1)?.valid ?? 0));
  const [end] = ends;
  return ends.size === 1
    ? `Each run ends at ${count(end)} valid samples.`
    : "The runs end at different numbers of valid samples.";
}

/** Both axes side by side for each measure that was evaluated. */
export function curvesSection(arms: readonly Arm[], feasibility: string): Markup {
  const drawn = arms.map(asDrawn);
  const { followed, seldom } = followedCharts(ACCURACY, drawn);
  const budget = budgetNote(arms.flatMap(({ runs }) => runs.map(({ curve }) => curve)));
  const charts = followed.map((chart) => {
    const figures = AXES.map((axis) => (
      <LineFigure
        chart={{
          ...lineChartOf(drawn, chart, axis),
          heading: `Over ${AXIS_NAMES[axis]}`,
          note: axis === "generated" ? feasibility : budget,
        }}
      />
    ));
    return html`<h3>${chart.title}</h3><div class="charts">${figures}</div>`;
  });
  const several = arms.some(({ runs }) => runs.length > 1);
  return section(
    "curves",
    "Accuracy over generated and over valid samples",
    html`<p>A generated sample is one placement by the agent; a valid one obeys the rules and is shown to the model. An agent that places more validly gains over generated samples even if its samples teach no more each; over valid samples that advantage is gone.${several && ` ${MEAN_NOTE}`}</p>`,
    charts,
    <NowAndThen charts={seldom} arms={drawn} />,
  );
}

function measureRows({ a, b, runsA, runsB }: NamedPair, { axis, samples }: AccuracyAt) {
  const matched = match(a, runsA, b, runsB);
  return MEASURES.flatMap(({ short, measure }) => {
    const runs = [...matched.a, ...matched.b];
    // Off the ends a measure that was not followed has no value; on the valid axis equal budgets end together.
    const atEnds = runs.every((run) => run.curve.at(-1)?.[axis] === samples);
    if (!isTakenAtEnd(runs, measure) || !(atEnds || isMeasureFollowed(runs, measure))) return [];
    const within = (interval: string): string | null => (matched.a.length < 2 ? null : interval);
    const row = compareAt({ ...matched, name: `${matched.name}/${short}` }, axis, measure);
    return [
      [
        short,
        <Estimated value={percent(row.a.mean)} interval={within(percentInterval(row.a.interval))} />,
        <Estimated value={percent(row.b.mean)} interval={within(percentInterval(row.b.interval))} />,
        <Estimated value={points(row.difference)} interval={within(pointsInterval(row.differenceInterval))} />,
        row.seeds < 2 ? "–" : probability(row.p),
        row.pPermutation === undefined ? "–" : probability(row.pPermutation),
        `${row.wins} of ${row.seeds}`,
      ],
    ];
  });
}

/** The main measure seen without its odd seeds, after correction for the number of pairs, and how many seeds it would take. */
function robustTable({ a, b, pair }: NamedPair): JSX.Element | null {
  const rows = pair.accuracyAt.flatMap(({ axis, iqm, power, pHolm, p, seeds }) => {
    if (iqm === undefined || seeds < 2) return [];
    return [
      [
        axis,
        <Estimated value={percent(iqm.a.value)} interval={percentInterval(iqm.a.interval)} />,
        <Estimated value={percent(iqm.b.value)} interval={percentInterval(iqm.b.interval)} />,
        <Estimated value={points(iqm.difference.value)} interval={pointsInterval(iqm.difference.interval)} />,
        probability(pHolm === undefined ? p : pHolm),
        power === undefined || power === null ? "–" : decimal(power.effect, 2),
        power === undefined || power === null ? "–" : percent(power.power, 0),
        power === undefined || power === null ? "–" : count(power.seedsNeeded),
        seeds,
      ],
    ];
  });
  if (rows.length === 0) return null;
  const family = pair.accuracyAt.some(({ pHolm }) => pHolm !== undefined);
  return table({
    caption: `Balanced, one term: interquartile means over seeds, t-test ${family ? "after Holm's correction for all pairs of arms" : "(one pair: nothing to correct)"}, and the seeds that a true difference of this size takes`,
    head: [
      "axis",
      armName(a),
      armName(b),
      "of the differences, points",
      family ? "corrected t-test" : "t-test",
      "effect, standard deviations",
      "power with these seeds",
      "seeds for 80 % power",
      "seeds here",
    ],
    rows,
  });
}

function pairTables(summary: Summary, named: NamedPair): Markup {
  const { a, b, pair } = named;
  const accuracy = pair.accuracyAt.map((row) =>
    table({
      caption: `Accuracy at ${count(row.samples)} ${row.axis} samples${row.axis === "generated" ? `. ${feasibilityNote(summary)}` : ""}`,
      head: [
        "measure",
        armName(a),
        armName(b),
        "difference, points",
        "paired t-test",
        "permutation",
        `${armName(a)} ahead`,
      ],
      rows: measureRows(named, row),
    }),
  );
  const reach = table({
    caption: `Samples that ${armName(a)} needed to reach ${armName(b)}'s final accuracy, as a share of what ${armName(b)} took. Over generated samples: ${feasibilityNote(summary)}`,
    head: ["axis", "mean", "95 % interval", "each seed"],
    rows: AXES.map((axis) => {
      const { ratio, interval, perSeed } = pair.samplesToReach[axis];
      const each = perSeed.map((value) => (value === null ? "never" : decimal(value, 2))).join(", ");
      return [
        axis,
        ratio === null ? "not reached" : decimal(ratio, 2),
        perSeed.length < 2 ? "–" : ratioInterval(interval),
        each,
      ];
    }),
  });
  return html`<h3>${capital(armName(a))} against ${armName(b)}</h3><p>${headline(named)}.</p>${accuracy}${robustTable(named)}${reach}`;
}

/** Every pair of arms in numbers. */
export const statisticsSection = (summary: Summary): Markup =>
  section(
    "statistics",
    "The statistics",
    html`<p>Paired by seed, two-sided. The main measure, fixed beforehand, is the first row (balanced, one term); the verdict follows from its t-test at p &lt; .05, the other rows are for orientation. A seed varies rooms, layouts, agent, subsampling and batches; base model, feasibility transitions and test sets are shared by all runs, so the statistics speak of other seeds, not of other models or worlds. An interquartile mean leaves out a quarter of the seeds at each end (rounded down: none below four). Power is that of the t-test at p &lt; .05, from the noncentral t distribution, as if the difference and spread seen here were the true ones; over few seeds they are rough, and so is it. No interval is corrected for the number of rows, and a bootstrap over few seeds gives intervals on the narrow side: the t-test is the stricter of the two.</p>
<p class="note">The final accuracy to be reached is the mean of the last three points of the other arm's curve; the first arm's curve is smoothed over three points. An arm compared with itself so comes out slightly below 1, by about one iteration.</p>`,
    namedPairs(summary).map((named) => pairTables(summary, named)),
  );
