/**
 * @file The runs of an experiment: combinations × seeds as cells of one sweep, which all experiments share. So
 * experiments with the same run share it, and any executor of sweeps can run them.
 */
import { createHash } from "node:crypto";
import { stoppable } from "../../trainer/progress.js";
import { type Configuration, resolveConfiguration } from "../../trainer/settings/configuration.js";
import { SETTING_NAMES, SETTINGS } from "../../trainer/settings/settings.js";
import type { Estimate } from "../../trainer/sweep/estimate.js";
import { type CellRequest, configurationKey, variedIn } from "../../trainer/sweep/plan.js";
import { type PlannedCell, readSweepFile } from "../../trainer/sweep/plan-file.js";
import { estimateSweep, type OpenSweep, openPlan, runOpenSweep, type SweepOptions } from "../../trainer/sweep/sweep.js";
import { baseDirectory, bundledLike, makeBase, missingBases } from "./bases.js";
import {
  combinationName,
  combinations,
  type Experiment,
  laterLevels,
  type Settings,
  settingsOf,
} from "./definition.js";

/** A run that an experiment needs. */
export interface RunRequest extends CellRequest {
  /** Factor → level. */
  readonly levels: Readonly<Record<string, string>>;
  /** Settings that are not at their defaults, with base models by name: the same on every machine. */
  readonly settings: Settings;
}

/** The same, with its folder. */
export interface Cell {
  readonly levels: Readonly<Record<string, string>>;
  /** The name of its combination of levels. */
  readonly name: string;
  /** The name of its run and of its cell file. */
  readonly run: string;
  readonly seed: number;
  readonly settings: Settings;
  readonly configuration: Configuration;
  readonly folder: string;
  /** Folder of the test sets and transitions shared by runs in its world. */
  readonly shared: string;
}

/** Settings that make any experiment fit a CI job: the same code path; the numbers mean nothing. */
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

/** Settings that are not at their defaults. A new setting in a later version does not change the runs of today. */
export const whatItIs = (configuration: Configuration): Settings =>
  Object.fromEntries(
    SETTING_NAMES.filter((name) => name !== "seed" && name !== "threads")
      .filter((name) => configuration[name] !== SETTINGS[name].fallback)
      .sort()
      .map((name) => [name, configuration[name]]),
  );

/** The name of a run from its settings: the same on every machine. */
export const runName = (settings: Settings, seed: number): string =>
  `${settings["agent"] ?? SETTINGS.agent.fallback}-${digest(settings)}-${seed}`;

/** Named by settings and seed: equal configurations are one run, whichever experiment needs it. */
export function wishesOf(
  experiment: Experiment,
  folder: string,
  seeds: readonly number[],
  quick: boolean,
): RunRequest[] {
  // Seed by seed, so that an interrupted experiment has complete sets.
  const wishes = seeds.flatMap((seed) =>
    combinations(experiment, quick).map((levels): RunRequest => {
      const layers: readonly Settings[] = [
        { device: "cpu", earlyStopping: false },
        experiment.settings,
        ...(quick ? [QUICK] : []),
        ...settingsOf(experiment, levels),
      ];
      const resolved = resolveConfiguration([
        { name: `${experiment.name}.yaml`, values: Object.assign({}, ...layers) },
      ]);
      const settings = whatItIs(resolved);
      return {
        levels,
        settings,
        variant: null,
        name: runName(settings, seed),
        configuration: { ...resolved, vlm: baseDirectory(folder, resolved.vlm), seed },
      };
    }),
  );
  const last = ({ levels }: RunRequest): number => (laterLevels(experiment, levels).length > 0 ? 1 : 0);
  return wishes.toSorted((a, b) => last(a) - last(b));
}

/** The sweep of all experiments with these runs; writes nothing. */
export function openRuns(requests: readonly RunRequest[], options: SweepOptions): Promise<OpenSweep> {
  const cells = [...new Map(requests.map((request) => [configurationKey(request.configuration), request])).values()];
  const all = [...(readSweepFile(options.folder)?.cells ?? []), ...cells].map(({ configuration }) => configuration);
  return openPlan({ varied: variedIn(all), cells, repeated: requests.length - cells.length, undrawn: 0 }, options);
}

/** The folders of the runs. */
export function cellsOf(requests: readonly RunRequest[], { requested }: OpenSweep): Cell[] {
  const planned = new Map(requested.map((cell) => [configurationKey(cell.configuration), cell]));
  return requests.map(({ levels, settings, name: run, configuration }) => {
    const cell = planned.get(configurationKey(configuration));
    if (cell === undefined) throw new Error(`a run was asked for that is not in the plan: ${combinationName(levels)}`);
    const { folder, shared = "" } = cell;
    const { seed } = configuration;
    return { levels, name: combinationName(levels), run, seed, settings, configuration, folder, shared };
  });
}

/** Base models that unfinished runs need and that must be made first; `folder` is that of all experiments. */
export const basesToMake = ({ fresh, resumed }: OpenSweep, folder: string): string[] =>
  missingBases(
    folder,
    [...fresh, ...resumed].map(({ configuration }) => configuration.vlm),
  );

/** Does the unfinished runs, base models first; `folder` is that of all experiments. */
export async function runCells(sweep: OpenSweep, folder: string, quick: boolean): Promise<void> {
  const { progress, signal } = sweep.options;
  if (sweep.fresh.length + sweep.resumed.length === 0) return;
  for (const base of basesToMake(sweep, folder)) await makeBase(folder, base, quick, stoppable(progress, signal));
  await runOpenSweep(sweep);
}

/**
 * Estimates how long the missing runs take, for a sweep in the folder of all experiments. Some base models may not
 * exist yet.
 */
export function estimateRuns(sweep: OpenSweep, folder: string): Promise<Estimate | null> {
  const withBundled = (cell: PlannedCell): PlannedCell => ({
    ...cell,
    configuration: { ...cell.configuration, vlm: bundledLike(folder, cell.configuration.vlm) },
  });
  const [fresh, resumed] = [sweep.fresh.map(withBundled), sweep.resumed.map(withBundled)];
  const finished = sweep.finished.map(withBundled);
  return estimateSweep({ ...sweep, requested: [...fresh, ...resumed], fresh, resumed, finished });
}
