/** @file `rls3 eval`: a model, with or without an adapter, on the synthetic test sets or on a local copy of a public one. */

import { existsSync } from "node:fs";
import path from "node:path";
import type { Argv, CommandModule } from "yargs";
import { only } from "../at.js";
import { openEnvironments } from "../environments/open-environments.js";
import { InputError } from "../errors.js";
import { type Accuracy, evaluate, TERM_COUNTS } from "../evaluation/evaluation.js";
import { evaluatePublic, type PublicAccuracy, type ShareOfItems } from "../evaluation/public-evaluation.js";
import { findImages, type PublicSet, readPublicSet } from "../evaluation/public-sets.js";
import { writeDurably } from "../files/durable-file.js";
import { LANGUAGE_VERSION, type Phrasing, TERMS } from "../language/index.js";
import type { Progress } from "../progress.js";
import { onDevice } from "../runs/device.js";
import { checkInputs } from "../runs/inputs.js";
import { modelDirectory } from "../runs/parts.js";
import { drawTestSets } from "../runs/preparation.js";
import { refuseUsed } from "../runs/run-directory.js";
import type { Configuration } from "../settings/configuration.js";
import { phrasingOf } from "../vlm/fine-tuning.js";
import { openModel } from "../vlm/index.js";
import type { VisionLanguageModel } from "../vlm/model.js";
import { COMMON_OPTIONS, configurationOf, type Flags, openPlugin, readFlags, settingOptions, text } from "./options.js";
import { interruptible, printJson } from "./outcome.js";
import { showProgress } from "./progress.js";

