/** @file `rls3 vlm inspect`: what a model directory is, and whether it can be read. */
import type { CommandModule } from "yargs";
import { InputError } from "../errors.js";
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
        describe: 'Hugging Face directory, or "bundled"',
      }),
      { images: { type: "number", default: 16, describe: "images at once that the memory is told for" } },
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

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;

function lines({ directory, architecture, parameters, types, sizes, images, memory, targets }: Inspection): string[] {
  const { score, tune, weights } = memory;
  return [
    directory,
    `architecture  ${architecture}, ${parameters.toLocaleString("en")} parameters (${list(types)})`,
    ...Object.entries(sizes).map(([name, value]) => `${name.padEnd(13)} ${JSON.stringify(value)}`),
    `images        ${JSON.stringify(images)}`,
    `memory        ${gibibytes(weights)} of weights; beside them ${gibibytes(score)} to score and ${gibibytes(tune)} to tune (LoRA)`,
    `              ${memory.images} images at once, two pairs of objects in each (--images N)`,
    `LoRA targets  ${list(targets)}`,
  ];
}
