/** @file Estimates how long cells take: measured seconds per unit of work, times a configuration's units. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { at } from "../at.js";
import { silent } from "../progress.js";
import { runInProcess } from "../runs/pool.js";
import { imagesEvaluated } from "../runs/preparation.js";
import { iterationsIn } from "../runs/run-directory.js";
import { type Configuration, iterationsPlanned } from "../settings/configuration.js";
import type { PlannedCell } from "./plan-file.js";
import { type TimingsRow, timingsOf, usageOf } from "./usage.js";

/** Seconds per unit, measured in one run. */
interface Rates {
  /** Finding and scoring a valid sample. */
  readonly sample: number;
  /** An update in feasibility pre-training; less where cells reuse another cell's agent. */
  readonly feasibility: number;
  /** An update of the agent in an iteration. */
  readonly update: number;
  /** An image in one pass of fine-tuning. */
  readonly pass: number;
  /** Evaluating an image of a test set. */
  readonly evaluated: number;
  /** Once per iteration. */
  readonly checkpoint: number;
  /** Once per run: starting its process, opening, reading. */
  readonly start: number;
}

interface Measured {
  readonly configuration: Configuration;
  readonly rows: readonly TimingsRow[];
  readonly start: number;
}

export interface Estimate {
  /** Seconds of each cell, in the order of the request. */
  readonly cells: readonly number[];
  /** Seconds for all of them, `jobs` at a time. */
  readonly total: number;
  /** The source of the estimate, for display. */
  readonly from: string;
}

/** Runs with the same agent and model take equally long per unit. */
export const kindOf = ({ agent, vlm }: Configuration): string => `${agent} ${vlm}`;

const sumOf = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((sum, item) => sum + value(item), 0);
const share = (seconds: number, units: number): number => (units === 0 ? 0 : seconds / units);
const samples = ({ episodesPerIteration, samplesPerEpisode }: Configuration): number =>
  episodesPerIteration * samplesPerEpisode;
const passes = (configuration: Configuration): number =>
  configuration.epochs * configuration.samplingRate * samples(configuration);

/** Means over all measurements. */
function ratesOf(measured: readonly Measured[]): Rates {
  const iterations = measured.flatMap(({ configuration, rows }) =>
    rows.filter((row) => row.iteration > 0).map((row) => ({ configuration, row })),
  );
  const all = measured.flatMap(({ configuration, rows }) => rows.map((row) => ({ configuration, row })));
  const starts = all.filter(({ row }) => row.iteration === 0);
  const update = share(
    sumOf(iterations, ({ row }) => row.agent),
    sumOf(iterations, ({ configuration }) => configuration.updatesPerIteration),
  );
  const feasibility = share(
    sumOf(starts, ({ row }) => row.agent),
    sumOf(starts, ({ configuration }) => configuration.feasibilityUpdates),
  );
  return {
    sample: share(
      sumOf(iterations, ({ row }) => row.episodes + row.score),
      sumOf(iterations, ({ configuration }) => samples(configuration)),
    ),
    update,
    feasibility: starts.length === 0 ? update : feasibility,
    // Where the agent learns at the same time, this is how much longer fine-tuning takes than the agent.
    pass: share(
      sumOf(iterations, ({ row }) => row.fineTuning),
      sumOf(iterations, ({ configuration }) => passes(configuration)),
    ),
    evaluated: share(
      sumOf(all, ({ row }) => row.evaluation),
      sumOf(all, ({ configuration }) => imagesEvaluated(configuration)),
    ),
    checkpoint: share(
      sumOf(all, ({ row }) => row.checkpoint),
      all.length,
    ),
    start: share(
      sumOf(measured, ({ start }) => start),
      measured.length,
    ),
  };
}

/** Seconds of a whole run. */
export function secondsOf(configuration: Configuration, rates: Rates): number {
  const iterations = iterationsPlanned(configuration);
  const learning = configuration.updatesPerIteration * rates.update + passes(configuration) * rates.pass;
  return (
    rates.start +
    configuration.feasibilityUpdates * rates.feasibility +
    iterations * (samples(configuration) * rates.sample + learning) +
    (iterations + 1) * (imagesEvaluated(configuration) * rates.evaluated + rates.checkpoint)
  );
}

/**
 * Estimates the unfinished ones of `cells` from the `finished` cells in the same folder, with a short probe for each
 * agent and model that none of them has.
 */
