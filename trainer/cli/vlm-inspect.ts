/** @file `rls3 vlm inspect`: what a model directory is, and whether it can be read. */
import type { CommandModule } from "yargs";
import { modelDirectory } from "../runs/parts.js";
import { type Inspection, inspect } from "../vlm/inspect.js";
import { printJson } from "./outcome.js";
import { plain } from "./plain.js";

interface Arguments {
  directory: string;
  json: boolean;
}

export const command: CommandModule<object, Arguments> = {
  command: "inspect <directory>",
  describe: "architecture, sizes, stored types and adapter targets of a model directory",
  builder: (yargs) =>
    plain<Arguments>(
      yargs.positional("directory", {
        type: "string",
        demandOption: true,
        describe: 'Hugging Face directory, or "bundled"',
      }),
      {},
    ),
  handler: ({ directory, json }) => {
    const found = inspect(modelDirectory(directory));
    if (json) printJson(found);
    else process.stdout.write(`${lines(found).join("\n")}\n`);
  },
};

const list = (table: Readonly<Record<string, number>>): string =>
  Object.entries(table)
    .map(([name, count]) => `${name} ${count.toLocaleString("en")}`)
    .join(", ");

function lines({ directory, architecture, parameters, types, sizes, images, targets }: Inspection): string[] {
  return [
    directory,
    `architecture  ${architecture}, ${parameters.toLocaleString("en")} parameters (${list(types)})`,
    ...Object.entries(sizes).map(([name, value]) => `${name.padEnd(13)} ${JSON.stringify(value)}`),
    `images        ${JSON.stringify(images)}`,
    `LoRA targets  ${list(targets)}`,
  ];
}
