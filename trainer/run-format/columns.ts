/**
 * @file The columns of metrics.csv and episodes.csv and the fields of a sample's line. The loop writes them, the report
 * reads them.
 */

/** The six terms in column names and tags, with their words in captions. */
export const TERM_COLUMNS = {
  right: "right",
  left: "left",
  behind: "behind",
  inFront: "in front",
  above: "above",
  below: "below",
} as const;
export type TermColumn = keyof typeof TERM_COLUMNS;
export const TERM_NAMES = Object.keys(TERM_COLUMNS) as readonly TermColumn[];

/** Why a placement is invalid, in the order in which the rules are tested. Counts per iteration. */
export const REASON_COLUMNS = {
  reasonBounds: "out of bounds",
  reasonUnsupported: "unsupported",
  reasonFurniture: "overlaps furniture",
  reasonObject: "overlaps an object",
  reasonHidden: "hidden",
} as const;
export type ReasonColumn = keyof typeof REASON_COLUMNS;
export const REASON_NAMES = Object.keys(REASON_COLUMNS) as readonly ReasonColumn[];

const accuracyColumn = (term: TermColumn) => `accuracy_${term}` as const;
const samplesColumn = (term: TermColumn) => `samples_${term}` as const;

/** One row per iteration; row 0 is before the first. A cell is empty where its quantity was not measured. */
export const METRIC_COLUMNS = [
  "iteration",
  "generated",
  "valid",
  "feasibilitySteps",
  "validRate",
  ...REASON_NAMES,
  "accuracyFull",
  "accuracyOneTerm",
  "naturalFull",
  "naturalOneTerm",
  "score",
  "hardness",
  "rewardFeasibility",
  "rewardExtrinsic",
  "fineTuneLoss",
  "gradientNorm",
  "kl",
  "temperature",
  "validityLoss",
  "hardnessLoss",
  ...TERM_NAMES.map(accuracyColumn),
  ...TERM_NAMES.map(samplesColumn),
  /** Share of the model's answers that name no relation. Empty for a model that ranks; absent in older runs. */
  "unparsed",
  /** The paper's score, 1 to 5, of what a model that answers says by itself on the test set. Absent in older runs. */
  "testScore",
] as const;
export type MetricColumn = (typeof METRIC_COLUMNS)[number];

export const EPISODE_COLUMNS = [
  "iteration",
  "episode",
  "steps",
  "valid",
  "meanScore",
  "meanHardness",
  "return",
] as const;
export type EpisodeColumn = (typeof EPISODE_COLUMNS)[number];

/** One row per iteration; the plugin's metrics follow as further columns. */
export const PLUGIN_COLUMNS = ["iteration", "generated", "valid"] as const;

/**
 * One question: the pair's right caption, its probability against its flips, and its relation's margin to the nearest
 * boundary in degrees.
 */
export interface SampleCaption {
  /** Slots of the first and the second object; absent in old runs, which asked about every pair in order. */
  readonly slots?: readonly [number, number] | undefined;
  /** The prompt, where the texts are answers. */
  readonly prompt?: string | undefined;
  readonly right: string;
  /** What a model that answers said by itself. */
  readonly said?: string | undefined;
  /** The wrong caption that the model preferred; absent where it preferred the right one. */
  readonly answer?: string | undefined;
  /** Of the right caption among all candidates (softmax). */
  readonly probability: number;
  readonly margin: number;
}

/** A line of samples/NNNN.jsonl: one valid sample. */
export interface SampleLine {
  readonly episode: number;
  readonly step: number;
  readonly scene: number;
  /** For each active slot: catalog index, x, y, z in mm, yaw step. */
  readonly objects: readonly (readonly number[])[];
  /** The slot that was placed in this step. */
  readonly slot: number;
  /** Empty where no pair is askable. */
  readonly captions: readonly SampleCaption[];
  /** Null where no pair of the moved object is askable; then the hardness is 0. */
  readonly score: number | null;
  readonly hardness: number;
  /** Whether the model was fine-tuned on it. */
  readonly kept: boolean;
  /** The picture, relative to the folder samples/; only for some of the hardest. */
  readonly image?: string | undefined;
}
