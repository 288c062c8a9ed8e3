/** @file The dataset card: README.md of an export, with the front matter for Hugging Face's hub and `load_dataset`. */
import type { Format } from "./formats/format.js";
import { SPLITS, type Split } from "./row.js";
import type { ExportedRun } from "./runs.js";
import type { Validation } from "./splits.js";

export interface Described {
  readonly runs: readonly ExportedRun[];
  readonly format: Format;
  readonly formatName: string;
  readonly counts: Readonly<Record<Split, number>>;
  readonly validation: Validation;
  readonly hardest: number | null;
  /** Side in pixels; null: the size that each run's model saw. */
  readonly size: number | null;
}

const SIZES = [
  [1000, "n<1K"],
  [10_000, "1K<n<10K"],
  [100_000, "10K<n<100K"],
  [1_000_000, "100K<n<1M"],
] as const;

const sizeCategory = (rows: number): string => SIZES.find(([below]) => rows < below)?.[1] ?? "1M<n<10M";

function frontMatter({ format, counts }: Described): string[] {
  const splits = SPLITS.filter((split) => counts[split] > 0);
  const { glob } = format;
  const files = splits.flatMap((split) => [`  - split: ${split}`, `    path: "${glob(split)}"`]);
  return [
    "---",
    "language: en",
    "task_categories: [visual-question-answering, image-to-text]",
    "tags: [spatial-relations, synthetic]",
    `size_categories: ["${sizeCategory(splits.reduce((sum, split) => sum + counts[split], 0))}"]`,
    ...["configs:", "- config_name: default", "  data_files:", ...files],
    "---",
  ];
}

const list = (values: Iterable<string | number>): string => [...new Set(values)].join(", ");

function divided({ validation }: Described): string {
  if (validation.by === "nothing") return "There is no validation split.";
  const numbers = [...validation.numbers].sort((a, b) => a - b);
  return `Validation has ${validation.by === "seeds" ? "all runs of the seeds" : "the iterations"} ${list(numbers)} and nothing else. A run's seed and iteration determine its layouts, so the two splits share none.`;
}

const COLUMNS = [
  ["`id`", "names the sample and its picture"],
  ["`split`", "`train`, `validation` or `test`"],
  ["`run`, `seed`", "the run's folder and seed; in the test split `\"\"` and the test set's seed"],
  ["`world`, `scene`", "the catalog and the room"],
  ["`iteration`, `episode`, `step`", "where in the run it was made; iteration 0 and null in the test split"],
  ["`size`", "pixels a side"],
  [
    "`score`",
    "S of the model at that time, 1 (wrong) to 5 (right); null where no pair of the moved object was asked about",
  ],
  ["`hardness`", "((6 − S)² − 1) / 24, as the run has it, 0 to 1"],
  ["`tuned_on`", "whether the run's model was fine-tuned on it"],
  ["`moved`", "index in `objects` of the object that the agent placed"],
  ["`objects`", "`name`, `position` (x, y, z in mm, y up), `box`"],
  [
    "`box`, `boxes`",
    "[x0, y0, x1, y1] in pixels from the upper left corner; x1 and y1 lie one past the last pixel. Around the pixels that the object covers by half or more; null where there are none, or where another renderer drew the picture",
  ],
  ["`pairs`", "for each pair that the model can be asked about:"],
  ["`first`, `second`, `objects`, `boxes`", "names of the two, their indices in `objects`, their boxes"],
  ["`relation`, `terms`", 'of the first to the second: "above and to the left of", ["above", "left"]'],
  ["`caption`, `wrong_captions`", "the true caption and false ones: the full flip first, then one term flipped"],
  ["`question`, `answer`, `wrong_answers`", "the same as a question"],
  [
    "`preferred`, `probability`, `said`",
    "the text that the run's model liked best, the right one's probability among all, and its own words where it has some; null in the test split",
  ],
  ["`margin`", "degrees to the nearest boundary between relations: near 0 the picture itself is ambiguous"],
] as const;

/** Depends only on the runs: a second export gives the same card. */
export function card(described: Described): string {
  const { runs, format, formatName, counts, hardest, size } = described;
  const splits = SPLITS.filter((split) => counts[split] > 0);
  return [
    ...frontMatter(described),
    "",
    "# Spatial relations that a vision-language model was asked about",
    "",
    `Made by \`rls3 export --format ${formatName}\`: valid samples of RLS3 (arXiv 2501.18880), drawn from their states. Synthetic rooms; captions follow from the objects' positions.`,
    "",
    "| split | samples |",
    "|---|---|",
    ...splits.map((split) => `| ${split} | ${counts[split]} |`),
    "",
    `${divided(described)}${splits.includes("test") ? " The test split is the balanced test set of the runs, drawn from another seed." : ""}${hardest === null ? "" : ` The ${hardest} hardest samples of the runs.`}`,
    "",
    "| of the runs | |",
    "|---|---|",
    `| runs | ${list(runs.map(({ name }) => name))} |`,
    `| seeds | ${list(runs.map(({ seed }) => seed))} |`,
    `| agents | ${list(runs.map(({ agent }) => agent))} |`,
    `| models | ${list(runs.map(({ model }) => model))} |`,
    `| worlds | ${list(runs.map(({ world }) => world.catalog.name))} |`,
    `| commits | ${list(runs.map(({ commit }) => commit))} |`,
    `| pictures | PNG, RGB, ${size === null ? "as the model saw them" : `drawn at ${size} × ${size} pixels`} |`,
    "",
    "## Files",
    "",
    ...format.files.map((line) => `- ${line}`),
    "",
    "## Columns",
    "",
    "| column | |",
    "|---|---|",
    ...COLUMNS.map(([name, what]) => `| ${name} | ${what} |`),
    "",
  ].join("\n");
}
