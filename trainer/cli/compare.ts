/** @file `rls3 compare` (and `npm start`): arms × seeds on one shared preparation, then statistics and a report. */
import { availableParallelism } from "node:os";
import path from "node:path";
import type { CommandModule } from "yargs";
import { InputError } from "../errors.js";
import type { Progress } from "../progress.js";
import { renderTerminal } from "../report/terminal.js";
import type { Summary } from "../run-format/summary.js";
import { type ComparisonPlan, compare } from "../runs/compare.js";
import { onDevice } from "../runs/device.js";
import { checkInputs } from "../runs/inputs.js";
import { Interrupted } from "../runs/interrupted.js";
import { refuseOtherLanguage } from "../runs/language-version.js";
import { pluginIn } from "../runs/run.js";
import { readRunConfig, refuseUsed } from "../runs/run-directory.js";
import { ARMS, type Arm } from "../settings/arms.js";
import { type Configuration, nearest, parseResolved, type Source } from "../settings/configuration.js";
import { SETTING_NAMES } from "../settings/settings.js";
import {
  configurationOf,
  type Flags,
  openPlugin,
  parseSeeds,
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

const DEFAULT_SEEDS = 5;
const QUICK_SEEDS = 2;
/** More would exceed the 4 GiB that a comparison may take on any machine: a run takes up to 1.5. */
const JOBS = 2;

export function parseArms(value: unknown): Arm[] {
  const words = (Array.isArray(value) ? value.map(String) : String(value).split(/[\s,]+/)).filter(
    (word) => word !== "",
  );
  const arms = words.map((word) => {
    const arm = ARMS.find((name) => name === word);
    if (arm !== undefined) return arm;
    const best = nearest(word, ARMS);
    throw new InputError(
      `--arms: there is no arm "${word}"${best === "" ? "" : `; did you mean "${best}"?`} (${ARMS.join(", ")})`,
    );
  });
  if (arms.length === 0) throw new InputError(`--arms: names no arm; there are ${ARMS.join(", ")}`);
  if (new Set(arms).size < arms.length) throw new InputError(`--arms: ${arms.join(",")} names an arm twice`);
  return arms;
}

function parseJobs(value: unknown, configurations: readonly Configuration[]): number {
  const threads = Math.max(...configurations.map((configuration) => configuration.threads));
  const room = Math.max(1, Math.floor(availableParallelism() / threads));
  const jobs = value === undefined ? Math.min(JOBS, room) : Number(value);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > 1024) {
    throw new InputError(`--jobs: takes a whole number from 1 to 1024, not ${JSON.stringify(value)}`);
  }
  return jobs;
}

/** What a comparison has for every run, and what to give in place of one setting. */
const NOT_HERE: Readonly<Record<string, string>> = {
  agent: "a comparison's agents are its arms; give --arms",
  seed: "a comparison has several seeds; give --seeds",
  earlyStopping: "a comparison's runs have equal budgets; leave it out",
};

function refuseNotHere(sources: readonly Source[]): void {
  for (const { name, values } of sources) {
    const [key, why] = Object.entries(NOT_HERE).find(([setting]) => Object.hasOwn(values, setting)) ?? [];
    if (key !== undefined) throw new InputError(`${name.startsWith("--") ? name : `${name}: ${key}`}: ${why}`);
  }
}

/** A new comparison, from flags and a file. */
async function newPlan(flags: Flags, progress: Progress): Promise<ComparisonPlan> {
  const given = readFlags(flags, ["arms", "seeds", "jobs"]);
  refuseNotHere(given.sources);
  const plugin = await openPlugin(given.plugin);
  const own = plugin?.parts.agent === true ? "plugin,rls3,random" : "rls3,random";
  const { arms = own, seeds = given.quick ? QUICK_SEEDS : DEFAULT_SEEDS, jobs } = given.extra;
  const folder = path.resolve(given.out ?? defaultFolder("compare"));
  refuseUsed(folder);
  const requested = parseArms(arms).map((name) => configurationOf(given, name, plugin));
  const plan = { folder, command: typedCommand(), seeds: parseSeeds(seeds), jobs: parseJobs(jobs, requested) };
  checkInputs(requested);
  const configurations = await onDevice(requested, progress);
  return {
    ...plan,
    mode: "new",
    arms: configurations.map((configuration) => ({ name: configuration.agent, configuration })),
    ...(plugin === null ? {} : { plugin: plugin.source }),
  };
}

/** The plan of an existing comparison. */
function oldPlan(folder: string, jobs: unknown): ComparisonPlan {
  const { command, seeds, configuration, languageVersion, plugin } = readRunConfig(folder);
  if (!Array.isArray(seeds) || typeof configuration !== "object" || configuration === null) {
    throw new InputError(`${folder}: is not a comparison; resume a single run with rls3 train --resume`);
  }
  refuseOtherLanguage(`${folder}/config.json`, languageVersion);
  const arms = parseArms(Object.keys(configuration)).map((name) => ({
    name,
    configuration: parseResolved(`${folder}/config.json, ${name}`, (configuration as Record<string, unknown>)[name]),
  }));
  return {
    folder,
    mode: "resume",
    command: typeof command === "string" ? command : "rls3",
    arms,
    seeds: parseSeeds(seeds),
    ...pluginIn(`${folder}/config.json`, plugin),
    jobs: parseJobs(
      jobs,
      arms.map((arm) => arm.configuration),
    ),
  };
}

function resumedPlan(folder: string, flags: Flags): ComparisonPlan {
  const given = readFlags(flags, ["arms", "seeds"]);
  refuseBesideResume(given);
  return withMovedPlugin(oldPlan(path.resolve(folder), flags["jobs"]), given);
}

async function handle(flags: Flags): Promise<void> {
  const resumed = text(flags, "resume");
  const progress = showProgress(flags["quiet"] === true);
  const plan = resumed === undefined ? await newPlan(flags, progress) : resumedPlan(resumed, flags);
  const shown = shownPath(plan.folder);
  sayLivePage(plan.folder, progress);
  let summary: Summary;
  try {
    summary = await compare(plan, progress, interruptible());
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(interruptedMessage("compare", plan.folder));
  }
  const report = await writeReport(plan.folder, progress);
  if (flags["json"] === true) printJson({ folder: plan.folder, report, summary });
  else {
    process.stdout.write(`${renderTerminal(summary)}\n\nresults: ${shown}\n`);
    if (report !== null) process.stdout.write(`report: ${path.join(shown, "report.html")}\n`);
  }
}

const names = SETTING_NAMES.filter((name) => !Object.hasOwn(NOT_HERE, name) && name !== "patience");

export const command: CommandModule = {
  command: "compare",
  describe: "RLS3 against random sampling over seeds, with statistics and a report",
  builder: (argv) =>
    withConfiguration(argv, names).options({
      arms: {
        type: "string",
        requiresArg: true,
        describe: "which agents, in order",
        defaultDescription: "rls3,random",
      },
      seeds: {
        type: "string",
        requiresArg: true,
        describe: "how many, or a list such as 3,7,11",
        defaultDescription: "5",
      },
      jobs: {
        type: "string",
        requiresArg: true,
        describe: "runs at a time, each with up to 1.5 GiB",
        defaultDescription: "2, or what cores --threads leaves room for",
      },
      resume: { type: "string", requiresArg: true, describe: "folder of a comparison to go on with" },
      // Known, to say what to give instead.
      ...{ agent: { type: "string", hidden: true }, seed: { type: "string", hidden: true } },
      "early-stopping": { type: "boolean", hidden: true },
    }),
  handler: handle,
};
