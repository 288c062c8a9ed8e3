/** @file `rls3 sweep`: settings varied over a grid, a list or random draws, times seeds; here or on a cluster. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { CommandModule, Options } from "yargs";
import { InputError } from "../errors.js";
import { writeSweepReport } from "../report/html/sweep.js";
import type { SweepSummary } from "../report/sweep/summary.js";
import { renderSweepTerminal } from "../report/sweep/terminal.js";
import { nearest } from "../rls3/configuration.js";
import { Interrupted } from "../rls3/interrupted.js";
import type { Progress } from "../rls3/progress.js";
import { SETTING_NAMES } from "../rls3/settings.js";
import type { Executor } from "../sweep/executor.js";
import { local } from "../sweep/local.js";
import { PLAN_FILE } from "../sweep/plan-file.js";
import { SLURM_OPTIONS, type SlurmOption } from "../sweep/slurm/options.js";
import { estimateSweep, type OpenSweep, openSweep, runOpenSweep } from "../sweep/sweep.js";
import { TABLE_FILE } from "../sweep/table.js";
import { renderPlan } from "../sweep/terminal.js";
import { COMMON_OPTIONS, CONFIGURATION_OPTIONS, type Flags, settingOptions, text } from "./options.js";
import { interruptible, printJson } from "./outcome.js";
import { showProgress } from "./progress.js";
import { defaultFolder, sayLivePage, shownPath, typedCommand } from "./run-folder.js";
import { readSweepFlags } from "./sweep-flags.js";

interface Registered {
  readonly load: () => Promise<Executor>;
  /** Its own flags, each beginning with its name and a dash; they come to it without. */
  readonly options: Readonly<Record<string, Options>>;
}

/** Where cells can run. */
const EXECUTORS: Readonly<Record<string, Registered>> = {
  local: { load: async () => local, options: {} },
  slurm: {
    load: async () => (await import("../sweep/slurm/executor.js")).slurm,
    options: Object.fromEntries(
      Object.entries<SlurmOption>(SLURM_OPTIONS).map(([name, { description, fallback }]) => [
        `slurm-${name}`,
        {
          group: "Slurm (--executor slurm):",
          type: "string",
          requiresArg: true,
          describe: description,
          defaultDescription: fallback,
        } satisfies Options,
      ]),
    ),
  },
};
const EXECUTOR_NAMES = Object.keys(EXECUTORS);

function executorNamed(name: string): Registered {
  const executor = EXECUTORS[name];
  if (executor !== undefined) return executor;
  const best = nearest(name, EXECUTOR_NAMES);
  throw new InputError(
    `--executor: there is no "${name}"${best === "" ? "" : `; did you mean "${best}"?`} (${EXECUTOR_NAMES.join(", ")})`,
  );
}

/** What was given to an executor: its part of the file, flags over it. */
function executorSettings(name: string, flags: Flags, fromFile: Readonly<Record<string, unknown>>) {
  const own = Object.keys(executorNamed(name).options).flatMap((flag) =>
    flags[flag] === undefined ? [] : [[flag.slice(name.length + 1), flags[flag]] as const],
  );
  return { ...fromFile, ...Object.fromEntries(own) };
}

async function handle(flags: Flags): Promise<void> {
  const given = readSweepFlags(flags, EXECUTOR_NAMES);
  const [json, quiet, dry] = [flags["json"] === true, flags["quiet"] === true, flags["dry-run"] === true];
  const progress = showProgress(quiet);
  const signal = interruptible();
  const folder = path.resolve(text(flags, "out") ?? defaultFolder("sweep"));
  const shown = shownPath(folder);
  const executor = await executorNamed(given.executor).load();
  const settings = executorSettings(given.executor, flags, given.executorSettings);
  try {
    const sweep = await openSweep(given.wish, {
      ...{ folder, command: typedCommand(), progress, signal, executor, settings },
      ...(given.jobs === undefined ? {} : { jobs: given.jobs }),
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
        ? `interrupted; state saved, go on with the same command and --out ${shown}`
        : "interrupted before anything was written",
    );
  }
}

/** The sweep's statistics, its page written too; a page that can't be drawn is a warning, never the loss of the sweep. */
async function writeReport(folder: string, progress: Progress): Promise<SweepSummary | null> {
  try {
    return await writeSweepReport(folder);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    progress.say(`warning: no report (${why}); the results are there, and rls3 report ${folder} tries again`);
    return null;
  }
}

function planDocument({ asked, finished, resumed, file, jobs }: OpenSweep) {
  const state = (cell: OpenSweep["asked"][number]): string =>
    finished.includes(cell) ? "done" : resumed.includes(cell) ? "resumed" : "new";
  return {
    varied: file.varied,
    jobs: jobs.count,
    cells: asked.map((cell) => ({
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
        executor: {
          type: "string",
          requiresArg: true,
          describe: `where cells run: ${EXECUTOR_NAMES.join(", ")}`,
          defaultDescription: "local",
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
        ...Object.assign({}, ...Object.values(EXECUTORS).map(({ options }) => options)),
      })
      .options(
        Object.fromEntries(
          Object.entries(settingOptions(names)).map(([name, options]) => [
            name,
            { ...options, type: "string", requiresArg: true } satisfies Options,
          ]),
        ),
      ),
  handler: handle,
};
