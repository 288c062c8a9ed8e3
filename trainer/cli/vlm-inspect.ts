/** @file `rls3 vlm inspect`: describes a model directory, and tells whether it can be read. */
import type { CommandModule } from "yargs";
import { InputError } from "../errors.js";
import { wrap } from "../report/terminal.js";
import { modelDirectory } from "../runs/parts.js";
import { resolveConfiguration } from "../settings/configuration.js";
import { fineTuningOf } from "../vlm/fine-tuning.js";
import { type Inspection, inspect } from "../vlm/inspect.js";
import { printJson } from "./outcome.js";
import { plain } from "./plain.js";

interface Arguments {
  directory: string;
  images: number;
  json: boolean;
}

export const command: CommandModule<object, Arguments> = {
  command: "inspect <directory>",
  describe: "architecture, sizes, memory and adapter targets of a model directory, before it is loaded",
  builder: (yargs) =>
    plain<Arguments>(
      yargs.positional("directory", {
        type: "string",
        demandOption: true,
        describe: 'Hugging Face directory, "bundled" or "bundled-paligemma"',
      }),
      { images: { type: "number", default: 16, describe: "number of images at once, for the memory" } },
    ),
  handler: ({ directory, images, json }) => {
    if (!Number.isInteger(images) || images < 1) throw new InputError(`--images ${images}: give a whole number from 1`);
    const found = inspect(modelDirectory(directory), images, fineTuningOf(resolveConfiguration([])));
    if (json) printJson(found);
    else process.stdout.write(`${lines(found).join("\n")}\n`);
  },
};

const list = (table: Readonly<Record<string, number>>): string =>
  Object.entries(table)
    .map(([name, count]) => `${name} ${count.toLocaleString("en")}`)
    .join(", ");

/** Three digits, in a fitting unit. */
function size(bytes: number): string {
  const [unit, name] = bytes < 2 ** 30 ? [2 ** 20, "MiB"] : [2 ** 30, "GiB"];
  return `${Number((bytes / unit).toPrecision(3))} ${name}`;
}

/** An object's entries as "width 64, heads 4"; other values as they are. */
const entries = (value: unknown): string =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
        .map(([name, part]) => `${name} ${entries(part)}`)
        .join(", ")
    : Array.isArray(value)
      ? value.join(" ")
      : String(value);

const INDENT = 14;

/** A title and its text, within 80 columns. */
const row = (title: string, text: string): string =>
  title.padEnd(INDENT) + wrap(text, " ".repeat(INDENT)).slice(INDENT);

function lines({ directory, architecture, parameters, types, sizes, images, memory, targets }: Inspection): string[] {
  const { score, tune, weights } = memory;
  return [
    directory,
    row("architecture", `${architecture}, ${parameters.toLocaleString("en")} parameters (${list(types)})`),
    ...Object.entries(sizes).map(([name, value]) => row(name, entries(value))),
    row("images", entries(images)),
    row("memory", `weights ${size(weights)}; beside them ${size(score)} to score, ${size(tune)} to tune with LoRA`),
    row("", `(${memory.images} images at once, two pairs of objects in each; --images N)`),
    row("LoRA targets", list(targets)),
  ];
}
