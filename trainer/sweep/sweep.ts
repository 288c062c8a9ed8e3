/**
 * @file A sweep from its plan to its table: opens or continues a folder, prepares what cells share, and lets an
 * executor run the cells.
 */

import { mkdirSync } from "node:fs";
import path from "node:path";
import { at, only } from "../at.js";
import { closing } from "../closing.js";
import { openEnvironments } from "../environments/open-environments.js";
import { remoteServers } from "../environments/remote-servers.js";
import { InputError } from "../errors.js";
import { loadPlugin, refuseMissingParts } from "../plugins/load.js";
import type { PluginSource } from "../plugins/source.js";
import { type Progress, stoppable } from "../progress.js";
import { onDevice } from "../runs/device.js";
import { checkInputs } from "../runs/inputs.js";
import { takeLock } from "../runs/lock.js";
import { openConfiguredModel } from "../runs/parts.js";
import { isPrepared, prepare } from "../runs/preparation.js";
import { finishedState, settledState } from "../runs/run.js";
import { iterationsIn, refuseUsed } from "../runs/run-directory.js";
import { type Configuration, randomTransitionsNeeded } from "../settings/configuration.js";
import { type Estimate, estimate, kindOf } from "./estimate.js";
import type { Executor } from "./executor.js";
import { type Jobs, jobsFor, thisMachine } from "./jobs.js";
import { local } from "./local.js";
import { merge } from "./merge.js";
import { type CellRequest, planSweep, type SweepPlan, type SweepRequest } from "./plan.js";
import { PLAN_FILE, type PlannedCell, readSweepFile, type SweepFile, writeSweepFile } from "./plan-file.js";
import { type SweepTable, sweepTable, writeTable } from "./table.js";
import { type Usage, usageOf, writeTimings } from "./usage.js";

/** The folder of a sweep, and where and how many of its cells run at a time. */
export interface SweepOptions {
  readonly folder: string;
  /** The command as typed, or an equivalent one. */
  readonly command: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  /** Where the cells run; default: this machine. */
  readonly executor?: Executor;
  /** The executor's settings. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Module with the user's parts, for all cells. */
  readonly plugin?: PluginSource;
  /** Cells at a time; default: as many as this machine has room for, or as the executor decides. */
  readonly jobs?: number;
}

/** The work ahead, before anything is written or run. */
export interface OpenSweep {
  readonly options: SweepOptions;
  readonly file: SweepFile;
  /** Cells of this command: finished ones, those that continue from a checkpoint, and new ones. */
  readonly requested: readonly PlannedCell[];
  readonly finished: readonly PlannedCell[];
  readonly resumed: readonly PlannedCell[];
  readonly fresh: readonly PlannedCell[];
  /** Combinations with the same resulting settings as another one. */
  readonly repeated: number;
  /** Random samples asked for that no draw was found for. */
  readonly undrawn: number;
  readonly jobs: Jobs;
}

/** The sweep's folder, and the table of its finished cells. */
export interface SweepResult {
  readonly folder: string;
  readonly table: SweepTable;
}

/** Plans, and reads what the folder has; writes nothing. */
export async function openSweep(request: SweepRequest, options: SweepOptions): Promise<OpenSweep> {
  const planned = planSweep(request);
  checkInputs(planned.cells.map(({ configuration }) => configuration));
  return openPlan(planned, options);
}

/** The same for cells that are already planned, each with different settings. */
export async function openPlan(planned: SweepPlan, options: SweepOptions): Promise<OpenSweep> {
  const { folder, command, executor = local, jobs: requestedJobs, plugin } = options;
  const old = readSweepFile(folder);
  if (old === null) refuseUsed(folder);
  const loaded = plugin === undefined ? null : await loadPlugin(plugin);
  for (const { configuration } of planned.cells) refuseMissingParts(configuration, loaded);
  const plan = await onDevices(planned, executor, options.progress);
  const { file, requested } = merge(folder, command, old, plan, plugin);
  const finished = requested.filter((cell) => finishedState(cell.folder) !== null);
  const rest = requested.filter((cell) => !finished.includes(cell));
  const usages = finished.map((cell) => usageOf(cell.folder)).filter((usage): usage is Usage => usage !== null);
  const room = executor.here
    ? jobsFor(rest, usages, requestedJobs ?? null, thisMachine())
    : { ...jobsFor(rest, usages, null, thisMachine()), count: requestedJobs ?? Math.max(1, rest.length) };
  const jobs = { ...room, count: Math.min(room.count, serversFor(rest)) };
  return {
    options,
    file,
    requested,
    finished,
    resumed: rest.filter((cell) => iterationsIn(cell.folder) > 0),
    fresh: rest.filter((cell) => iterationsIn(cell.folder) === 0),
    repeated: plan.repeated,
    undrawn: plan.undrawn,
    jobs,
  };
}

/** Running environment servers serve one cell each; without any, a cell starts its own. */
const serversFor = (cells: readonly PlannedCell[]): number =>
  Math.min(
    ...cells.map(({ configuration: { env, keys } }) => remoteServers(env, keys)?.length ?? Number.POSITIVE_INFINITY),
  );

/** Resolves `--device auto` to this machine's device; on other machines, the user must name it. */
async function onDevices(plan: SweepPlan, executor: Executor, progress: Progress): Promise<SweepPlan> {
  if (!executor.here) {
    if (plan.cells.every(({ configuration }) => configuration.device !== "auto")) return plan;
    throw new InputError(
      `--device auto: the cells of --executor ${executor.name} run on other machines, so name their device: cpu, webgpu, cuda or cuda:N`,
    );
  }
  const chosen = new Map<string, string>();
  const cells: CellRequest[] = [];
  for (const cell of plan.cells) {
    const { configuration } = cell;
    const device = chosen.get(configuration.device) ?? only(await onDevice([configuration], progress)).device;
    chosen.set(configuration.device, device);
    cells.push({ ...cell, configuration: { ...configuration, device } });
  }
  return { ...plan, cells };
}

