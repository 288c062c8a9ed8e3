/** @file `rls3 sweep`: settings varied over a grid, a list or random draws, times seeds; here or on a cluster. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { CommandModule, Options } from "yargs";
import { InputError } from "../errors.js";
import type { Progress } from "../progress.js";
import { writeSweepReport } from "../report/html/sweep.js";
import type { SweepSummary } from "../report/sweep/summary.js";
import { renderSweepTerminal } from "../report/sweep/terminal.js";
import { Interrupted } from "../runs/interrupted.js";
import { SETTING_NAMES } from "../settings/settings.js";
import { PLAN_FILE } from "../sweep/plan-file.js";
import { estimateSweep, type OpenSweep, openSweep, runOpenSweep } from "../sweep/sweep.js";
import { TABLE_FILE } from "../sweep/table.js";
import { renderPlan } from "../sweep/terminal.js";
import { EXECUTOR_NAMES, EXECUTOR_OPTIONS, executorSettings, loadExecutor } from "./executors.js";
import {
  COMMON_OPTIONS,
  CONFIGURATION_OPTIONS,
  type Flags,
  openPlugin,
  pluginDefaults,
  settingOptions,
  text,
} from "./options.js";
import { interruptible, printJson } from "./outcome.js";
import { showProgress } from "./progress.js";
import { defaultFolder, sayLivePage, shownPath, typedCommand, typedPath } from "./run-folder.js";
import { readSweepFlags } from "./sweep-flags.js";

async function handle(flags: Flags): Promise<void> {
  if (flags["resume"] !== undefined) {
    throw new InputError("--resume: a sweep is continued by the same command with the same --out");
  }
  const given = readSweepFlags(flags, EXECUTOR_NAMES);
  const [json, quiet, dry] = [flags["json"] === true, flags["quiet"] === true, flags["dry-run"] === true];
  const plugin = await openPlugin(given.plugin);
  const request = { ...given.request, base: [...pluginDefaults(plugin), ...given.request.base] };
  const progress = showProgress(quiet);
  const signal = interruptible();
  const folder = path.resolve(text(flags, "out") ?? defaultFolder("sweep"));
  const shown = shownPath(folder);
  const executor = await loadExecutor(given.executor);
  const settings = executorSettings(given.executor, flags, given.executorSettings);
  try {
    const sweep = await openSweep(request, {
      ...{ folder, command: typedCommand(), progress, signal, executor, settings },
      ...(given.jobs === undefined ? {} : { jobs: given.jobs }),
      ...(plugin === null ? {} : { plugin: plugin.source }),
    });
    const estimated = flags["estimate"] === false ? null : await estimateSweep(sweep);
    const plan = renderPlan(sweep, shown, estimated);
    if (dry && json) printJson({ folder, ...planDocument(sweep), seconds: estimated?.total ?? null });
    else if (dry) process.stdout.write(`${plan}\n`);
    else if (!quiet) process.stderr.write(`${plan}\n`);
    if (dry) return;
    sayLivePage(folder, progress);
    const { table } = await runOpenSweep(sweep);
    const summary = await writeReport(folder, progress);
    const report = summary === null ? null : path.join(folder, "report.html");
    if (json) {
      printJson({ folder, report, varied: table.varied, common: table.common, cells: table.rows, summary });
      return;
    }
    if (summary !== null) process.stdout.write(`${renderSweepTerminal(summary)}\n\n`);
    process.stdout.write(`results: ${path.join(shown, TABLE_FILE)}\n`);
    if (report !== null) process.stdout.write(`report: ${path.join(shown, "report.html")}\n`);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(
      existsSync(path.join(folder, PLAN_FILE))
        ? `interrupted; state saved, go on with the same command and --out ${typedPath(folder)}`
        : "interrupted before anything was written",
    );
  }
}

/** Computes the sweep's statistics and writes its page. A page that fails is a warning; the sweep is not lost. */
async function writeReport(folder: string, progress: Progress): Promise<SweepSummary | null> {
  try {
    return await writeSweepReport(folder);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    progress.warn(`no report (${why}); the results are there, and rls3 report ${typedPath(folder)} tries again`);
    return null;
  }
}

function planDocument({ requested, finished, resumed, file, jobs }: OpenSweep) {
  const state = (cell: OpenSweep["requested"][number]): string =>
    finished.includes(cell) ? "done" : resumed.includes(cell) ? "resumed" : "new";
  return {
    varied: file.varied,
    jobs: jobs.count,
    cells: requested.map((cell) => ({
      cell: cell.name,
      variant: cell.variant,
      seed: cell.configuration.seed,
      settings: Object.fromEntries(file.varied.map((name) => [name, cell.configuration[name]])),
      state: state(cell),
      command: cell.command,
    })),
  };
}

const names = SETTING_NAMES.filter((name) => name !== "seed");

/** Settings as flags that take several values. */
const varied = (): Record<string, Options> =>
  Object.fromEntries(
    Object.entries(settingOptions(names)).map(([name, { describe = "", ...options }]) => [
      name,
      {
        ...options,
        describe: describe.replace(/ +\[number\]$/, ""),
        type: "string",
        requiresArg: true,
        // Equal budgets.
        ...(name === "early-stopping" ? { defaultDescription: "false" } : {}),
      } satisfies Options,
    ]),
  );

export const command: CommandModule = {
  command: "sweep",
  describe: "settings varied over grid, list or random draws, times seeds; resumable, here or on a cluster",
  builder: (argv) =>
    argv
      .usage(
        "$0 sweep --beta 1,5,10,20 --E 10,20,40 --eta .25,.5,1 --seeds 5\n\nA setting with several values is varied.",
      )
      .options(CONFIGURATION_OPTIONS)
      .options(COMMON_OPTIONS)
      .options({
        seeds: {
          type: "string",
          requiresArg: true,
          describe: "how many, or a list such as 3,7,11",
          defaultDescription: "5",
        },
        jobs: {
          type: "string",
          requiresArg: true,
          describe: "cells at a time",
          defaultDescription: "what cores and memory have room for",
        },
        "dry-run": { type: "boolean", describe: "print the plan and stop" },
        estimate: {
          type: "boolean",
          default: true,
          describe:
            "how long it will take, from finished cells or a probe of some seconds; --no-estimate leaves it out",
        },
        config: {
          ...CONFIGURATION_OPTIONS.config,
          describe: "YAML or JSON file: settings (or base:), grid:, list:, random:, seeds:; flags win over it",
        },
      })
      .options(EXECUTOR_OPTIONS)
      .options({ resume: { type: "string", hidden: true } })
      .options(varied()),
  handler: handle,
};
