/** @file The top of a comparison's report: was it better, by how much, and the curves that show it. */
import { at } from "../../at.js";
import { mean } from "../../mean.js";
import { type AccuracyAt, AXES, type SeedRun, type Summary } from "../../run-format/summary.js";
import { isFollowed } from "../charts/curves.js";
import { LineFigure } from "../charts/lines.js";
import { ACCURACY } from "../charts/list.js";
import { AXIS_NAMES, COUNT, POINTS, RATIO, SHARE } from "../charts/quantities.js";
import { DataTable, Estimated, tableOf } from "../charts/table.js";
import { lineChartOf, MEAN_NOTE, Tracked } from "../charts/tracked.js";
import { armName, capital, count, decimal, percent, points, probability } from "../format.js";
import { compareAt, type Measure, match } from "../summary.js";
import {
  accuracySentence,
  headline,
  interquartileSentence,
  mainPair,
  missingSentences,
  type NamedPair,
  namedPairs,
  powerSentence,
  reachSentence,
} from "../verdicts.js";
import type { Arm } from "./contents.js";
import { type Header, inPoints, type Section, type Tile, Tiles } from "./page.js";

const MEASURES: readonly (readonly [name: string, measure: Measure])[] = [
  ["balanced, one term", (point) => point.accuracy.oneTerm],
  ["balanced, full flip", (point) => point.accuracy.full],
  ["natural, one term", (point) => point.natural?.oneTerm],
  ["natural, full flip", (point) => point.natural?.full],
];

const VERDICTS = {
  better: { name: "higher", look: "better" },
  worse: { name: "lower", look: "worse" },
  "no difference": { name: "not significant", look: "none" },
} as const;

function accuracyTile({ b, pair }: NamedPair, row: AccuracyAt): Tile {
  const { name, look } = VERDICTS[pair.verdict[row.axis]];
  const tested = (
    <>
      <span class={look}>{name}</span>, {probability(row.p)}
    </>
  );
  return {
    name: `One-term accuracy per ${row.axis} sample`,
    value: inPoints(points(row.difference)),
    text: (
      <>
        {percent(row.a.mean)}, {armName(b)} {percent(row.b.mean)}, at {count(row.samples)} {row.axis} samples;{" "}
        {row.seeds < 2 ? <span class="none">one seed, not tested</span> : tested}
      </>
    ),
  };
}

function tilesOf(named: NamedPair): Tile[] {
  const { b, pair } = named;
  const [own, others] = [named.runsA, named.runsB].map((runs) => percent(mean(runs.map((run) => run.validRate)), 0));
  return [
    ...pair.accuracyAt.map((row) => accuracyTile(named, row)),
    ...AXES.map((axis) => {
      const { ratio, interval, perSeed } = pair.samplesToReach[axis];
      const range = interval !== null && perSeed.length > 1 ? ` (95 % interval ${RATIO.range(interval)})` : "";
      return {
        name: `${capital(axis)} samples for the same accuracy`,
        value: ratio === null ? "not reached" : `${decimal(ratio, 2)} ×`,
        text: `of ${armName(b)}'s, to its final one-term accuracy${range}`,
      };
    }),
    { name: "Valid placements", value: own, text: `of its generated samples; ${armName(b)} ${others}` },
  ];
}

/** What accuracy is, on every page. */
export const ACCURACY_NOTE =
  "Accuracy: share of images whose right caption beats the same caption with one term flipped, mean over the six terms, on a test set balanced over the 26 relations.";
export const INTERVAL_NOTE = "Intervals: 95 %, Student's t over seeds.";
const OLD_INTERVAL_NOTE =
  "Intervals: 95 %, percentile bootstrap over seeds, too narrow over few; rls3 report makes better ones from the runs.";

