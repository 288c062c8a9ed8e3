/** @file `rls3 train`: one RLS3 run, new or resumed. */

import path from "node:path";
import type { CommandModule } from "yargs";
import { only } from "../at.js";
import { InputError } from "../errors.js";
import type { Progress } from "../progress.js";
import { onDevice } from "../runs/device.js";
import { GROWING } from "../runs/followed-settings.js";
import { collectSeldom } from "../runs/heap.js";
import { checkInputs } from "../runs/inputs.js";
import { Interrupted } from "../runs/interrupted.js";
import { type Growth, lengthen } from "../runs/longer-plan.js";
import { type Mode, planOf, type RunPlan, run, settledState } from "../runs/run.js";
import { refuseUsed } from "../runs/run-directory.js";
import { startingAdapter } from "../runs/starting-adapter.js";
import { type Configuration, parseSource } from "../settings/configuration.js";
import { flagOf, type SettingName } from "../settings/settings.js";
import {
  configurationOf,
  type Flags,
  type GivenConfiguration,
  openPlugin,
  readFlags,
  refuseBesideResume,
  text,
  withConfiguration,
  withMovedPlugin,
} from "./options.js";
import { interruptible, printJson } from "./outcome.js";
import { showProgress } from "./progress.js";
import { writeReport } from "./report-writer.js";
import { defaultFolder, interruptedMessage, sayLivePage, shownPath, typedCommand } from "./run-folder.js";
import { documentOf } from "./train-document.js";

/** Flags of `train` that are not settings. */
type Start = Pick<RunPlan, "adapter" | "baseName" | "keepPictures">;

/** Settings that an adapter to start from already determines. */
const OF_THE_ADAPTER = [
  "loraRank",
  "loraAlpha",
  "loraTargets",
  "loraDropout",
  "loraRankStabilized",
  "loraRankPattern",
  "loraAlphaPattern",
] as const satisfies readonly SettingName[];

function startOf(flags: Flags, { sources }: GivenConfiguration, { fineTuning }: Configuration): Start {
  const directory = text(flags, "adapter");
  const baseName = text(flags, "base-name");
  const given = Object.assign({}, ...sources.map(parseSource)) as Partial<Configuration>;
  const twice = OF_THE_ADAPTER.find((name) => given[name] !== undefined);
  if (directory !== undefined && twice !== undefined) {
    throw new InputError(`${flagOf(twice)}: the adapter of --adapter has its own; leave one of the two out`);
  }
  if (baseName !== undefined && fineTuning === "full") {
    throw new InputError("--base-name: is written into the adapter, and --fine-tuning full writes none; leave it out");
  }
  return {
    ...(directory === undefined ? {} : { adapter: startingAdapter(directory) }),
    ...(baseName === undefined ? {} : { baseName }),
    keepPictures: flags["keep-pictures"] === true,
  };
}

async function newPlan(flags: Flags, given: GivenConfiguration, progress: Progress): Promise<RunPlan> {
  const folder = path.resolve(given.out ?? defaultFolder("train"));
  const plugin = await openPlugin(given.plugin);
  const requested = configurationOf(given, undefined, plugin);
  refuseUsed(folder);
  const start = startOf(flags, given, requested);
  checkInputs([requested]);
  const configuration = only(await onDevice([requested], progress));
  const { earlyStopping } = requested;
  const plan = { ...start, folder, configuration, command: typedCommand(), earlyStopping };
  return plugin === null ? plan : { ...plan, plugin: plugin.source };
}

/** An existing run's plan, or the longer one requested. */
function resumedPlan(flags: Flags, given: GivenConfiguration, resumed: string, progress: Progress): RunPlan {
  const folder = path.resolve(resumed);
  const grows = (name: string): boolean => GROWING.some((growing) => growing === name);
  const settings = given.sources.map(parseSource);
  const others = given.sources.filter((_, i) => !Object.keys(settings[i] ?? {}).every(grows));
  const ofNewRuns = ["adapter", "base-name", "keep-pictures"].filter((name) => flags[name] !== undefined);
  refuseBesideResume({
    ...given,
    sources: others,
    extra: { ...given.extra, ...Object.fromEntries(ofNewRuns.map((name) => [name, true])) },
  });
  const growth: Growth = Object.assign({}, ...settings);
  if (Object.keys(growth).length === 0) return planOf(folder);
  if (flags["restart"] === true) {
    throw new InputError("--restart: begins the run again with its own plan; leave out --restart or the longer plan");
  }
  return lengthen(folder, growth, typedCommand(), progress);
}

function modeOf(resumed: string | undefined, restart: boolean): Mode {
  if (resumed !== undefined) return restart ? "restart" : "resume";
  if (!restart) return "new";
  throw new InputError("--restart: begins the run of --resume DIR again; give that, too");
}

async function train(flags: Flags): Promise<void> {
  const given = readFlags(flags);
  const resumed = text(flags, "resume");
  const progress = showProgress(given.quiet);
  const plan =
    resumed === undefined
      ? await newPlan(flags, given, progress)
      : withMovedPlugin(resumedPlan(flags, given, resumed, progress), given);
  const signal = interruptible();
  collectSeldom();
  const shown = shownPath(plan.folder);
  const mode = modeOf(resumed, flags["restart"] === true);
  let state = mode === "resume" ? settledState(plan, progress) : null;
  if (state === null) sayLivePage(plan.folder, progress);
  else progress.say(`${shown} is finished: ${state.finished}`);
  try {
    state ??= await run(plan, mode, { progress, signal });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(interruptedMessage("train", plan.folder));
  }
  const report = await writeReport(plan.folder, progress);
  const { iteration, generated, valid, finished } = state;
  if (given.json) printJson(await documentOf(plan.folder, state, report));
  else if (!given.quiet) {
    process.stdout.write(`${finished}: ${iteration} iterations, ${generated} placements, ${valid} valid\n`);
    process.stdout.write(`results: ${shown}${report === null ? "" : `, report: ${path.join(shown, "report.html")}`}\n`);
  }
}

export const command: CommandModule = {
  command: "train",
  describe: "one RLS3 run: an agent finds what the model gets wrong, the model learns from it",
  builder: (argv) =>
    withConfiguration(argv)
      .option("resume", {
        type: "string",
        requiresArg: true,
        describe:
          "folder of a run to go on with, in any state; a larger --iterations or --valid-samples goes on beyond its end",
      })
      .option("restart", {
        type: "boolean",
        describe: "with --resume: remove the run's results and begin it again",
      })
      .option("adapter", {
        type: "string",
        requiresArg: true,
        describe: "folder of an adapter in PEFT's format to start from; its rank and layers are used",
      })
      .option("base-name", {
        type: "string",
        requiresArg: true,
        defaultDescription: "the model's directory",
        describe: "base_model_name_or_path in the written adapter, such as openai/clip-vit-base-patch32",
      })
      .option("keep-pictures", {
        type: "boolean",
        describe: "keep pictures of all samples, not only of the hardest (for rls3 export, if a server draws them)",
      }),
  handler: train,
};
