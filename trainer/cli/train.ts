/** @file `rls3 train`: one RLS3 run, or a killed one gone on with. */

import path from "node:path";
import type { CommandModule } from "yargs";
import { only } from "../at.js";
import { InputError } from "../errors.js";
import type { Progress } from "../progress.js";
import { onDevice } from "../runs/device.js";
import { collectSeldom } from "../runs/heap.js";
import { Interrupted } from "../runs/interrupted.js";
import { type Mode, planOf, type RunPlan, run, settledState } from "../runs/run.js";
import { refuseUsed } from "../runs/run-directory.js";
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

async function newPlan(given: GivenConfiguration, progress: Progress): Promise<RunPlan> {
  const folder = path.resolve(given.out ?? defaultFolder("train"));
  const plugin = await openPlugin(given.plugin);
  const requested = configurationOf(given, undefined, plugin);
  refuseUsed(folder);
  const configuration = only(await onDevice([requested], progress));
  const { earlyStopping } = requested;
  const plan = { folder, configuration, command: typedCommand(), earlyStopping };
  return plugin === null ? plan : { ...plan, plugin: plugin.source };
}

function modeOf(resumed: string | undefined, restart: boolean): Mode {
  if (resumed !== undefined) return restart ? "restart" : "resume";
  if (!restart) return "new";
  throw new InputError("--restart: begins the run of --resume DIR anew, so give that beside it");
}

async function train(flags: Flags): Promise<void> {
  const given = readFlags(flags);
  const resumed = text(flags, "resume");
  if (resumed !== undefined) refuseBesideResume(given);
  const progress = showProgress(given.quiet);
  const plan =
    resumed === undefined ? await newPlan(given, progress) : withMovedPlugin(planOf(path.resolve(resumed)), given);
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
  if (given.json) printJson({ folder: plan.folder, iteration, generated, valid, finished, report });
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
        describe: "folder of a run to go on with, whatever state it was left in",
      })
      .option("restart", {
        type: "boolean",
        describe: "with --resume: remove what the run has so far and begin it anew",
      }),
  handler: train,
};
