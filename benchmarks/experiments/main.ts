/** @file `npm run experiment -- NAME… [--quick]`: runs the paper's experiments and the ablations, prints and keeps what they show. */
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { EXECUTOR_OPTIONS, executorSettings, loadExecutor } from "../../trainer/cli/executors.js";
import { parseSeeds, text } from "../../trainer/cli/options.js";
import { exitCodeOf, interruptible } from "../../trainer/cli/outcome.js";
import { showProgress } from "../../trainer/cli/progress.js";
import { shownPath } from "../../trainer/cli/run-folder.js";
import { InputError } from "../../trainer/errors.js";
import { wrap } from "../../trainer/report/terminal.js";
import { local } from "../../trainer/sweep/local.js";
import type { OpenSweep, SweepOptions } from "../../trainer/sweep/sweep.js";
import { about } from "../../trainer/sweep/terminal.js";
import { analysisNamed } from "./analyses/analysis.js";
import { basesToMake, cellsOf, estimateRuns, openRuns, runCells, type Wish, wishesOf } from "./cells.js";
import { type Experiment, experimentNames, readExperiment } from "./definition.js";
import { plainTable } from "./outcome.js";
import { RESULTS, writePages } from "./pages.js";
import { type ExperimentSummary, readExperimentSummary, writeResults } from "./results.js";

interface Chosen {
  readonly experiment: Experiment;
  readonly seeds: readonly number[];
  readonly wishes: readonly Wish[];
}

/** What all the experiments of a command have in common. */
interface Setting {
  /** Of all experiments. */
  readonly folder: string;
  readonly quick: boolean;
  /** As asked for; else each experiment's own. */
  readonly seeds: readonly number[] | undefined;
  readonly sweep: Omit<SweepOptions, "folder" | "command"> & Pick<Required<SweepOptions>, "signal">;
}

/** What repeats it anywhere: neither where its results go nor where its runs are done changes them. */
const commandOf = (names: readonly string[], { quick, seeds }: Setting): string =>
  [
    `npm run experiment -- ${names.join(" ")}`,
    ...(quick ? ["--quick"] : []),
    ...(seeds === undefined ? [] : [`--seeds ${seeds.join(",")}`]),
  ].join(" ");

function choose(name: string, { folder, quick, seeds: asked }: Setting): Chosen {
  const experiment = readExperiment(name);
  const { first, count } = experiment.seeds;
  const seeds = asked ?? Array.from({ length: quick ? 1 : count }, (_, i) => first + i);
  return { experiment, seeds, wishes: wishesOf(experiment, folder, seeds, quick) };
}

/** The sweep that the runs of all experiments are in, with those of the given ones asked for. */
const open = (chosen: readonly Chosen[], setting: Setting): Promise<OpenSweep> =>
  openRuns(
    chosen.flatMap(({ wishes }) => wishes),
    {
      ...setting.sweep,
      folder: path.join(setting.folder, "runs"),
      command: commandOf(
        chosen.map(({ experiment }) => experiment.name),
        setting,
      ),
    },
  );

const counts = (name: string, { asked, finished }: OpenSweep): string =>
  `${name}: ${asked.length} runs, ${finished.length} of them done`;

/** What all of them come to, and about how long that takes. */
async function sayPlan(chosen: readonly Chosen[], setting: Setting): Promise<void> {
  const { progress } = setting.sweep;
  for (const one of chosen) progress.say(counts(one.experiment.name, await open([one], setting)));
  const all = await open(chosen, setting);
  const missing = all.fresh.length + all.resumed.length;
  if (missing === 0) return;
  const estimated = setting.quick ? null : await estimateRuns(all);
  const time = estimated === null ? "" : `, about ${about(estimated.total)} (by ${estimated.from})`;
  progress.say(`${missing} runs to do, ${all.jobs.count} at a time${time}`);
  const bases = basesToMake(all, setting.folder);
  const each = setting.quick ? "" : ", ten minutes or more each";
  if (bases.length > 0) progress.say(`and before them ${bases.join(" and ")} to pre-train${each}`);
}

async function perform(one: Chosen, setting: Setting): Promise<void> {
  const { experiment, seeds, wishes } = one;
  const { folder, quick } = setting;
  const { progress, signal } = setting.sweep;
  const analysis = analysisNamed(experiment.analysis);
  const sweep = await open([one], setting);
  await runCells(sweep, folder, quick);
  const cells = cellsOf(wishes, sweep);
  const outcome = await analysis({ experiment, cells, folder, quick, progress, signal });
  const own = path.join(folder, experiment.name);
  const summary = await writeResults(own, experiment, cells, { command: sweep.options.command, quick, seeds }, outcome);
  process.stdout.write(`${shown(summary, own)}\n`);
}

