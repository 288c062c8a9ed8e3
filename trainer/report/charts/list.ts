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

type Row = readonly [column: MetricColumn, title: string, unit: Quantity, note?: string];

/** Charts of columns as they are. */
const columnCharts = (rows: readonly Row[]): Chart[] =>
  rows.map(([column, title, unit, note]) => ({
    column,
    title,
    unit,
    ...(note !== undefined && { note }),
    measured: (row) => row[column],
  }));

const NATURAL = "Pairs as random sampling draws them.";
const ONE_TERM =
  "Share of images whose right caption beats the one with one term flipped, mean over the six terms. 50 % is chance.";

export const ACCURACY: readonly Chart[] = columnCharts([
  ["accuracyOneTerm", "Balanced test set, one term flipped", SHARE, ONE_TERM],
  ["accuracyFull", "Balanced test set, all terms flipped", SHARE, "The same with all terms flipped."],
  ["naturalOneTerm", "Natural mix, one term flipped", SHARE, NATURAL],
  ["naturalFull", "Natural mix, all terms flipped", SHARE, NATURAL],
]);

export const PLACEMENTS: readonly Chart[] = columnCharts([
  ["validRate", "Valid placements", SHARE, "Share of an iteration's generated samples that obey the rules."],
]);

/** Shares, so that arms with other numbers of samples can be compared. There is none before the first iteration. */
export const INVALID: readonly Chart[] = REASON_NAMES.map((column) => ({
  column,
  title: `Invalid: ${REASON_COLUMNS[column]}`,
  unit: SHARE,
  measured: (row, before) => {
    const count = row[column];
    const generated = (row.generated ?? 0) - (before?.generated ?? 0);
    return count === null || generated <= 0 ? null : count / generated;
  },
}));

const VALIDITY = "Mean of +1 for a valid and −1 for an invalid placement.";
const SCORE = "1 to 5; lower is harder for the model as it was in that iteration.";

export const REWARD: readonly Chart[] = [
  ...columnCharts([["rewardFeasibility", "Reward for validity, per generated sample", NUMBER, VALIDITY]]),
  {
    column: "rewardExtrinsic",
    title: "Reward for difficulty, per valid sample",
    note: "Mean of the β part over valid samples. Random sampling is not trained by it: this is what it would have earned.",
    unit: NUMBER,
    // The column is a mean over all steps, and an invalid step earns none of it.
    measured: ({ rewardExtrinsic, validRate }) =>
      rewardExtrinsic === null || validRate === null || validRate <= 0 ? null : rewardExtrinsic / validRate,
  },
  ...columnCharts([
    ["score", "Score S of the samples", NUMBER, SCORE],
    ["hardness", "Hardness h of the valid samples", NUMBER, "0 to 1; higher is harder for the model."],
  ]),
];

const TEST_SCORE = "The paper's: 1 to 5, by the terms in what the model says; higher is better.";
const UNPARSED = "Share of the model's answers about an iteration's samples that say no relation.";

export const LEARNING: readonly Chart[] = columnCharts([
  ["testScore", "Score S on the test set", NUMBER, TEST_SCORE],
  ["unparsed", "Answers without a relation", SHARE, UNPARSED],
  ["fineTuneLoss", "Fine-tuning loss", NUMBER],
  ["gradientNorm", "Gradient norm before clipping", NUMBER],
  ["kl", "Policy: KL from uniform, nats", NUMBER],
  ["temperature", "Policy: temperature α", NUMBER],
  ["validityLoss", "Agent: validity loss", NUMBER],
  ["hardnessLoss", "Agent: hardness loss", NUMBER],
]);

export const TERM_ACCURACY: readonly Chart[] = columnCharts(
  TERM_NAMES.map((term) => [`accuracy_${term}`, capital(TERM_COLUMNS[term]), SHARE]),
);

export const TERM_PAIRS: readonly Chart[] = columnCharts(
  TERM_NAMES.map((term) => [`samples_${term}`, capital(TERM_COLUMNS[term]), COUNT]),
);
