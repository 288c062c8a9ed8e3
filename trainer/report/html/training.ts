/** @file How the runs went: relation terms, valid rate and reasons, rewards, losses, and the table of iterations. */

import { mean } from "../../mean.js";
import { Random } from "../../random/random.js";
import { type MetricColumn, REASON_COLUMNS, REASON_NAMES, TERM_COLUMNS, TERM_NAMES } from "../../run-format/columns.js";
import { armName, count, decimal, percent } from "../format.js";
import { bootstrapInterval } from "../statistics.js";
import { type ChartPoint, dotChart, lineChart, stackedBars } from "./chart.js";
import type { Arm } from "./contents.js";
import { meanAt, meanByIteration } from "./curves.js";
import { html, type Markup, section, table } from "./markup.js";

const shareTick = (value: number): string => percent(value, 0);
const plainTick = (value: number): string => String(Number(value.toPrecision(4))).replace("-", "−");

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
  const chart = dotChart({
    id: "terms-chart",
    title: "One-term accuracy by relation term",
    description: `Accuracy before and after by term: ${rows.map(({ label, dots }) => `${label} ${dots.map(({ name, value }) => `${name} ${percent(value)}`).join(", ")}`).join("; ")}.`,
    rows,
    format: shareTick,
    xLabel: "right caption beats the one with this term flipped",
    numbers,
  });
  return section("terms", "Term by term", html`<div class="split">${chart}<div>${table(numbers)}</div></div>`);
}

interface Tracked {
  readonly column: MetricColumn;
  readonly title: string;
  readonly tick: (value: number) => string;
  readonly note?: string;
}

const PLACEMENT: readonly Tracked[] = [
  {
    column: "validRate",
    title: "Valid rate",
    tick: shareTick,
    note: "Valid share of an iteration's generated samples.",
  },
];
const REWARDS: readonly Tracked[] = [
  {
    column: "rewardFeasibility",
    title: "Reward: feasibility part",
    tick: plainTick,
    note: "Mean of the ±1 for valid and invalid placements.",
  },
  {
    column: "rewardExtrinsic",
    title: "Reward: the model's difficulty",
    tick: plainTick,
    note: "Mean of the β part over all steps. Random sampling is not trained by it; it is what it would have earned.",
  },
  {
    column: "score",
    title: "Score S of the samples",
    tick: plainTick,
    note: "1 to 5; lower is harder for the model as it was in that iteration.",
  },
  { column: "hardness", title: "Hardness h of the valid samples", tick: plainTick },
];
const LEARNING: readonly Tracked[] = [
  {
    column: "testScore",
    title: "Score S on the test set",
    tick: plainTick,
    note: "The paper's: 1 to 5, by the terms in what the model says; higher is better.",
  },
  {
    column: "unparsed",
    title: "Answers without a relation",
    tick: shareTick,
    note: "Share of the model's answers about an iteration's samples that say no relation.",
  },
  { column: "fineTuneLoss", title: "Fine-tuning loss", tick: plainTick },
  { column: "gradientNorm", title: "Gradient norm before clipping", tick: plainTick },
  { column: "kl", title: "Policy: KL from uniform, nats", tick: plainTick },
  { column: "temperature", title: "Policy: temperature α", tick: plainTick },
  { column: "validityLoss", title: "Agent: validity loss", tick: plainTick },
  { column: "hardnessLoss", title: "Agent: hardness loss", tick: plainTick },
];

function trackedChart(arms: readonly Arm[], { column, title, tick, note }: Tracked): Markup | null {
  const series = arms.flatMap(({ name, colour, runs }) => {
    const points: ChartPoint[] = meanByIteration(name, runs, column);
    return points.length === 0 ? [] : [{ name: armName(name), colour, points }];
  });
  if (series.length === 0) return null;
  const ends = series.map(
    ({ name, points }) => `${name} from ${decimal(points[0]?.y)} to ${decimal(points.at(-1)?.y)}`,
  );
  return lineChart({
    id: `tracked-${column}`,
    title,
    description: `${title} by iteration: ${ends.join("; ")}.`,
    ...(note !== undefined && { note }),
    xLabel: "iteration",
    xFormat: (value) => (Number.isInteger(value) ? String(value) : ""),
    yFormat: tick,
    series,
    numbers: {
      caption: `${title}, means over seeds`,
      head: ["arm", "iteration", "mean"],
      rows: series.flatMap(({ name, points }) => points.map(({ x, y }) => [name, x, decimal(y, 4)])),
    },
  });
}

