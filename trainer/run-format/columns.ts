/** @file The columns of metrics.csv and episodes.csv and the fields of a sample's line: the loop writes them, the report reads them. */

/** The six terms as columns and tags name them, with the words of the captions. */
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

/** Why a placement is not valid, in the order in which the rules are tested. Counts of one iteration. */
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

/** One row an iteration; row 0 is before the first. A cell is empty where its quantity was not measured. */
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
  /** Share of the model's answers that say no relation; empty of a model that ranks, and absent in older runs. */
  "unparsed",
  /** The paper's score of a model that answers on the test set, 1 to 5: of what it says by itself. Absent in older runs. */
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

/** One row an iteration; a column for each of the plugin's metrics behind these. */
export const PLUGIN_COLUMNS = ["iteration", "generated", "valid"] as const;

/** One asked caption: the pair it is of, the right one, its probability against its flips, and the boundary margin of its relation in degrees. */
export interface SampleCaption {
  /** The first and the second object's slots; absent in runs that asked every pair, in their order. */
  readonly slots?: readonly [number, number] | undefined;
  /** What the model was asked, where the texts are answers. */
  readonly prompt?: string | undefined;
  readonly right: string;
  /** What a model that answers said by itself. */
  readonly said?: string | undefined;
  /** The wrong caption that the model preferred; absent where it preferred the right one. */
  readonly answer?: string | undefined;
  /** Of the right one among all asked (softmax). */
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
  /** None where no pair may be asked about. */
  readonly captions: readonly SampleCaption[];
  /** Null where nothing about the moved object is asked; the hardness is 0 then. */
  readonly score: number | null;
  readonly hardness: number;
  /** Whether it went into the fine-tuning batch. */
  readonly kept: boolean;
  /** Picture of one of the hardest, relative to the folder samples/. */
  readonly image?: string | undefined;
}
