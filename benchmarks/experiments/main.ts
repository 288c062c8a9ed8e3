/** @file `npm run experiment -- NAME… [--quick]`: runs the paper's experiments and the ablations, prints and keeps what they show. */
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { parseSeeds } from "../../trainer/cli/options.js";
import { exitCodeOf, interruptible } from "../../trainer/cli/outcome.js";
import { duration, showProgress } from "../../trainer/cli/progress.js";
import { shownPath } from "../../trainer/cli/run-folder.js";
import { InputError } from "../../trainer/errors.js";
import { wrap } from "../../trainer/report/terminal.js";
import type { Progress } from "../../trainer/rls3/progress.js";
import { analysisNamed } from "./analyses/analysis.js";
import { type Cell, cellsOf, isDone, runCells, secondsOf } from "./cells.js";
import { type Experiment, experimentNames, readExperiment } from "./definition.js";
import { plainTable } from "./outcome.js";
import { RESULTS, writePages } from "./pages.js";
import { type ExperimentSummary, readExperimentSummary, writeResults } from "./results.js";

interface Options {
  readonly folder: string;
  readonly quick: boolean;
  readonly seeds: readonly number[] | undefined;
  readonly jobs: number;
  readonly plan: boolean;
}

/** What repeats it anywhere: neither where its results go nor how many run side by side changes them. */
const commandOf = (name: string, { quick, seeds }: Options): string =>
  [
    `npm run experiment -- ${name}`,
    ...(quick ? ["--quick"] : []),
    ...(seeds === undefined ? [] : [`--seeds ${seeds.join(",")}`]),
  ].join(" ");

function seedsOf({ seeds: { first, count } }: Experiment, { seeds, quick }: Options): readonly number[] {
  return seeds ?? Array.from({ length: quick ? 1 : count }, (_, i) => first + i);
}

/** What will be run, and about how long it takes. */
function planned(name: string, cells: readonly Cell[], jobs: number): string {
  const runs = [...new Map(cells.map((cell) => [cell.folder, cell])).values()];
  const missing = runs.filter((cell) => !isDone(cell));
  const done = runs.length - missing.length;
  const seconds = missing.reduce((sum, cell) => sum + secondsOf(cell), 0) / jobs;
  const time = missing.length === 0 ? "" : `, about ${duration(seconds)} on as many idle cores`;
  return `${name}: ${runs.length} runs, ${done} of them done, ${jobs} at a time${time}`;
}

async function perform(
  name: string,
  options: Options,
  progress: Progress,
  signal: AbortSignal,
): Promise<ExperimentSummary | null> {
  const experiment = readExperiment(name);
  const analysis = analysisNamed(experiment.analysis);
  const { folder, quick, jobs } = options;
  const seeds = seedsOf(experiment, options);
  const command = commandOf(name, options);
  const cells = cellsOf(experiment, folder, seeds, quick);
  progress.say(planned(name, cells, jobs));
  if (options.plan) return null;
  await runCells(cells, { folder, quick, command, jobs, progress, signal });
  const outcome = await analysis({ experiment, cells, folder, quick, progress, signal });
  const summary = await writeResults(path.join(folder, name), experiment, cells, { command, quick, seeds }, outcome);
  process.stdout.write(`${shown(summary, path.join(folder, name))}\n`);
  return summary;
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
        default: Math.min(2, availableParallelism()),
        describe: "runs side by side, each with up to 1.5 GiB",
      },
      out: {
        type: "string",
        requiresArg: true,
        default: path.join("runs", "experiments"),
        describe: "folder of all experiments, which share runs",
      },
      plan: { type: "boolean", default: false, describe: "only say what would be run" },
      quiet: { type: "boolean", default: false, describe: "say nothing but warnings and the result" },
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
  if (!Number.isInteger(argv.jobs) || argv.jobs < 1) throw new InputError(`--jobs: takes a whole number from 1 on`);
  if (verb === "collect") {
    const asked = words.slice(1);
    const finished = names.filter((name) => existsSync(path.join(folder, name, "summary.json")));
    collect(asked.length > 0 ? asked : finished, folder);
    return;
  }
  const chosen = verb === "all" ? names : words;
  chosen.forEach(readExperiment);
  const { quick, jobs, plan } = argv;
  const seeds = argv.seeds === undefined ? undefined : parseSeeds(argv.seeds);
  const progress = showProgress(argv.quiet);
  const signal = interruptible();
  for (const name of chosen) await perform(name, { folder, quick, seeds, jobs, plan }, progress, signal);
}

main().catch((error: unknown) => {
  const { code, message } = exitCodeOf(error);
  process.stderr.write(`experiment: ${message}\n`);
  process.exitCode = code;
});
