/**
 * @file A comparison: the same loop for each arm and seed, several at once in separate processes, on preparation made
 * once.
 */
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { closing, type Opening } from "../closing.js";
import { openEnvironments } from "../environments/open-environments.js";
import { InputError } from "../errors.js";
import { writeDurably } from "../files/durable-file.js";
import { LANGUAGE_VERSION } from "../language/index.js";
import { loadPlugin, refuseMissingParts } from "../plugins/load.js";
import type { LoadedPlugin } from "../plugins/loaded.js";
import type { PluginSource } from "../plugins/source.js";
import { type Progress, stoppable } from "../progress.js";
import { writeSummary } from "../report/rebuild.js";
import { summarize } from "../report/summary.js";
import { readMetrics, seedRun } from "../run-format/readers.js";
import type { SeedRun, Summary } from "../run-format/summary.js";
import type { Arm } from "../settings/arms.js";
import { type Configuration, randomTransitionsNeeded } from "../settings/configuration.js";
import { type Lock, takeLock } from "./lock.js";
import { openConfiguredModel, warnOfNames } from "./parts.js";
import { fillCores, inParallel, runInProcess } from "./pool.js";
import { isPrepared, prepare } from "./preparation.js";
import { provenance } from "./provenance.js";
import { type RunPlan, settledState } from "./run.js";
import { refuseUsed } from "./run-directory.js";

/** A comparison: arms × seeds in one folder. */
export interface ComparisonPlan {
  readonly folder: string;
  readonly command: string;
  /** In the order of comparison: each arm is compared with every later one. */
  readonly arms: readonly { readonly name: Arm; readonly configuration: Configuration }[];
  readonly seeds: readonly number[];
  /** Module with the user's parts, for all runs. */
  readonly plugin?: PluginSource;
  /** Number of processes at once. */
  readonly jobs: number;
  readonly mode: "new" | "resume";
}

/** Where the report looks for the runs. */
const runFolder = (folder: string, arm: Arm, seed: number): string => path.join(folder, "runs", `${arm}-${seed}`);

/** Does the runs that are missing in the folder, then writes summary.json. */
export const compare = (plan: ComparisonPlan, progress: Progress, signal: AbortSignal | undefined): Promise<Summary> =>
  closing(async (opening) => {
    const shared = path.join(plan.folder, "shared");
    await prepareShared(plan, shared, stoppable(progress, signal), signal, opening);
    await runAll(plan, shared, progress, signal);
    return summarized(plan);
  });

/** Locks the folder, and writes what the comparison is where that is missing. */
function begin(
  { folder, arms, seeds, command, mode }: ComparisonPlan,
  plugin: LoadedPlugin | null,
  model: unknown,
  worldCatalog: unknown,
): Lock {
  mkdirSync(folder, { recursive: true });
  const lock = takeLock(folder);
  try {
    // Another process may have used the folder since the command looked.
    if (mode === "new") refuseUsed(folder);
    const file = path.join(folder, "config.json");
    if (!existsSync(file)) {
      const configuration = Object.fromEntries(arms.map((arm) => [arm.name, arm.configuration]));
      const own = plugin === null ? {} : { plugin: plugin.description };
      const what = { schema: 1, command, languageVersion: LANGUAGE_VERSION, seeds, configuration, model, ...own };
      writeDurably(file, `${JSON.stringify({ ...what, ...provenance(), worldCatalog }, null, 2)}\n`);
    }
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Makes what the runs share, and checks model and environment before any run starts. */
async function prepareShared(
  plan: ComparisonPlan,
  shared: string,
  progress: Progress,
  signal: AbortSignal | undefined,
  opening: Opening,
): Promise<void> {
  // The arm that needs most random transitions; the other arms use the same.
  const [first] = [...plan.arms].sort(
    (a, b) => randomTransitionsNeeded(b.configuration) - randomTransitionsNeeded(a.configuration),
  );
  if (first === undefined) throw new InputError("--arms: names no arm; give at least one, such as rls3,random");
  const plugin = plan.plugin === undefined ? null : await loadPlugin(plan.plugin);
  for (const { configuration } of plan.arms) refuseMissingParts(configuration, plugin);
  const { configuration } = first;
  const { env, world, render, keys, episodesPerIteration: count } = configuration;
  await closing(async (openingHere) => {
    const model = await openingHere(openConfiguredModel(configuration, {}, plugin));
    const { imageSize, description } = model;
    const environments = await openingHere(
      openEnvironments({ env, world, count, imageSize, render, keys }, progress, signal),
    );
    environments.world.refuseUnknownScenes(configuration);
    await opening(begin(plan, plugin, description, environments.world.catalog.document));
    // Warn once, when the comparison begins; its runs do not.
    if (!isPrepared(shared, configuration)) await warnOfNames(model, environments, configuration, progress);
    await prepare(shared, configuration, environments, imageSize, progress);
  });
}

async function runAll(
  plan: ComparisonPlan,
  shared: string,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { folder, arms, seeds, plugin } = plan;
  // Seed by seed, so that an interrupted comparison has complete pairs.
  const runs = seeds.flatMap((seed) =>
    arms.map(({ name, configuration }): RunPlan => {
      const place = runFolder(folder, name, seed);
      return {
        folder: place,
        configuration: { ...configuration, seed },
        command: plan.command,
        shared,
        earlyStopping: false,
        ...(plugin === undefined ? {} : { plugin }),
        inTurns: fillCores(plan.jobs, configuration.threads),
      };
    }),
  );
  for (const one of runs) settledState(one, progress);
  await inParallel(runs, plan.jobs, runInProcess, progress, signal);
}

async function summarized({ folder, arms, seeds }: ComparisonPlan): Promise<Summary> {
  const results: Record<string, SeedRun[]> = {};
  for (const { name } of arms) {
    results[name] = await Promise.all(
      seeds.map(async (seed) => seedRun(seed, await readMetrics(runFolder(folder, name, seed)))),
    );
  }
  const { machine, commit } = provenance();
  const config = Object.fromEntries(arms.map(({ name, configuration }) => [name, configuration]));
  const summary = summarize({ arms: results, config, machine, commit, languageVersion: LANGUAGE_VERSION, seeds });
  writeSummary(folder, summary);
  return summary;
}