/** The headline and the numbers behind it. */
export function verdictHeader(summary: Summary, feasibility: string): Header {
  const main = mainPair(summary);
  const missing = missingSentences(summary).map((sentence) => <p class="warnings">{sentence}</p>);
  if (main === null) {
    const [only = "no arm", ...others] = Object.keys(summary.arms);
    const alone = `${capital(armName(only))} alone: nothing to compare it with`;
    return { title: others.length === 0 ? alone : "No two arms have a seed in common yet", header: <>{missing}</> };
  }
  const rows = main.pair.accuracyAt;
  const header = (
    <>
      <Tiles tiles={tilesOf(main)} />
      <p class="note">
        {feasibility} {ACCURACY_NOTE}{" "}
        {at(rows, 0).seeds > 1 && (summary.intervals === undefined ? OLD_INTERVAL_NOTE : INTERVAL_NOTE)}
      </p>
      {rows.map((row) => (
        <p>
          {accuracySentence(main, row)} {interquartileSentence(main, row)} {powerSentence(row)}
        </p>
      ))}
      <p>{reachSentence(main)}</p>
      {missing}
    </>
  );
  return { title: headline(main), header };
}

/** Whether the arms may be read off at one place of the valid axis. */
function budgetNote(arms: readonly Arm[]): string {
  const ends = new Set(arms.flatMap(({ runs }) => runs.map(({ curve }) => curve.curve.at(-1)?.valid ?? 0)));
  const [end] = ends;
  return ends.size === 1
    ? `Each run ends at ${count(end)} valid samples.`
    : "The runs end at different numbers of valid samples.";
}

const CURVES =
  "A generated sample is one placement by the agent; a valid one obeys the rules and is shown to the model. An agent whose placements are more often valid gains over generated samples even if its samples teach no more each. Over valid samples that advantage is gone.";

/** Both axes side by side for each measure that was evaluated. */
export function curvesSection(arms: readonly Arm[], feasibility: string): Section {
  const notes = { generated: feasibility, valid: budgetNote(arms) };
  return {
    id: "curves",
    name: "Curves",
    title: "Accuracy over generated and over valid samples",
    intro: `${CURVES}${arms.some(({ runs }) => runs.length > 1) ? ` ${MEAN_NOTE}` : ""}`,
    body: (
      <Tracked
        charts={ACCURACY}
        arms={arms}
        heading
        figure={(chart) =>
          AXES.map((axis) => {
            const heading = `Over ${AXIS_NAMES[axis]}`;
            return <LineFigure chart={{ ...lineChartOf(arms, chart, axis), heading, note: notes[axis] }} />;
          })
        }
      />
    ),
  };
}

/**
 * Whether a comparison at a number of samples can have the measure. Off the ends of the runs it has to be followed: a straight line from
 * the first to the last value would flatter the arm that ends earlier.
 */
const isTaken = (runs: readonly SeedRun[], measure: Measure, { axis, samples }: AccuracyAt): boolean =>
  runs.every(({ curve }) => {
    const last = curve.at(-1);
    return last !== undefined && measure(last) !== undefined;
  }) &&
  (runs.every(({ curve }) => curve.at(-1)?.[axis] === samples) ||
    runs.every(({ curve }) => isFollowed(curve.map(measure))));

function AccuracyTable({ named, row, caption }: { named: NamedPair; row: AccuracyAt; caption: string }) {
  const { a, b, runsA, runsB } = named;
  const matched = match(a, runsA, b, runsB);
  if (matched === null) return null;
  const rows = MEASURES.flatMap(([name, measure]) =>
    isTaken([...matched.a, ...matched.b], measure, row)
      ? [{ name, ...compareAt({ ...matched, name: `${matched.name}/${name}` }, row.axis, measure) }]
      : [],
  );
  const unlessOne = <T,>(interval: T): T | null => (row.seeds < 2 ? null : interval);
  const table = tableOf(caption, rows, [
    ["measure", ({ name }) => name],
    [armName(a), (each) => <Estimated of={SHARE} value={each.a.mean} interval={unlessOne(each.a.interval)} />],
    [armName(b), (each) => <Estimated of={SHARE} value={each.b.mean} interval={unlessOne(each.b.interval)} />],
    [
      "difference, points",
      (each) => <Estimated of={POINTS} value={each.difference} interval={unlessOne(each.differenceInterval)} />,
    ],
    ["paired t-test", ({ p, seeds }) => (seeds < 2 ? null : probability(p))],
    ["permutation", ({ pPermutation }) => pPermutation && probability(pPermutation)],
    [`${armName(a)} ahead`, ({ wins, seeds }) => `${wins} of ${seeds}`],
  ]);
  return <DataTable {...table} />;
}

