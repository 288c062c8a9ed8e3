/** @file `rls3 sweep`: settings varied over a grid, a list or random draws, times seeds; here or on a cluster. */
import path from "node:path";
import type { CommandModule, Options } from "yargs";
import { InputError } from "../errors.js";
import { nearest } from "../rls3/configuration.js";
import { Interrupted } from "../rls3/interrupted.js";
import { SETTING_NAMES } from "../rls3/settings.js";
import type { Executor } from "../sweep/executor.js";
import { local } from "../sweep/local.js";
import { estimateSweep, type OpenSweep, openSweep, runOpenSweep } from "../sweep/sweep.js";
import { renderOutcome, renderPlan } from "../sweep/terminal.js";
import { COMMON_OPTIONS, CONFIGURATION_OPTIONS, type Flags, settingOptions, text } from "./options.js";
import { interruptible, printJson } from "./outcome.js";
import { showProgress } from "./progress.js";
import { defaultFolder, shownPath, typedCommand } from "./run-folder.js";
import { readSweepFlags } from "./sweep-flags.js";

interface Registered {
  readonly load: () => Promise<Executor>;
  /** Its own flags, each beginning with its name and a dash; they come to it without. */
  readonly options: Readonly<Record<string, Options>>;
}

/** Where cells can run. */
const EXECUTORS: Readonly<Record<string, Registered>> = {
  local: { load: async () => local, options: {} },
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
    const left = sweep.fresh.length + sweep.resumed.length;
    const estimated = left === 0 || flags["estimate"] === false ? null : await estimateSweep(sweep);
    const plan = renderPlan(sweep, shown, estimated);
    if (dry && json) printJson({ folder, ...planDocument(sweep), seconds: estimated?.total ?? null });
    else if (dry) process.stdout.write(`${plan}\n`);
    else if (!quiet) process.stderr.write(`${plan}\n`);
    if (dry) return;
    const { table } = await runOpenSweep(sweep);
    if (json) printJson({ folder, varied: table.varied, common: table.common, cells: table.rows });
    else process.stdout.write(`${renderOutcome(table)}\n\nresults: ${path.join(shown, "sweep.csv")}\n`);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(`interrupted; state saved, go on with the same command and --out ${shown}`);
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
