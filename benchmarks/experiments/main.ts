/**
 * @file `npm run experiment -- NAME… [--quick]`: runs the paper's experiments and the ablations, prints and stores
 * their results.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { EXECUTOR_OPTIONS, executorSettings, loadExecutor } from "../../trainer/cli/executors.js";
import { parseSeeds, text } from "../../trainer/cli/options.js";
import { exitCodeOf, interruptible, outliveReaders } from "../../trainer/cli/outcome.js";
import { showProgress } from "../../trainer/cli/progress.js";
import { shownPath } from "../../trainer/cli/run-folder.js";
import { InputError } from "../../trainer/errors.js";
import { wrap } from "../../trainer/report/terminal.js";
import { local } from "../../trainer/sweep/local.js";
import type { OpenSweep } from "../../trainer/sweep/sweep.js";
import { about } from "../../trainer/sweep/terminal.js";
import { refusals } from "./acceptance.js";
import { analysisNamed } from "./analyses/index.js";
import { basesToMake, estimateRuns, runCells } from "./cells.js";
import { collectCells, collectWhole, keepCells } from "./collect.js";
import { experimentNames, readExperiment } from "./definition.js";
import { plainTable } from "./outcome.js";
import { RESULTS, writePages } from "./pages.js";
import { repeat } from "./repeat.js";
import { readRepeats } from "./repeats.js";
import { type ExperimentSummary, writeResults } from "./results.js";
import {
  type Chosen,
  choose,
  commandOf,
  gather,
  openSources,
  parseOnly,
  refuseUncounted,
  type Setting,
  type Sources,
} from "./sources.js";

/** Prints the number of runs, and about how long they take. */
async function sayPlan(chosen: readonly Chosen[], setting: Setting): Promise<void> {
  const { progress } = setting.sweep;
  for (const one of chosen) {
    const sources = await openSources([one], setting);
    for (const line of sources.lacking) progress.say(line);
    progress.say(counts(one.experiment.name, sources));
  }
  const all = await openRest(chosen, setting);
  const missing = all.fresh.length + all.resumed.length;
  if (missing === 0) return;
  const estimated = setting.quick ? null : await estimateRuns(all, setting.folder);
  const time = estimated === null ? "" : `, about ${about(estimated.total)} (by ${estimated.from})`;
  progress.say(`${missing} runs to do, ${all.jobs.count} at a time${time}`);
  const bases = basesToMake(all, setting.folder);
  const each = setting.quick ? "" : ", ten minutes or more each";
  if (bases.length > 0) progress.say(`and before them ${bases.join(" and ")} to pre-train${each}`);
}

function counts(name: string, { sweep, runCount }: Sources): string {
  const { finished, fresh, resumed } = sweep;
  const missing = fresh.length + resumed.length;
  const elsewhere = runCount - finished.length - missing;
  return `${name}: ${runCount} runs, ${finished.length} of them done here, ${elsewhere} from cells, ${missing} missing`;
}

/** Opens the runs that are still to do. If needed cells do not count, the user must decide first. */
async function openRest(chosen: readonly Chosen[], setting: Setting): Promise<OpenSweep> {
  const sources = await openSources(chosen, setting);
  refuseUncounted(sources);
  return sources.sweep;
}

async function perform(one: Chosen, setting: Setting): Promise<void> {
  const { experiment, seeds } = one;
  const { folder, quick } = setting;
  const sources = await openSources([one], setting);
  refuseUncounted(sources);
  await runCells(sources.sweep, folder, quick);
  if (setting.only.length > 0) return sayRest(one, setting);
  const runs = await gather(one, sources, setting);
  const outcome = await analysisNamed(experiment.analysis).outcome({ experiment, runs });
  const results = path.join(folder, experiment.name);
  const request = { command: commandOf([experiment.name], setting), quick, seeds, of: one.of };
  process.stdout.write(`${shown(writeResults(results, experiment, runs, request, outcome), results)}\n`);
}