/** Share of generated samples that were invalid for each reason, in the first and in the last iteration. */
function reasonsChart(arms: readonly Arm[]): Markup | null {
  const rows = arms.flatMap(({ name, runs }) => {
    const shares = (row: (length: number) => number) =>
      REASON_NAMES.map((reason) => {
        const each = runs.flatMap(({ metrics }) => {
          const at = row(metrics.length);
          const generated = (metrics[at]?.generated ?? 0) - (metrics[at - 1]?.generated ?? 0);
          const invalid = metrics[at]?.[reason] ?? null;
          return invalid === null || generated <= 0 ? [] : [invalid / generated];
        });
        return each.length === 0 ? 0 : mean(each);
      });
    if (!runs.some(({ metrics }) => metrics.length > 1)) return [];
    const label = armName(name);
    return [
      { label: `${label}, first iteration`, shares: shares(() => 1) },
      { label: `${label}, last iteration`, shares: shares((length) => length - 1) },
    ];
  });
  if (rows.length === 0) return null;
  const parts = REASON_NAMES.map((reason) => REASON_COLUMNS[reason]);
  return stackedBars({
    id: "reasons-chart",
    title: "Why placements were not valid",
    description: `Share of generated samples by reason: ${rows.map(({ label, shares }) => `${label}: ${parts.map((part, i) => `${part} ${percent(shares[i])}`).join(", ")}`).join("; ")}.`,
    note: "Share of all generated samples of the iteration, by the first rule broken.",
    parts,
    rows,
    numbers: {
      caption: "Share of generated samples by reason, means over seeds",
      head: ["", ...parts],
      rows: rows.map(({ label, shares }) => [label, ...shares.map((value) => percent(value))]),
    },
  });
}

const present = (charts: readonly (Markup | null)[]): Markup[] => charts.filter((chart) => chart !== null);

export function placementsSection(arms: readonly Arm[], feasibility: string): Markup | null {
  const charts = present([...PLACEMENT.map((tracked) => trackedChart(arms, tracked)), reasonsChart(arms)]);
  if (charts.length === 0) return null;
  return section(
    "validity",
    "Valid and invalid placements",
    html`<p class="note">${feasibility}</p><div class="charts">${charts}</div>`,
  );
}

export function rewardsSection(arms: readonly Arm[]): Markup | null {
  const charts = present(REWARDS.map((tracked) => trackedChart(arms, tracked)));
  return charts.length === 0 ? null : section("rewards", "Reward parts", html`<div class="charts">${charts}</div>`);
}

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
  ["rewardExtrinsic", "reward β", (value) => decimal(value, 2)],
  ["fineTuneLoss", "loss", (value) => decimal(value, 3)],
  ["gradientNorm", "gradient", (value) => decimal(value, 2)],
  ["kl", "KL", (value) => decimal(value, 2)],
  ["temperature", "α", (value) => decimal(value, 3)],
];

/** Every iteration in numbers, and the losses as curves. */
export function iterationsSection(arms: readonly Arm[], feasibility: string): Markup {
  const tables = arms.map(({ name, runs }, i) => {
    const length = Math.max(0, ...runs.map(({ metrics }) => metrics.length));
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
  const charts = present(LEARNING.map((tracked) => trackedChart(arms, tracked)));
  return section(
    "iterations",
    "Iteration by iteration",
    tables,
    charts.length > 0 && html`<div class="charts">${charts}</div>`,
  );
}
