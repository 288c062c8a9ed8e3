/** @file `rls3 vlm merge`: adds an adapter to a model's weights, and writes the result as a new directory. */
import type { CommandModule } from "yargs";
import { modelDirectory } from "../runs/parts.js";
import { refuseFilled } from "../runs/run-directory.js";
import { merge } from "../vlm/merge.js";
import { printJson } from "./outcome.js";
import { plain } from "./plain.js";

interface Arguments {
  directory: string;
  adapter: string;
  out: string;
  json: boolean;
}

export const command: CommandModule<object, Arguments> = {
  command: "merge <directory>",
  describe: "add a LoRA adapter into a model's weights",
  builder: (yargs) =>
    plain<Arguments>(
      yargs.positional("directory", {
        type: "string",
        demandOption: true,
        describe: 'Hugging Face directory, "bundled" or "bundled-paligemma"',
      }),
      {
        adapter: { type: "string", demandOption: true, describe: "adapter folder in PEFT's format" },
        out: { type: "string", demandOption: true, describe: "folder for the merged model; new or empty" },
      },
    ),
  handler: ({ directory, adapter, out, json }) => {
    refuseFilled(out);
    const layers = merge(modelDirectory(directory), adapter, out);
    if (json) printJson({ directory, adapter, out, layers });
    else process.stdout.write(`${out}: ${layers} layers changed\n`);
  },
};