/** The results, as JSON and as lines to print. */
interface Result {
  readonly document: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

interface PublicCopy {
  readonly file: string;
  readonly set: PublicSet;
  readonly images: string;
}

/** Checks `--data` and its images before a model is opened. */
function publicCopy(flags: Flags): PublicCopy | undefined {
  const file = text(flags, "data");
  const images = text(flags, "images");
  if (file === undefined) {
    if (images !== undefined) throw new InputError("--images: belongs to --data, the file of a public test set");
    return undefined;
  }
  const set = readPublicSet(file);
  const copy = { file, set, images: images ?? path.dirname(file) };
  findImages(copy.set, copy.images);
  return copy;
}

async function handle(flags: Flags): Promise<void> {
  const given = readFlags(flags);
  const plugin = await openPlugin(given.plugin);
  const requested = configurationOf(given, undefined, plugin);
  const progress = showProgress(given.quiet);
  const adapter = text(flags, "adapter");
  if (adapter !== undefined && !existsSync(adapter))
    throw new InputError(`--adapter ${adapter}: there is no such folder`);
  const copy = publicCopy(flags);
  if (given.out !== undefined) refuseUsed(given.out);
  checkInputs([requested]);
  const configuration = only(await onDevice([requested], progress));
  const { vlm, device, threads } = configuration;
  const signal = interruptible();
  const model = await openModel(modelDirectory(vlm), {
    runtime: { device, threads },
    phrasing: phrasingOf(configuration, plugin?.vocabulary),
    ...(adapter === undefined ? {} : { adapter: path.resolve(adapter) }),
    warn: (line) => progress.warn(line),
  });
  try {
    const { document, lines } = await unlessAborted(
      signal,
      copy === undefined ? onSynthetic(model, configuration, progress, signal) : onPublic(model, copy, progress),
    );
    const whole = { schema: 1, vlm, adapter: adapter ?? null, phrasing: model.phrasing, ...document };
    if (given.out !== undefined) {
      writeDurably(path.join(given.out, "evaluation.json"), `${JSON.stringify(whole, null, 2)}\n`);
    }
    if (given.json) printJson(whole);
    else process.stdout.write(`${lines.join("\n")}\n`);
  } finally {
    await model.close();
  }
}

/** Rejects as soon as the user interrupts, without waiting for the work. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
  return Promise.race([work, aborted]);
}

async function onSynthetic(
  model: VisionLanguageModel,
  configuration: Configuration,
  progress: Progress,
  signal: AbortSignal,
): Promise<Result> {
  const { env, world, render, keys, testSeed, testScenes } = configuration;
  // Ask for one environment: a server started by others may have only that.
  const request = { env, world, count: 1, imageSize: model.imageSize, render, keys };
  const environments = await openEnvironments(request, progress, signal);
  try {
    const sets = await drawTestSets(configuration, environments, progress);
    const balanced = await evaluate(model, environments.world, sets.test, true);
    const natural = sets.natural.images.length === 0 ? null : await evaluate(model, environments.world, sets.natural);
    return {
      document: { world, testScenes, testSeed, languageVersion: LANGUAGE_VERSION, balanced, natural },
      lines: accuracyTable(balanced, natural),
    };
  } finally {
    await environments.close();
  }
}

async function onPublic(model: VisionLanguageModel, copy: PublicCopy, progress: Progress): Promise<Result> {
  const accuracy = await evaluatePublic(model, copy.set, copy.images, progress);
  return {
    document: { data: copy.file, images: copy.images, ...accuracy },
    lines: publicTable(accuracy, model.phrasing),
  };
}

const percent = (share: number | undefined): string => (share === undefined ? "–" : `${(100 * share).toFixed(1)} %`);

/** Accuracies on the balanced test set and on the natural mix, each with the mean probability p. */
export function accuracyTable(balanced: Accuracy, natural: Accuracy | null): string[] {
  const row = (name: string, ...cells: string[]): string =>
    [name.padEnd(22), ...cells.map((cell) => cell.padStart(10))].join(" ").trimEnd();
  const both = (name: string, cells: (accuracy: Accuracy) => readonly (number | undefined)[]): string =>
    row(name, ...cells(balanced).map(percent), ...(natural === null ? ["–", "–"] : cells(natural).map(percent)));
  const counts = TERM_COUNTS.filter((count) => [balanced, natural].some((of) => of?.byTermCount[count] !== undefined));
  return [
    row("two-way accuracy", "balanced", "p", "natural", "p"),
    row("full flip", percent(balanced.full), "", percent(natural?.plain.full)),
    row("one term flipped", percent(balanced.oneTerm), "", percent(natural?.plain.oneTerm)),
    ...TERMS.map((term) => both(`  ${term}`, ({ terms, termProbability }) => [terms[term], termProbability[term]])),
    ...counts.map((count) =>
      both(`  relations of ${count} term${count === 1 ? "" : "s"}`, ({ byTermCount: { [count]: found } }) => [
        found?.accuracy,
        found?.probability,
      ]),
    ),
    ...(balanced.score === null
      ? []
      : [
          row("score of what it says", balanced.score.toFixed(2)),
          "score: 1 (no term right) to 5, as the paper has it: 1 + 4 · F1 of the terms.",
        ]),
    "p: mean probability of the true text against itself with that term flipped. A",
    "model that prefers a word, whatever the picture, is above 50 % at that word and",
    "below at its opposite.",
  ];
}

function publicTable(accuracy: PublicAccuracy, { judge }: Pick<Phrasing, "judge">): string[] {
  const row = (name: string, { items, accuracy: right, interval: [low, high] }: ShareOfItems): string =>
    `${name.slice(0, 32).padEnd(32)} ${String(items).padStart(7)} ${percent(right).padStart(9)}  ${percent(low)} to ${percent(high)}`;
  const { format, chance, ranking, relations } = accuracy;
  const judged =
    format === "vsr"
      ? `${judge === null ? "true or false" : "asked if it is true"}, by a threshold taken from the other half of the images`
      : "the true caption above all others";
  return [
    judged,
    `${"relation".padEnd(32)} ${"items".padStart(7)} ${"accuracy".padStart(9)}  95 % interval`,
    row("all", accuracy),
    `${"guessing".padEnd(40)} ${percent(chance).padStart(9)}`,
    ...Object.entries(relations).map(([relation, share]) => row(`  ${relation}`, share)),
    ...(ranking === null ? [] : [`a true caption above a false one (ROC area): ${percent(ranking)}`]),
  ];
}

const NAMES = [
  "env",
  "keys",
  "world",
  "render",
  "testScenes",
  "testImagesPerRelation",
  "naturalImages",
  "testSeed",
  "prompt",
  "answer",
  "vlm",
  "device",
  "threads",
] as const;

export const command: CommandModule = {
  command: "eval",
  describe: "how well a model, with or without an adapter, tells spatial relations",
  builder: (argv: Argv) =>
    argv
      .options(COMMON_OPTIONS)
      .options(settingOptions(NAMES))
      .options({
        adapter: { type: "string", requiresArg: true, describe: "folder of an adapter in PEFT's format" },
        data: {
          type: "string",
          requiresArg: true,
          describe: "a public test set in place of the synthetic ones: VSR's .jsonl or What'sUp's .json file",
        },
        images: {
          type: "string",
          requiresArg: true,
          describe: "folder of its images",
          defaultDescription: "the file's",
        },
        out: { type: "string", requiresArg: true, describe: "folder to write evaluation.json into" },
        config: { type: "string", requiresArg: true, describe: "YAML or JSON file of settings; flags win over it" },
        plugin: {
          type: "string",
          requiresArg: true,
          describe: "JavaScript module with a vocabulary for the questions",
        },
        quick: { type: "boolean", describe: "test sets of CI's size" },
      }),
  handler: handle,
};
