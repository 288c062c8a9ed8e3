/** @file A comparison: the same loop for each arm and seed, some side by side in processes of their own, on preparation made once. */
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { openEnvironments } from "../environments/open-environments.js";
import { InputError } from "../errors.js";
import { writeDurably } from "../files/durable-file.js";
import { LANGUAGE_VERSION } from "../language/index.js";
import { type Progress, stoppable } from "../progress.js";
import { writeSummary } from "../report/rebuild.js";
import { summarize } from "../report/summary.js";
import { readMetrics, seedRun } from "../run-format/readers.js";
import type { SeedRun, Summary } from "../run-format/summary.js";
import type { Arm } from "../settings/arms.js";
import { type Configuration, randomTransitionsNeeded } from "../settings/configuration.js";
import { openConfiguredModel } from "./parts.js";
import { fillCores, inParallel, runInProcess } from "./pool.js";
import { prepare } from "./preparation.js";
import { provenance } from "./provenance.js";
import type { RunPlan } from "./run.js";

export interface ComparisonPlan {
  readonly folder: string;
  readonly command: string;
  /** In the order in which they are compared: each with every later one. */
  readonly arms: readonly { readonly name: Arm; readonly configuration: Configuration }[];
  readonly seeds: readonly number[];
  /** Processes side by side. */
  readonly jobs: number;
}

/** Where the report finds the runs. */
const runFolder = (folder: string, arm: Arm, seed: number): string => path.join(folder, "runs", `${arm}-${seed}`);

/** Runs what is missing in the folder, then writes summary.json. */
export async function compare(
  plan: ComparisonPlan,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<Summary> {
  const { folder, arms, seeds } = plan;
  // The arm that learns from most random transitions: the others take what is made for it.
  const [first] = [...arms].sort(
    (a, b) => randomTransitionsNeeded(b.configuration) - randomTransitionsNeeded(a.configuration),
  );
  if (first === undefined) throw new InputError("--arms: names no arm; give at least one, such as rls3,random");
  const shared = path.join(folder, "shared");
  await prepareShared(plan, first.configuration, shared, stoppable(progress, signal), signal);

  // Seed by seed, so that an interrupted comparison has whole pairs.
  const runs = seeds.flatMap((seed) =>
    arms.map(({ name, configuration }): RunPlan => {
      const place = runFolder(folder, name, seed);
      return {
        folder: place,
        configuration: { ...configuration, seed },
        command: plan.command,
        shared,
        earlyStopping: false,
        inTurns: fillCores(plan.jobs, configuration.threads),
      };
    }),
  );
  await inParallel(runs, plan.jobs, runInProcess, progress, signal);

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

/** Makes what the runs share, and finds out before any of them starts whether model and environment are in order. */
async function prepareShared(
  plan: ComparisonPlan,
  configuration: Configuration,
  shared: string,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const model = await openConfiguredModel(configuration);
  const { imageSize, description } = model;
  await model.close();
  const { env, world, render, keys, episodesPerIteration: count } = configuration;
  const environments = await openEnvironments({ env, world, count, imageSize, render, keys }, progress, signal);
  try {
    mkdirSync(plan.folder, { recursive: true });
    const config = path.join(plan.folder, "config.json");
    if (!existsSync(config)) {
      const arms = Object.fromEntries(plan.arms.map((arm) => [arm.name, arm.configuration]));
      const { command, seeds } = plan;
      const what = {
        ...{ schema: 1, command, languageVersion: LANGUAGE_VERSION, seeds, configuration: arms },
        ...{ model: description, ...provenance() },
      };
      writeDurably(
        config,
        `${JSON.stringify({ ...what, worldCatalog: environments.world.catalog.document }, null, 2)}\n`,
      );
    }
    await prepare(shared, configuration, environments, imageSize, progress);
  } finally {
    await environments.close();
  }
}
