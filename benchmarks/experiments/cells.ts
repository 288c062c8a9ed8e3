/** @file The runs of an experiment: combinations × seeds in one pool of folders, so that experiments that ask for the same run share it. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { type Configuration, resolveConfiguration } from "../../trainer/rls3/configuration.js";
import { openConfiguredModel, openEnvironments } from "../../trainer/rls3/parts.js";
import { fillCores, inParallel, runInProcess } from "../../trainer/rls3/pool.js";
import { prepare } from "../../trainer/rls3/preparation.js";
import { type Progress, stoppable } from "../../trainer/rls3/progress.js";
import { finishedState, type RunPlan } from "../../trainer/rls3/run.js";
import { SETTING_NAMES, SETTINGS } from "../../trainer/rls3/settings.js";
import { combinationName, combinations, type Experiment, type Settings, settingsOf } from "./definition.js";
import { FLOOR_ONLY, floorOnlyModel, makeFloorOnlyModel } from "./planted-base.js";

export interface Cell {
  /** Factor → level. */
  readonly levels: Readonly<Record<string, string>>;
  readonly name: string;
  readonly seed: number;
  readonly configuration: Configuration;
  readonly folder: string;
  /** Folder of the test sets and transitions that runs of its world share. */
  readonly shared: string;
}

/** A setting of every experiment that fits a CI job: the same code path, nothing to be learned from its numbers. */
const QUICK: Settings = {
  episodesPerIteration: 4,
  samplesPerEpisode: 5,
  validSamples: 40,
  iterations: 14,
  testSeed: 3,
  feasibilitySteps: 1500,
  feasibilityUpdates: 30,
  updatesPerIteration: 20,
  epochs: 1,
  batchSize: 8,
  testImagesPerRelation: 2,
  naturalImages: 20,
  validationImagesPerRelation: 1,
  replayCapacity: 20_000,
};

const digest = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 8);

/** Settings that are not at their defaults, so that a setting that is new tomorrow leaves today's runs what they are. */
export const whatItIs = (configuration: Configuration): Settings =>
  Object.fromEntries(
    SETTING_NAMES.filter((name) => name !== "seed" && name !== "threads")
      .filter((name) => configuration[name] !== SETTINGS[name].fallback)
      .sort()
      .map((name) => [name, configuration[name]]),
  );

/** What the preparation follows from; a random agent's zero feasibility steps share what others made. */
const sharedFolder = (folder: string, configuration: Configuration): string => {
  const { world, testSeed, testImagesPerRelation, naturalImages, validationImagesPerRelation } = configuration;
  const sizes = [world, testSeed, testImagesPerRelation, naturalImages, validationImagesPerRelation];
  return path.join(folder, "shared", `${path.basename(world, ".json")}-${digest(sizes)}`);
};

/** Folders are named by what the run is, without its seed: equal configurations are one run, whichever experiment asks. */
export function cellsOf(experiment: Experiment, folder: string, seeds: readonly number[], quick: boolean): Cell[] {
  // Seed by seed, so that an interrupted experiment has whole sets.
  return seeds.flatMap((seed) =>
    combinations(experiment, quick).map((levels): Cell => {
      const layers: readonly Settings[] = [
        { device: "cpu" },
        experiment.settings,
        ...(quick ? [QUICK] : []),
        ...settingsOf(experiment, levels),
      ];
      const resolved = resolveConfiguration([
        { name: `${experiment.name}.yaml`, values: Object.assign({}, ...layers) },
      ]);
      const vlm = resolved.vlm === FLOOR_ONLY ? floorOnlyModel(folder) : resolved.vlm;
      const configuration: Configuration = { ...resolved, vlm };
      const name = `${configuration.agent}-${digest(whatItIs(configuration))}-${seed}`;
      return {
        levels,
        name: combinationName(levels),
        seed,
        configuration: { ...configuration, seed },
        folder: path.join(folder, "runs", name),
        shared: sharedFolder(folder, configuration),
      };
    }),
  );
}

const planOf = ({ folder, configuration, shared }: Cell, command: string, jobs: number): RunPlan => ({
  folder,
  configuration,
  command,
  shared,
  pretrained: shared,
  earlyStopping: false,
  inTurns: fillCores(jobs, configuration.threads),
});

export const isDone = ({ folder }: Cell): boolean => existsSync(folder) && finishedState(folder) !== null;

/** A rough number for the plan, of one core that has nothing else to do. */
export function secondsOf({ configuration }: Cell): number {
  const { validSamples, iterations, episodesPerIteration, samplesPerEpisode, samplingRate } = configuration;
  const samples = validSamples > 0 ? validSamples : iterations * episodesPerIteration * samplesPerEpisode;
  return 12 + configuration.feasibilityUpdates / 500 + samples * (0.004 + 0.006 * samplingRate);
}

export interface RunOptions {
  /** Of all experiments. */
  readonly folder: string;
  readonly quick: boolean;
  readonly command: string;
  /** Runs side by side. */
  readonly jobs: number;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/** Runs what is not done; cells that are the same run are run once. */
export async function runCells(
  cells: readonly Cell[],
  { folder, quick, command, jobs, progress, signal }: RunOptions,
): Promise<void> {
  const missing = [...new Map(cells.map((cell) => [cell.folder, cell])).values()].filter((cell) => !isDone(cell));
  if (missing.length === 0) return;
  if (missing.some(({ configuration }) => configuration.vlm === floorOnlyModel(folder))) {
    await makeFloorOnlyModel(folder, quick, stoppable(progress, signal));
  }
  const worlds = new Map<string, Cell>();
  for (const cell of missing) {
    const known = worlds.get(cell.shared);
    // The one that learns from most feasibility steps: the others take what is made for it.
    if (known === undefined || known.configuration.feasibilitySteps < cell.configuration.feasibilitySteps) {
      worlds.set(cell.shared, cell);
    }
  }
  for (const { shared, configuration } of worlds.values()) {
    await prepareShared(shared, configuration, stoppable(progress, signal), signal);
  }
  await inParallel(
    missing.map((cell) => planOf(cell, command, jobs)),
    jobs,
    runInProcess,
    progress,
    signal,
  );
}

async function prepareShared(
  shared: string,
  configuration: Configuration,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const model = await openConfiguredModel(configuration);
  const { imageSize } = model;
  await model.close();
  const { env, world, render, keys } = configuration;
  const environments = await openEnvironments({ env, world, count: 1, imageSize, render, keys }, progress, signal);
  try {
    mkdirSync(shared, { recursive: true });
    await prepare(shared, configuration, environments, imageSize, progress);
  } finally {
    await environments.close();
  }
}
