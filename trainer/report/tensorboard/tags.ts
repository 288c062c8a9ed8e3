/** @file TensorBoard's tags of the columns of metrics.csv; TensorBoard groups tags by the part before the slash. */
import { type MetricColumn, REASON_NAMES, TERM_NAMES } from "../../run-format/columns.js";

/** "inFront" → "in_front". */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const TAGS: ReadonlyMap<string, string> = new Map<MetricColumn, string>([
  ["accuracyFull", "accuracy/full"],
  ["accuracyOneTerm", "accuracy/one_term"],
  ["naturalFull", "accuracy/natural_full"],
  ["naturalOneTerm", "accuracy/natural_one_term"],
  ["testScore", "accuracy/score"],
  ...TERM_NAMES.map((term) => [`accuracy_${term}`, `terms/${snake(term)}`] as const),
  ["valid", "samples/valid"],
  ["generated", "samples/generated"],
  ["validRate", "samples/valid_rate"],
  ["score", "samples/score"],
  ["hardness", "samples/hardness"],
  ["unparsed", "samples/unparsed"],
  ...TERM_NAMES.map((term) => [`samples_${term}`, `samples_by_term/${snake(term)}`] as const),
  ...REASON_NAMES.map(
    (reason) => [reason, `invalid/${snake(reason.slice("reason".length)).replace(/^_/, "")}`] as const,
  ),
  ["rewardFeasibility", "reward/feasibility"],
  ["rewardExtrinsic", "reward/extrinsic"],
  ["fineTuneLoss", "learning/fine_tune_loss"],
  ["gradientNorm", "learning/gradient_norm"],
  ["kl", "learning/kl"],
  ["temperature", "learning/temperature"],
  ["validityLoss", "learning/validity_loss"],
  ["hardnessLoss", "learning/hardness_loss"],
]);

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