function shown(summary: ExperimentSummary, folder: string): string {
  const { experiment, title, headline, sentences, tables, setting } = summary;
  return [
    "",
    wrap(`${experiment}: ${title}`),
    ...(setting === "quick"
      ? [wrap("The quick setting shows that the code path works; its numbers say nothing.")]
      : []),
    wrap(`${headline}.`),
    ...(sentences.length === 0 ? [] : [sentences.map((line) => wrap(line)).join("\n")]),
    ...tables.map(plainTable),
    `results: ${shownPath(folder)}`,
  ].join("\n\n");
}

/** The small form of finished full experiments into benchmarks/results, and from there into the pages. */
function collect(names: readonly string[], folder: string): void {
  for (const name of names) {
    const own = path.join(folder, name);
    const file = path.join(own, "summary.json");
    if (!existsSync(file))
      throw new InputError(`${shownPath(own)}: has no summary.json; run npm run experiment -- ${name}`);
    if (readExperimentSummary(file).setting !== "full") {
      throw new InputError(`${shownPath(own)}: is of the quick setting, which nothing is to be read from`);
    }
    const to = path.join(RESULTS, name);
    rmSync(to, { recursive: true, force: true });
    mkdirSync(to, { recursive: true });
    cpSync(own, to, { recursive: true });
    process.stdout.write(`${shownPath(to)}\n`);
  }
  for (const page of writePages()) process.stdout.write(`${page}\n`);
}

async function main(): Promise<void> {
  const names = experimentNames();
  const argv = await yargs(hideBin(process.argv))
    .scriptName("npm run experiment --")
    .usage(
      "$0 NAME…           run experiments, or go on with them\n$0 all             every one\n$0 collect [NAME…] finished ones (all that are) into benchmarks/results and the pages\n$0 pages           the pages from benchmarks/results",
    )
    .options({
      quick: { type: "boolean", default: false, describe: "CI's size: one seed, few levels, seconds a run" },
      seeds: {
        type: "string",
        requiresArg: true,
        describe: "how many, or a list such as 3,7,11; default: the experiment's",
      },
      jobs: {
        type: "number",
        requiresArg: true,
        describe: "runs side by side",
        defaultDescription: "what cores and memory have room for",
      },
      out: {
        type: "string",
        requiresArg: true,
        default: path.join("runs", "experiments"),
        describe: "folder of all experiments, which share runs",
      },
      plan: { type: "boolean", default: false, describe: "only say what would be run" },
      quiet: { type: "boolean", default: false, describe: "say nothing but warnings and the result" },
      ...EXECUTOR_OPTIONS,
    })
    .strictOptions()
    .wrap(80)
    .version(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new InputError(message ?? "");
    })
    .parseAsync();
  const words = argv._.map(String);
  const [verb] = words;
  const folder = path.resolve(argv.out, argv.quick ? "quick" : ".");
  if (verb === undefined) {
    for (const name of names) process.stdout.write(`${wrap(`${name}: ${readExperiment(name).title}`)}\n`);
    return;
  }
  if (verb === "pages") {
    for (const page of writePages()) process.stdout.write(`${page}\n`);
    return;
  }
  if (verb === "collect") {
    const asked = words.slice(1);
    const finished = names.filter((name) => existsSync(path.join(folder, name, "summary.json")));
    collect(asked.length > 0 ? asked : finished, folder);
    return;
  }
  const { quick, jobs, plan } = argv;
  if (jobs !== undefined && (!Number.isInteger(jobs) || jobs < 1))
    throw new InputError(`--jobs: takes a whole number from 1 on`);
  const executor = text(argv, "executor") ?? local.name;
  const setting: Setting = {
    folder,
    quick,
    seeds: argv.seeds === undefined ? undefined : parseSeeds(argv.seeds),
    sweep: {
      progress: showProgress(argv.quiet),
      signal: interruptible(),
      executor: await loadExecutor(executor),
      settings: executorSettings(executor, argv),
      ...(jobs === undefined ? {} : { jobs }),
    },
  };
  const chosen = (verb === "all" ? names : words).map((name) => choose(name, setting));
  await sayPlan(chosen, setting);
  if (plan) return;
  for (const one of chosen) await perform(one, setting);
}

main().catch((error: unknown) => {
  const { code, message } = exitCodeOf(error);
  process.stderr.write(`experiment: ${message}\n`);
  process.exitCode = code;
});
