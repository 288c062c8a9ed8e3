/** @file `rls3 eval`: a model, with or without an adapter, on the synthetic test sets or on those of a run. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { Argv, CommandModule } from "yargs";
import { InputError } from "../errors.js";
import { TERMS } from "../language/index.js";
import { onDevice } from "../rls3/device.js";
import { type Accuracy, evaluate } from "../rls3/evaluation.js";
import { modelDirectory, openEnvironments } from "../rls3/parts.js";
import { drawTestSets } from "../rls3/preparation.js";
import { openModel } from "../vlm/index.js";
import { COMMON_OPTIONS, configurationOf, type Flags, readFlags, settingOptions, text } from "./options.js";
import { interruptible, printJson } from "./outcome.js";
import { showProgress } from "./progress.js";

async function handle(flags: Flags): Promise<void> {
  const given = readFlags(flags);
  const asked = configurationOf(given);
  const progress = showProgress(given.quiet);
  const adapter = text(flags, "adapter");
  if (adapter !== undefined && !existsSync(adapter))
    throw new InputError(`--adapter ${adapter}: there is no such folder`);
  const [configuration = asked] = await onDevice([asked], progress);
  const { vlm, device, threads, env, world, render, keys } = configuration;
  const model = await openModel(modelDirectory(vlm), {
    runtime: { device, threads },
    ...(adapter === undefined ? {} : { adapter: path.resolve(adapter) }),
  });
  try {
    const { imageSize } = model;
    // A server that others started may have as few as it likes.
    const wish = { env, world, count: 1, imageSize, render, keys };
    const environments = await openEnvironments(wish, progress, interruptible());
    try {
      const sets = await drawTestSets(configuration, environments, progress);
      const balanced = await evaluate(model, environments.world, sets.test);
      const natural = sets.natural.images.length === 0 ? null : await evaluate(model, environments.world, sets.natural);
      if (given.json) {
        printJson({
          schema: 1,
          vlm,
          adapter: adapter ?? null,
          world,
          testSeed: configuration.testSeed,
          balanced,
          natural,
        });
      } else process.stdout.write(`${table(balanced, natural)}\n`);
    } finally {
      await environments.close();
    }
  } finally {
    await model.close();
  }
}

const percent = (share: number | undefined): string => (share === undefined ? "–" : `${(100 * share).toFixed(1)} %`);

function table(balanced: Accuracy, natural: Accuracy | null): string {
  const row = (name: string, ...cells: string[]): string =>
    [name.padEnd(22), ...cells.map((cell) => cell.padStart(10))].join(" ");
  return [
    row("two-way accuracy", "balanced", "natural"),
    row("full flip", percent(balanced.full), percent(natural?.plain.full)),
    row("one term flipped", percent(balanced.oneTerm), percent(natural?.plain.oneTerm)),
    ...TERMS.map((term) => row(`  ${term}`, percent(balanced.terms[term]), percent(natural?.terms[term]))),
  ].join("\n");
}

const NAMES = [
  "env",
  "keys",
  "world",
  "render",
  "testImagesPerRelation",
  "naturalImages",
  "testSeed",
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
        config: { type: "string", requiresArg: true, describe: "YAML or JSON file of settings; flags win over it" },
        quick: { type: "boolean", describe: "test sets of CI's size" },
      }),
  handler: handle,
};
