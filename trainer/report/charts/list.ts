/** @file Every chart of a run: what is drawn, from which columns, in which unit, under which title. Report and live page draw these. */
import { type MetricColumn, REASON_COLUMNS, REASON_NAMES, TERM_COLUMNS, TERM_NAMES } from "../../run-format/columns.js";
import type { MetricsRow } from "../../run-format/readers.js";
import { capital } from "../format.js";
import { COUNT, NUMBER, type Quantity, SHARE } from "./quantities.js";

export interface Chart {
  /** The column that it is mainly about. */
  readonly column: MetricColumn;
  readonly title: string;
  readonly note?: string;
  readonly unit: Quantity;
  /** A row's value, from it and the row before; null where it was not measured. */
  readonly measured: (row: MetricsRow, before: MetricsRow | undefined) => number | null;
}

type Plain = Omit<Chart, "measured">;

const plain = (chart: Plain): Chart => ({ ...chart, measured: (row) => row[chart.column] });

/** Generated samples of the row's iteration. */
const generatedIn = (row: MetricsRow, before: MetricsRow | undefined): number =>
  (row.generated ?? 0) - (before?.generated ?? 0);

export const ACCURACY: readonly Chart[] = (
  [
    {
      column: "accuracyOneTerm",
      title: "Balanced test set, one term flipped",
      note: "Share of images whose right caption beats the one with one term flipped, mean over the six terms. 50 % is chance.",
      unit: SHARE,
    },
    {
      column: "accuracyFull",
      title: "Balanced test set, all terms flipped",
      note: "The same with all terms flipped.",
      unit: SHARE,
    },
    {
      column: "naturalOneTerm",
      title: "Natural mix, one term flipped",
      note: "Pairs as random sampling draws them.",
      unit: SHARE,
    },
    {
      column: "naturalFull",
      title: "Natural mix, all terms flipped",
      note: "Pairs as random sampling draws them.",
      unit: SHARE,
    },
  ] satisfies Plain[]
).map(plain);

export const PLACEMENTS: readonly Chart[] = [
  plain({
    column: "validRate",
    title: "Valid placements",
    note: "Share of an iteration's generated samples that obey the rules.",
    unit: SHARE,
  }),
];

/** Shares, so that arms with other numbers of samples can be compared. There is none before the first iteration. */
export const INVALID: readonly Chart[] = REASON_NAMES.map((column) => ({
  column,
  title: `Invalid: ${REASON_COLUMNS[column]}`,
  unit: SHARE,
  measured: (row, before) => {
    const [count, generated] = [row[column], generatedIn(row, before)];
    return count === null || generated <= 0 ? null : count / generated;
  },
}));

export const REWARD: readonly Chart[] = [
  plain({
    column: "rewardFeasibility",
    title: "Reward for validity, per generated sample",
    note: "Mean of +1 for a valid and −1 for an invalid placement.",
    unit: NUMBER,
  }),
  {
    column: "rewardExtrinsic",
    title: "Reward for difficulty, per valid sample",
    note: "Mean of the β part over valid samples. Random sampling is not trained by it: this is what it would have earned.",
    unit: NUMBER,
    // The column is a mean over all steps, and an invalid step earns none of it.
    measured: ({ rewardExtrinsic, validRate }) =>
      rewardExtrinsic === null || validRate === null || validRate <= 0 ? null : rewardExtrinsic / validRate,
  },
  plain({
    column: "score",
    title: "Score S of the samples",
    note: "1 to 5; lower is harder for the model as it was in that iteration.",
    unit: NUMBER,
  }),
  plain({
    column: "hardness",
    title: "Hardness h of the valid samples",
    note: "0 to 1; higher is harder for the model.",
    unit: NUMBER,
  }),
];

export const LEARNING: readonly Chart[] = (
  [
    {
      column: "testScore",
      title: "Score S on the test set",
      note: "The paper's: 1 to 5, by the terms in what the model says; higher is better.",
      unit: NUMBER,
    },
    {
      column: "unparsed",
      title: "Answers without a relation",
      note: "Share of the model's answers about an iteration's samples that say no relation.",
      unit: SHARE,
    },
    { column: "fineTuneLoss", title: "Fine-tuning loss", unit: NUMBER },
    { column: "gradientNorm", title: "Gradient norm before clipping", unit: NUMBER },
    { column: "kl", title: "Policy: KL from uniform, nats", unit: NUMBER },
    { column: "temperature", title: "Policy: temperature α", unit: NUMBER },
    { column: "validityLoss", title: "Agent: validity loss", unit: NUMBER },
    { column: "hardnessLoss", title: "Agent: hardness loss", unit: NUMBER },
  ] satisfies Plain[]
).map(plain);

export const TERM_ACCURACY: readonly Chart[] = TERM_NAMES.map((term) =>
  plain({ column: `accuracy_${term}`, title: capital(TERM_COLUMNS[term]), unit: SHARE }),
);

export const TERM_PAIRS: readonly Chart[] = TERM_NAMES.map((term) =>
  plain({ column: `samples_${term}`, title: capital(TERM_COLUMNS[term]), unit: COUNT }),
);
