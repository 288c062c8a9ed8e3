/** @file TensorBoard's tags of the columns of metrics.csv; TensorBoard groups tags by the part before the slash. */
import { type MetricColumn, REASON_NAMES, TERM_NAMES } from "../../run-format/columns.js";

/** "inFront" → "in_front". */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** By TensorBoard's groups: a column's tag is its own name unless another is given. */
const GROUPS: Readonly<Record<string, readonly (MetricColumn | readonly [MetricColumn, tag: string])[]>> = {
  accuracy: [
    ["accuracyFull", "full"],
    ["accuracyOneTerm", "one_term"],
    "naturalFull",
    "naturalOneTerm",
    ["testScore", "score"],
  ],
  terms: TERM_NAMES.map((term) => [`accuracy_${term}`, snake(term)]),
  samples: ["valid", "generated", "validRate", "score", "hardness", "unparsed"],
  samples_by_term: TERM_NAMES.map((term) => [`samples_${term}`, snake(term)]),
  invalid: REASON_NAMES.map((reason) => [reason, snake(reason).replace("reason_", "")]),
  reward: [
    ["rewardFeasibility", "feasibility"],
    ["rewardExtrinsic", "extrinsic"],
  ],
  learning: ["fineTuneLoss", "gradientNorm", "kl", "temperature", "validityLoss", "hardnessLoss"],
};

const TAGS: ReadonlyMap<string, string> = new Map(
  Object.entries(GROUPS).flatMap(([group, columns]) =>
    columns.map((entry) => {
      const [column, tag] = typeof entry === "string" ? [entry, snake(entry)] : entry;
      return [column, `${group}/${tag}`];
    }),
  ),
);

/** Null for columns that are no curve: the iteration, and what is the same in all rows. */
export const tagOf = (column: string): string | null => TAGS.get(column) ?? null;

export const pluginTag = (metric: string): string => `plugin/${metric}`;

/** The metrics of TensorBoard's HPARAMS tab, beside the settings. */
export const COMPARED_TAGS: readonly string[] = [
  "accuracy/one_term",
  "accuracy/full",
  "accuracy/natural_one_term",
  "accuracy/natural_full",
  "samples/valid_rate",
];