const unfinished = ({ fresh, resumed, requested }: OpenSweep): PlannedCell[] =>
  requested.filter((cell) => fresh.includes(cell) || resumed.includes(cell));

/**
 * Estimates how long the rest will take, from finished cells or from a probe of some seconds. Null if nothing is left,
 * or if it needs a probe but the cells run on other machines: a probe here says nothing about their speed.
 */
export async function estimateSweep(sweep: OpenSweep): Promise<Estimate | null> {
  const { signal = new AbortController().signal, executor = local } = sweep.options;
  const left = unfinished(sweep);
  const known = new Set(sweep.finished.map(({ configuration }) => kindOf(configuration)));
  const probes = left.some(({ configuration }) => !known.has(kindOf(configuration)));
  if (left.length === 0 || (probes && !executor.here)) return null;
  return estimate(left, sweep.finished, sweep.jobs.count, signal);
}

/** Milliseconds between checks for newly finished cells. */
const LOOK = 15_000;

/** Runs the missing cells, and writes sweep.csv and timings.csv, even if it is stopped half-way. */
export async function runOpenSweep(sweep: OpenSweep): Promise<SweepResult> {
  const { options, file, jobs } = sweep;
  const { folder, executor = local, settings = {}, signal, progress } = options;
  const cells = unfinished(sweep);
  const telling = stoppable(progress, signal);
  if (cells.length > 0) await executor.check?.(settings);
  // Check model and environment before anything is written.
  const groups = await checkedGroups(cells, executor, telling, signal);
  mkdirSync(folder, { recursive: true });
  const lock = takeLock(folder);
  let written = 0;
  let writing = Promise.resolve();
  // One after the other, so that an older table never replaces a newer one.
  const tables = (): Promise<void> => {
    // A write that failed (a full disk, a file that another program holds) must not fail all later ones.
    const before = writing.catch(() => undefined);
    writing = before.then(async () => {
      const table = await sweepTable(file);
      writeTable(folder, table);
      writeTimings(folder, file.cells);
      written = table.rows.length;
    });
    return writing;
  };
  const tablesIfMore = async (): Promise<void> => {
    if (file.cells.filter((cell) => finishedState(cell.folder) !== null).length > written) await tables();
  };
  const looking = setInterval(() => {
    tablesIfMore().catch((error: unknown) => progress.warn(`no table yet: ${String(error)}`));
  }, LOOK);
  await closing(async (opening) => {
    await opening(lock);
    await opening({ close: tables });
    await opening({ close: () => clearInterval(looking) });
    // A changed file of a finished run would go into the table unseen.
    for (const cell of sweep.finished) settledState(cell, telling);
    writeSweepFile(folder, file);
    for (const group of groups) await prepareGroup(group, telling, signal);
    const planFile = path.join(folder, PLAN_FILE);
    if (cells.length > 0) {
      await executor.run(cells, { folder, planFile, jobs: jobs.count, progress, signal, settings });
    }
  });
  return { folder, table: await sweepTable(file) };
}

/** Plans and runs, for callers that do not show the plan. */
export const runSweep = async (request: SweepRequest, options: SweepOptions): Promise<SweepResult> =>
  runOpenSweep(await openSweep(request, options));

/** Cells with the same preparation. */
interface Group {
  readonly shared: string;
  readonly configuration: Configuration;
}

/**
 * The preparations that are still missing. A model that does not open, or a server that does not start, throws here.
 */
async function checkedGroups(
  cells: readonly PlannedCell[],
  executor: Executor,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<Group[]> {
  const byFolder = new Map<string, Configuration[]>();
  for (const { shared = "", configuration } of cells) {
    byFolder.set(shared, [...(byFolder.get(shared) ?? []), configuration]);
  }
  const groups = [...byFolder].map(([shared, configurations]): Group => {
    const configuration = {
      ...at(configurations, 0),
      pretraining: "offline" as const,
      feasibilitySteps: Math.max(...configurations.map(randomTransitionsNeeded)),
      episodesPerIteration: Math.max(...configurations.map(({ episodesPerIteration }) => episodesPerIteration)),
      // Another machine may have a device that this one lacks; the preparation is the same on the cpu.
      ...(executor.here ? {} : { device: "cpu" }),
    };
    return { shared, configuration };
  });
  const missing = groups.filter(({ shared, configuration }) => !isPrepared(shared, configuration));
  for (const group of missing) await (await openGroup(group, progress, signal)).close();
  return missing;
}

async function openGroup({ configuration }: Group, progress: Progress, signal: AbortSignal | undefined) {
  const model = await openConfiguredModel(configuration);
  const { imageSize } = model;
  await model.close();
  const { env, world, render, keys, episodesPerIteration: count } = configuration;
  const environments = await openEnvironments({ env, world, count, imageSize, render, keys }, progress, signal);
  return { environments, imageSize, close: () => environments.close() };
}

function prepareGroup(group: Group, progress: Progress, signal: AbortSignal | undefined): Promise<void> {
  return closing(async (opening) => {
    const { environments, imageSize } = await opening(openGroup(group, progress, signal));
    await prepare(group.shared, group.configuration, environments, imageSize, progress);
  });
}