/** The main measure seen without its odd seeds, after correction for the number of pairs, and how many seeds it would take. */
function RobustTable({ a, b, pair }: NamedPair) {
  const rows = pair.accuracyAt.flatMap(({ iqm, ...row }) =>
    iqm === undefined || row.seeds < 2 ? [] : [{ ...row, iqm }],
  );
  if (rows.length === 0) return null;
  const family = rows.some(({ pHolm }) => pHolm !== undefined);
  const correction = family ? "after Holm's correction for all pairs of arms" : "(one pair: nothing to correct)";
  const table = tableOf(
    `Balanced, one term: interquartile means over seeds, t-test ${correction}, and the seeds that a true difference of this size takes`,
    rows,
    [
      ["axis", ({ axis }) => axis],
      [armName(a), ({ iqm }) => <Estimated of={SHARE} {...iqm.a} />],
      [armName(b), ({ iqm }) => <Estimated of={SHARE} {...iqm.b} />],
      ["of the differences, points", ({ iqm }) => <Estimated of={POINTS} {...iqm.difference} />],
      [family ? "corrected t-test" : "t-test", ({ pHolm, p }) => probability(pHolm === undefined ? p : pHolm)],
      ["effect, standard deviations", ({ power }) => decimal(power?.effect, 2)],
      ["power with these seeds", ({ power }) => percent(power?.power, 0)],
      ["seeds for 80 % power", ({ power }) => <Estimated of={COUNT} value={power?.seedsNeeded} />],
      ["seeds here", ({ seeds }) => seeds],
    ],
  );
  return <DataTable {...table} />;
}

function PairTables({ named, feasibility }: { readonly named: NamedPair; readonly feasibility: string }) {
  const [a, b] = [armName(named.a), armName(named.b)];
  const { accuracyAt, samplesToReach } = named.pair;
  const reach = tableOf(
    `Samples that ${a} needed to reach ${b}'s final accuracy, as a share of what ${b} took. Over generated samples: ${feasibility}`,
    AXES.map((axis) => ({ axis, ...samplesToReach[axis] })),
    [
      ["axis", ({ axis }) => axis],
      ["mean", ({ ratio }) => (ratio === null ? "not reached" : decimal(ratio, 2))],
      ["95 % interval", ({ interval, perSeed }) => perSeed.length > 1 && interval !== null && RATIO.range(interval)],
      ["each seed", ({ perSeed }) => perSeed.map((one) => (one === null ? "never" : decimal(one, 2))).join(", ")],
    ],
  );
  return (
    <>
      <h3>
        {capital(a)} against {b}
      </h3>
      <p>{headline(named)}.</p>
      {accuracyAt.map((row) => {
        const caption = `Accuracy at ${count(row.samples)} ${row.axis} samples`;
        const after = row.axis === "generated" ? `. ${feasibility}` : "";
        return <AccuracyTable named={named} row={row} caption={`${caption}${after}`} />;
      })}
      <RobustTable {...named} />
      <DataTable {...reach} />
    </>
  );
}

const STATISTICS =
  "Paired by seed, two-sided. The main measure, fixed beforehand, is the first row (balanced, one term); the verdict follows from its t-test at p < .05, and the other rows are for orientation. A seed varies rooms, layouts, agent, subsampling and batches. All runs share base model, feasibility transitions and test sets, so the statistics speak of other seeds, not of other models or worlds. An interquartile mean leaves out a quarter of the seeds at each end (rounded down: none below four). Power is that of the t-test at p < .05, from the noncentral t distribution, as if the difference and spread seen here were the true ones; over few seeds all of this is rough. No interval is corrected for the number of rows. Intervals of means and differences are Student's t, as the test; those of interquartile means are percentile bootstraps, which are too narrow over few seeds.";
const REACH =
  "The final accuracy to be reached is the mean of the last three points of the other arm's curve; the first arm's curve is smoothed over three points. So an arm compared with itself comes out slightly below 1, by about one iteration.";

/** Every pair of arms in numbers; null where there is none. */
export function statisticsSection(summary: Summary, feasibility: string): Section | null {
  const pairs = namedPairs(summary);
  if (pairs.length === 0) return null;
  const body = pairs.map((named) => <PairTables named={named} feasibility={feasibility} />);
  return { id: "statistics", name: "Statistics", title: "The statistics", intro: STATISTICS, note: REACH, body };
}
