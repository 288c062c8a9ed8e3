/** @file `rls3 export`: the samples of a run, a comparison or a sweep as a data set for other trainers. */
import path from "node:path";
import type { Argv, CommandModule } from "yargs";
import { InputError } from "../errors.js";
import { exportSamples } from "../export/export.js";
import { FORMAT_NAMES, type FormatName } from "../export/formats/formats.js";
import { SPLITS, type Split } from "../export/row.js";
import type { Validation } from "../export/splits.js";
import { Interrupted } from "../runs/interrupted.js";
import { parseSource } from "../settings/configuration.js";
import { interruptible, printJson } from "./outcome.js";
import { plain } from "./plain.js";
import { showProgress } from "./progress.js";
import { defaultFolder, shownPath } from "./run-folder.js";

interface Arguments {
  folder: string;
  format: string;
  split: string | undefined;
  "validation-iterations": string | number | undefined;
  "validation-seeds": string | number | undefined;
  size: number | undefined;
  hardest: number | undefined;
  question: string | undefined;
  answer: string | undefined;
  out: string | undefined;
  json: boolean;
  quiet: boolean;
}

function parseFormat(given: string): FormatName {
  const format = FORMAT_NAMES.find((name) => name === given);
  if (format !== undefined) return format;
  throw new InputError(`--format: is one of ${FORMAT_NAMES.join(", ")}, not ${JSON.stringify(given)}`);
}

/** Parses `--split train,test`; default: everything for training. */
function parseSplits(given: string | undefined, { by }: Validation): ReadonlySet<Split> {
  if (given === undefined) return new Set(by === "nothing" ? ["train"] : ["train", "validation"]);
  const words = given.split(",").map((word) => word.trim());
  const splits = SPLITS.filter((split) => words.includes(split));
  if (splits.length !== new Set(words).size) {
    throw new InputError(`--split: takes some of ${SPLITS.join(", ")} with commas, not ${JSON.stringify(given)}`);
  }
  if (splits.includes("validation") && by === "nothing") {
    throw new InputError("--split validation: needs --validation-iterations 9,10 or --validation-seeds 3,4");
  }
  return new Set(splits);
}

function parseNumbers(flag: string, given: string | number): ReadonlySet<number> {
  const words = String(given).split(",");
  if (words.every((word) => /^\d{1,10}$/.test(word.trim()))) return new Set(words.map(Number));
  throw new InputError(`--${flag}: takes numbers with commas, such as 9,10, not ${JSON.stringify(given)}`);
}

function parseValidation(args: Arguments): Validation {
  const { "validation-iterations": iterations, "validation-seeds": seeds } = args;
  if (iterations !== undefined && seeds !== undefined) {
    throw new InputError("--validation-iterations and --validation-seeds: divide in two ways; give one of them");
  }
  if (iterations !== undefined) return { by: "iterations", numbers: parseNumbers("validation-iterations", iterations) };
  if (seeds !== undefined) return { by: "seeds", numbers: parseNumbers("validation-seeds", seeds) };
  return { by: "nothing" };
}

function within(flag: string, value: number | undefined, low: number, high: number): number | null {
  if (value === undefined) return null;
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new InputError(`--${flag}: takes a whole number from ${low} to ${high}, not ${value}`);
}

/** The template from a flag, checked by the rules of the setting that it replaces; null without the flag. */
function template(flag: string, setting: "prompt" | "answer", text: string | undefined): string | null {
  if (text === undefined) return null;
  return parseSource({ name: `--${flag}`, values: { [setting]: text } })[setting] ?? null;
}

async function handle(args: Arguments): Promise<void> {
  const validation = parseValidation(args);
  const request = {
    folder: args.folder,
    format: parseFormat(args.format),
    out: args.out ?? defaultFolder("export"),
    splits: parseSplits(args.split, validation),
    validation,
    size: within("size", args.size, 32, 512),
    hardest: within("hardest", args.hardest, 1, 2 ** 31 - 1),
    wording: {
      question: template("question", "prompt", args.question),
      answer: template("answer", "answer", args.answer),
    },
  };
  const progress = showProgress(args.quiet);
  const { runs, counts, unasked } = await exportSamples(request, progress, interruptible()).catch((error: unknown) => {
    throw error instanceof Interrupted ? new Interrupted("interrupted; nothing was written") : error;
  });
  if (unasked > 0) {
    progress.say(`${unasked} samples without a pair to ask about are left out; --format jsonl has them`);
  }
  if (args.json) {
    printJson({ out: path.resolve(request.out), format: request.format, runs, samples: counts, leftOut: unasked });
    return;
  }
  const told = SPLITS.flatMap((split) => (counts[split] === 0 ? [] : [`${counts[split]} ${split}`]));
  process.stdout.write(`${shownPath(path.resolve(request.out))}: ${told.join(", ")}\n`);
}

export const command: CommandModule<object, Arguments> = {
  command: "export <folder>",
  describe: "samples of a run, a comparison or a sweep as a data set for other trainers",
  builder: (yargs: Argv) =>
    plain<Arguments>(
      yargs.positional("folder", {
        type: "string",
        demandOption: true,
        describe: "folder of a run, a comparison or a sweep (its --out)",
      }),
      {
        format: { type: "string", default: "jsonl", describe: `what is written: ${FORMAT_NAMES.join(", ")}` },
        split: {
          type: "string",
          defaultDescription: "train, and validation if you say which",
          describe: `some of ${SPLITS.join(", ")} with commas; test is the test set of the runs`,
        },
        "validation-iterations": {
          type: "string",
          describe: "iterations for validation, such as 9,10",
        },
        "validation-seeds": {
          type: "string",
          describe: "seeds of the runs for validation, such as 3,4",
        },
        size: {
          type: "number",
          defaultDescription: "as the model saw them",
          describe: "side of the pictures, 32 to 512 pixels",
        },
        hardest: { type: "number", defaultDescription: "all", describe: "only this many of the hardest samples" },
        question: {
          type: "string",
          defaultDescription: "as the model was asked",
          describe: "another question, with {a} and {b} in it",
        },
        answer: {
          type: "string",
          defaultDescription: "as the model was taught",
          describe: "another answer, with {relation} in it ({a} and {b} too)",
        },
        out: {
          type: "string",
          defaultDescription: "runs/export-<time>",
          describe: "folder to write, new or empty",
        },
      },
    ),
  handler: handle,
};
