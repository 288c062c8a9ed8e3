/** @file How the runs went: relation terms, valid rate and reasons, rewards, losses, and the table of iterations. */

import type { JSX } from "preact";
import { mean } from "../../mean.js";
import { Random } from "../../random/random.js";
import { type MetricColumn, TERM_COLUMNS, TERM_NAMES } from "../../run-format/columns.js";
import { type Arm as Drawn, followedCharts } from "../charts/curves.js";
import { DotFigure } from "../charts/dots.js";
import { LineFigure } from "../charts/lines.js";
import { type Chart, INVALID, LEARNING, PLACEMENTS, REWARD } from "../charts/list.js";
import { SHARE } from "../charts/quantities.js";
import { lineChartOf, NowAndThen } from "../charts/tracked.js";
import { armName, count, decimal, percent } from "../format.js";
import { bootstrapInterval } from "../statistics.js";
import type { Arm } from "./contents.js";
import { asDrawn, meanAt } from "./drawn.js";
import { html, type Markup, section, table } from "./markup.js";

/** Accuracy of each term before and after, and how often the samples had it. */
export function termsSection(arms: readonly Arm[]): Markup | null {
  const all = arms.flatMap(({ runs }) => runs);
  if (TERM_NAMES.every((term) => meanAt(all, `accuracy_${term}`, -1) === null)) return null;
  const rows = TERM_NAMES.map((term) => {
    const dots = arms.flatMap(({ name, colour, runs }) => {
      const values = runs.flatMap(({ metrics }) => metrics.at(-1)?.[`accuracy_${term}`] ?? []);
      if (values.length === 0) return [];
      const dot = { name: armName(name), colour, value: mean(values) };
      if (values.length === 1) return [dot];
      const [low, high] = bootstrapInterval(values, Random.stream(0, "report", name, "term", term));
      return [{ ...dot, low, high }];
    });
    return { label: TERM_COLUMNS[term], before: meanAt(all, `accuracy_${term}`, 0), dots };
  });
  const cells = TERM_NAMES.map((term) => [
    TERM_COLUMNS[term],
    percent(meanAt(all, `accuracy_${term}`, 0)),
    ...arms.flatMap(({ runs }) => [
      percent(meanAt(runs, `accuracy_${term}`, -1)),
      count(meanAt(runs, `samples_${term}`, -1)),
    ]),
  ]);
  const numbers = {
    caption:
      "Balanced test set, this term flipped: accuracy before and after, and how many pairs of the valid samples had the term until then (means over seeds)",
    head: ["term", "before", ...arms.flatMap(({ name }) => [`${armName(name)}: after`, "pairs with it"])],
    rows: cells,
  };
  const chart = (
    <DotFigure
      title="One-term accuracy by relation term"
      rows={rows}
      x={SHARE}
      xLabel="right caption beats the one with this term flipped"
    />
  );
  return section("terms", "Term by term", html`<div class="split">${chart}<div>${table(numbers)}</div></div>`);
}

const figures = (charts: readonly Chart[], arms: readonly Drawn[]): JSX.Element[] =>
  charts.map((chart) => <LineFigure chart={lineChartOf(arms, chart, "iteration")} />);

/** The charts of a section by iteration; null where none was measured. */
function trackedSection(
  id: string,
  title: string,
  charts: readonly Chart[],
  arms: readonly Arm[],
  intro?: string,
): Markup | null {
  const drawn = arms.map(asDrawn);
  const { followed, seldom } = followedCharts(charts, drawn);
  if (followed.length + seldom.length === 0) return null;
  return section(
    id,
    title,
    intro !== undefined && html`<p class="note">${intro}</p>`,
    html`<div class="charts">${figures(followed, drawn)}</div>`,
    <NowAndThen charts={seldom} arms={drawn} />,
  );
}

export const placementsSection = (arms: readonly Arm[], feasibility: string): Markup | null =>
  trackedSection("validity", "Valid and invalid placements", [...PLACEMENTS, ...INVALID], arms, feasibility);

export const rewardsSection = (arms: readonly Arm[]): Markup | null =>
  trackedSection("rewards", "What the agent earned", REWARD, arms);

const ITERATION_COLUMNS: readonly [MetricColumn, string, (value: number | null) => string][] = [
  ["generated", "generated", count],
  ["valid", "valid", count],
  ["validRate", "valid rate", (value) => percent(value)],
  ["accuracyOneTerm", "one term", (value) => percent(value)],
  ["accuracyFull", "full flip", (value) => percent(value)],
  ["naturalOneTerm", "natural, one term", (value) => percent(value)],
  ["naturalFull", "natural, full flip", (value) => percent(value)],
  ["score", "S", (value) => decimal(value, 2)],
  ["hardness", "h", (value) => decimal(value, 3)],
  ["rewardFeasibility", "reward ±1", (value) => decimal(value, 2)],
  ["rewardExtrinsic", "reward β, all steps", (value) => decimal(value, 2)],
  ["fineTuneLoss", "loss", (value) => decimal(value, 3)],
  ["gradientNorm", "gradient", (value) => decimal(value, 2)],
  ["kl", "KL", (value) => decimal(value, 2)],
  ["temperature", "α", (value) => decimal(value, 3)],
];

/** Every iteration in numbers, and the losses as curves. */
export function iterationsSection(arms: readonly Arm[], feasibility: string): Markup {
  const tables = arms.map(({ name, runs }, i) => {
    // As far as every seed has come: a mean over the seeds that are left would jump.
    const length = Math.max(0, Math.min(...runs.map(({ metrics }) => metrics.length)));
    const rows = Array.from({ length }, (_, row) => [
      meanAt(runs, "iteration", row) ?? row,
      ...ITERATION_COLUMNS.map(([column, , format]) => format(meanAt(runs, column, row))),
    ]);
    const seeds = runs.length === 1 ? "" : `, means over ${runs.length} seeds`;
    const content = table({
      caption: `${armName(name)}${seeds}. ${feasibility}`,
      head: ["iteration", ...ITERATION_COLUMNS.map(([, title]) => title)],
      rows,
    });
    return arms.length === 1
      ? content
      : html`<details${i === 0 && " open"}><summary>${armName(name)}</summary>${content}</details>`;
  });
  const drawn = arms.map(asDrawn);
  const { followed, seldom } = followedCharts(LEARNING, drawn);
  return section(
    "iterations",
    "Iteration by iteration",
    tables,
    followed.length > 0 && html`<div class="charts">${figures(followed, drawn)}</div>`,
    <NowAndThen charts={seldom} arms={drawn} />,
  );
}