/** After some of an experiment's runs: an analysis of these alone would compare nothing. */
function sayRest({ experiment: { name }, requests, of }: Chosen, { sweep: { progress } }: Setting): void {
  progress.say(`${name}: those of --only are done, ${requests.length} of ${of} runs`);
  progress.say(`collect ${name} --partial keeps them; ${name} without --only runs the rest and analyses all`);
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

function sayPages(): void {
  for (const page of writePages()) process.stdout.write(`${page}\n`);
}

/** Collects whole experiments, or single cells, then writes the pages, which depend only on benchmarks/results. */
async function collect(named: readonly string[], partial: boolean, setting: Setting): Promise<void> {
  const { folder, quick, results } = setting;
  const all = experimentNames();
  if (partial) {
    if (quick && results === RESULTS) {
      throw new InputError(
        `--quick --partial: the numbers of the quick setting say nothing, so its cells do not go into ${shownPath(RESULTS)}; name another folder with --results`,
      );
    }
    const collected: Sources[] = [];
    for (const name of named.length > 0 ? named : all) {
      const { said, sources } = await collectCells(choose(name, setting), setting);
      process.stdout.write(`${said}\n`);
      collected.push(sources);
    }
    if (results === RESULTS) sayPages();
    // Only now, when everything done here is saved.
    for (const sources of collected) refuseUncounted(sources);
  } else {
    const finished = all.filter((name) => existsSync(path.join(folder, name, "summary.json")));
    for (const name of named.length > 0 ? named : finished) {
      const to = collectWhole(name, folder, results);
      process.stdout.write(`${to}, ${await keepCells(choose(name, setting), setting)} cells new\n`);
    }
    if (results === RESULTS) sayPages();
  }
}

/** `--seeds 3` means the experiment's first three, "3," the seed 3. */
function seedsGiven(value: string): number | readonly number[] {
  const seeds = parseSeeds(value);
  return value.includes(",") ? seeds : seeds.length;
}

async function main(): Promise<void> {
  const names = experimentNames();
  const argv = await yargs(hideBin(process.argv))
    .scriptName("npm run experiment --")
    .usage(
      "$0 NAME…           run experiments, or go on with them\n$0 all             every one\n$0 collect [NAME…] finished ones (all that are) into benchmarks/results and the pages\n$0 collect NAME… --partial   their finished runs as cells, to go on with elsewhere\n$0 repeat NAME…    one seed of each of its refused combinations again: the same numbers?\n$0 pages           the pages from benchmarks/results",
    )
    .options({
      quick: { type: "boolean", default: false, describe: "CI's size: one seed, few levels, seconds a run" },
      seeds: {
        type: "string",
        requiresArg: true,
        describe: "how many from the experiment's first on, or a list such as 3,7,11; default: the experiment's",
      },
      only: {
        type: "string",
        array: true,
        nargs: 1,
        default: [],
        defaultDescription: "all",
        describe: "run or repeat only runs with this level, such as arm=paper (may be repeated)",
      },
      jobs: {
        type: "number",
        requiresArg: true,
        describe: "runs at a time",
        defaultDescription: "what cores and memory have room for",
      },
      out: {
        type: "string",
        requiresArg: true,
        default: path.join("runs", "experiments"),
        describe: "folder of all experiments, which share runs",
      },
      results: {
        type: "string",
        requiresArg: true,
        default: RESULTS,
        defaultDescription: "benchmarks/results",
        describe: "folder of collected results; cells in it are not run again",
      },
      partial: { type: "boolean", default: false, describe: "collect: each finished run as a cell file" },
      "accept-commit": {
        type: "string",
        array: true,
        nargs: 1,
        default: [],
        defaultDescription: "none",
        describe: "accept cells of this commit, too: its numbers are known to be the same (may be repeated)",
      },
      plan: { type: "boolean", default: false, describe: "only print what would run" },
      quiet: { type: "boolean", default: false, describe: "print only warnings and the result" },
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
    sayPages();
    return;
  }
  const { quick, jobs, plan } = argv;
  if (jobs !== undefined && (!Number.isInteger(jobs) || jobs < 1))
    throw new InputError(`--jobs: takes a whole number from 1 on`);
  const executor = text(argv, "executor") ?? local.name;
  const setting: Setting = {
    folder,
    results: path.resolve(argv.results),
    refusal: refusals(argv["accept-commit"], readRepeats(path.resolve(argv.results))),
    quick,
    seeds: argv.seeds === undefined ? undefined : seedsGiven(argv.seeds),
    only: parseOnly(argv.only),
    sweep: {
      progress: showProgress(argv.quiet),
      signal: interruptible(),
      executor: await loadExecutor(executor),
      settings: executorSettings(executor, argv),
      ...(jobs === undefined ? {} : { jobs }),
    },
  };
  if (verb === "collect") {
    if (setting.only.length > 0) throw new InputError("collect takes all finished runs: leave out --only");
    await collect(words.slice(1), argv.partial, setting);
    return;
  }
  if (verb === "repeat") {
    for (const line of await repeat(words.slice(1), setting)) process.stdout.write(`${wrap(line)}\n`);
    return;
  }
  const chosen = (verb === "all" ? names : words).map((name) => choose(name, setting));
  await sayPlan(chosen, setting);
  if (plan) return;
  for (const one of chosen) await perform(one, setting);
}

outliveReaders();

main().catch((error: unknown) => {
  const { code, message } = exitCodeOf(error);
  process.stderr.write(`experiment: ${message}\n`);
  process.exitCode = code;
});