export async function estimate(
  cells: readonly PlannedCell[],
  finished: readonly PlannedCell[],
  jobs: number,
  signal: AbortSignal,
): Promise<Estimate> {
  const recorded = finished.map(measuredCell);
  const rates = new Map<string, Rates>();
  const probed: Configuration[] = [];
  const ratesFor = async (cell: PlannedCell): Promise<Rates> => {
    const { configuration } = cell;
    const measured = recorded.filter((cell) => kindOf(cell.configuration) === kindOf(configuration));
    if (measured.length > 0) return ratesOf(measured);
    probed.push(configuration);
    return ratesOf([await probe(cell, signal)]);
  };
  const seconds: number[] = [];
  for (const cell of cells) {
    const { configuration, folder } = cell;
    const kind = kindOf(configuration);
    const known = rates.get(kind) ?? (await ratesFor(cell));
    rates.set(kind, known);
    const done = iterationsIn(folder) / (iterationsPlanned(configuration) + 1);
    seconds.push(secondsOf(configuration, known) * (1 - Math.min(1, done)));
  }
  const from = [
    ...(finished.length > 0 && probed.length < rates.size
      ? [`${finished.length} finished cell${finished.length === 1 ? "" : "s"} here`]
      : []),
    ...(probed.length > 0 ? [`a short probe${rates.size > 1 ? ` of ${named(probed)}` : ""}`] : []),
  ].join(" and ");
  return { cells: seconds, total: sideBySide(seconds, jobs), from };
}

const named = (probed: readonly Configuration[]): string =>
  [...new Set(probed.map(({ agent }) => agent))].join(" and ");

function measuredCell({ folder, configuration }: PlannedCell): Measured {
  const rows = timingsOf(folder);
  const usage = usageOf(folder);
  return { configuration, rows, start: usage?.seconds == null ? 0 : Math.max(0, usage.seconds - usage.runSeconds) };
}

/** Each job takes the next cell as soon as it is free. */
export function sideBySide(seconds: readonly number[], jobs: number): number {
  const free = Array.from({ length: Math.max(1, jobs) }, () => 0);
  for (const duration of seconds) {
    const next = free.indexOf(Math.min(...free));
    free[next] = at(free, next) + duration;
  }
  return Math.max(...free);
}

/** Runs two iterations that take seconds, in a temporary folder; the first warms up, the second counts. */
async function probe({ configuration, plugin }: PlannedCell, signal: AbortSignal): Promise<Measured> {
  const folder = mkdtempSync(path.join(tmpdir(), "rls3-probe-"));
  const small: Configuration = {
    ...configuration,
    ...PROBE,
    samplesPerEpisode: Math.min(configuration.samplesPerEpisode, PROBE.samplesPerEpisode),
    feasibilitySteps: Math.min(configuration.feasibilitySteps, PROBE.feasibilitySteps),
    // Online pre-training also spends time on steps, so the probe has steps and updates in the cell's proportion.
    feasibilityUpdates: Math.min(
      configuration.feasibilityUpdates,
      configuration.pretraining === "online" ? PROBE.feasibilitySteps : PROBE.updatesPerIteration,
    ),
    updatesPerIteration: Math.min(configuration.updatesPerIteration, PROBE.updatesPerIteration),
  };
  const begun = performance.now();
  try {
    const run = path.join(folder, "run");
    const inTurns = configuration.threads === 1;
    const own = plugin === undefined ? {} : { plugin, callbacks: false };
    const plan = { folder: run, configuration: small, command: "probe", earlyStopping: false, inTurns, ...own };
    await runInProcess(plan, silent, signal);
    const rows = timingsOf(run);
    const took = (performance.now() - begun) / 1000;
    const start = Math.max(0, took - sumOf(rows, (row) => row.total));
    return { configuration: small, rows: rows.filter(({ iteration }) => iteration === PROBE.iterations), start };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const PROBE = {
  iterations: 2,
  validSamples: 0,
  samplesPerEpisode: 8,
  feasibilitySteps: 600,
  updatesPerIteration: 20,
  testImagesPerRelation: 1,
  naturalImages: 20,
  validationImagesPerRelation: 1,
  replayCapacity: 8000,
  earlyStopping: false,
} as const satisfies Partial<Configuration>;
