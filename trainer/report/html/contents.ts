/** @file Everything that a report shows, loaded from a comparison's folder or a single run's. */
import path from "node:path";
import { z } from "zod";
import { at, only } from "../../at.js";
import { InputError } from "../../errors.js";
import type { SampleLine } from "../../run-format/columns.js";
import {
  listFolder,
  logEntries,
  type MetricsRow,
  type RunConfig,
  readBytesIfAny,
  readMetrics,
  readRunConfig,
  readSampleImage,
  readSamples,
  readSummary,
  type SampleShard,
  seedRun,
} from "../../run-format/readers.js";
import { isFinished } from "../../run-format/run-end.js";
import type { SeedRun, Summary } from "../../run-format/summary.js";
import { compareArms } from "../../settings/arms.js";
import { placesOf } from "../charts/palette.js";
import { armName } from "../format.js";
import { isLarge, painterOf } from "../pictures.js";
import { type World, worldOf } from "../world.js";

export interface Run {
  readonly seed: number;
  readonly folder: string;
  readonly rows: readonly MetricsRow[];
  readonly curve: SeedRun;
  readonly signatures: readonly string[];
  readonly finished: boolean;
}

export interface Arm {
  /** For readers. */
  readonly name: string;
  /** Place in the palette. */
  readonly colour: number;
  readonly runs: readonly Run[];
  /** The first seed's samples, for the maps and the gallery. */
  readonly shards: readonly SampleShard[];
}

export interface GalleryItem {
  readonly iteration: number;
  readonly sample: SampleLine;
  /** PNG, as the model saw it. */
  readonly seen: Buffer;
  /** WebP, drawn again for people; null where its room cannot be drawn here. */
  readonly drawn: Buffer | null;
}

export interface ReportContents {
  readonly folder: string;
  /** Null for a single run. */
  readonly summary: Summary | null;
  readonly config: RunConfig;
  readonly arms: readonly Arm[];
  readonly gallery: readonly GalleryItem[];
  /** Null where the run's configuration has no catalog of rooms. */
  readonly world: World | null;
}

/** The signature that an entry of the log names; older logs have it as a message with its remedy. */
function signatureIn({ signature, msg }: Readonly<Record<string, unknown>>): string | null {
  if (typeof signature === "string" && signature !== "") return signature;
  return typeof msg === "string" && msg.includes("remedy:") ? msg : null;
}

/** The failure signatures of a run. One that was killed before an iteration's checkpoint says the iteration's again: each counts once. */
async function readSignatures(folder: string): Promise<string[]> {
  const text = (await readBytesIfAny(path.join(folder, "log.jsonl")))?.toString("utf8") ?? "";
  const seen = new Set<string>();
  return logEntries(text).flatMap((entry) => {
    const signature = signatureIn(entry);
    const key = `${entry["iteration"]} ${signature}`;
    if (signature === null || (entry["iteration"] !== undefined && seen.has(key))) return [];
    seen.add(key);
    return [signature];
  });
}

async function loadRun(folder: string, seed: number): Promise<Run> {
  const rows = await readMetrics(folder);
  const finished = await isFinished(folder, await readRunConfig(folder), rows);
  return { seed, folder, rows, curve: seedRun(seed, rows), signatures: await readSignatures(folder), finished };
}

async function loadArms(runs: ReadonlyMap<string, readonly Run[]>): Promise<Arm[]> {
  const places = placesOf([...runs.keys()]);
  return Promise.all(
    [...runs].map(async ([arm, own], i) => {
      const [first] = own;
      const shards = first === undefined ? [] : await readSamples(first.folder);
      return { name: armName(arm), colour: at(places, i), runs: own, shards };
    }),
  );
}

const PICTURES_PER_ITERATION = 8;

/** The hardest samples of the first, the middle and the last iteration that kept pictures. */
async function loadGallery(arm: Arm | undefined, config: RunConfig): Promise<GalleryItem[]> {
  const folder = arm?.runs[0]?.folder;
  if (arm === undefined || folder === undefined || arm.shards.length === 0) return [];
  const last = arm.shards.length - 1;
  const chosen = [...new Set([0, Math.round(last / 2), last])].map((i) => at(arm.shards, i));
  const { draw } = painterOf(config.worldCatalog);
  const items: GalleryItem[] = [];
  for (const { iteration, samples } of chosen) {
    const hardest = [...samples].sort((a, b) => b.hardness - a.hardness).slice(0, 4 * PICTURES_PER_ITERATION);
    // Steps in one room of an episode share two of three objects: one picture of them says it all.
    const rooms = new Set<string>();
    for (const sample of hardest) {
      const room = `${sample.episode}/${sample.scene}`;
      if (rooms.size === PICTURES_PER_ITERATION || rooms.has(room)) continue;
      const seen = await readSampleImage(folder, iteration, sample);
      if (seen === null) continue;
      items.push({ iteration, sample, seen, drawn: isLarge(seen) ? null : await draw(sample) });
      rooms.add(room);
    }
  }
  return items;
}

const isRun = async (folder: string): Promise<boolean> => (await listFolder(folder)).includes("metrics.csv");

type Runs = Map<string, Run[]>;

/** The runs <arm>-<seed> of a comparison, in its folder or in its runs/, by arm, in order of seeds; empty for another folder. */
async function comparisonRuns(folder: string): Promise<Runs> {
  const arms: Runs = new Map();
  if (await isRun(folder)) return arms;
  for (const parent of [folder, path.join(folder, "runs")]) {
    for (const name of await listFolder(parent)) {
      const [, arm, seed] = /^(.+)-(\d+)$/.exec(name) ?? [];
      const run = path.join(parent, name);
      if (arm === undefined || !(await isRun(run))) continue;
      // A run of its own, whose name only ends with a number.
      const { seed: own } = await readRunConfig(run);
      if (own !== undefined && own !== Number(seed)) continue;
      arms.set(arm, [...(arms.get(arm) ?? []), await loadRun(run, Number(seed))]);
    }
  }
  for (const runs of arms.values()) runs.sort((a, b) => a.seed - b.seed);
  return arms;
}

const planSchema = z.object({ seeds: z.array(z.number()), configuration: z.record(z.string(), z.unknown()) });

/** The names of the runs that a comparison's config.json asks for; none where it has no such file. */
async function plannedRuns(folder: string): Promise<string[]> {
  const text = await readBytesIfAny(path.join(folder, "config.json"));
  const plan = text === null ? null : planSchema.safeParse(await readRunConfig(folder)).data;
  return plan == null
    ? []
    : plan.seeds.flatMap((seed) => Object.keys(plan.configuration).map((arm) => `${arm}-${seed}`));
}

/** A comparison's finished runs by arm, and the names of the others; null for another folder. */
export async function finishedRuns(folder: string): Promise<{ runs: Runs; unfinished: readonly string[] } | null> {
  const all = await comparisonRuns(folder);
  if (all.size === 0) return null;
  const named = [...all].flatMap(([arm, runs]) => runs.map((run) => ({ name: `${arm}-${run.seed}`, ...run })));
  const done = new Set(named.filter(({ finished }) => finished).map(({ name }) => name));
  const wanted = new Set([...named.map(({ name }) => name), ...(await plannedRuns(folder))]);
  const runs: Runs = new Map();
  for (const [arm, own] of all) {
    const finished = own.filter((run) => run.finished);
    if (finished.length > 0) runs.set(arm, finished);
  }
  return { runs, unfinished: [...wanted].filter((name) => !done.has(name)) };
}

export const inOrder = (names: Iterable<string>): string[] => [...names].sort(compareArms);

export async function loadContents(folder: string): Promise<ReportContents> {
  const compared = await finishedRuns(folder);
  if (compared !== null) return loadComparison(folder, compared.runs);
  if (!(await isRun(folder))) {
    throw new InputError(
      `${folder}: neither a run (no metrics.csv) nor a comparison (no runs in <arm>-<seed>); name the folder that --out named`,
    );
  }
  const config = await readRunConfig(folder);
  const agent = config.configuration["agent"];
  const run = await loadRun(folder, config.seed ?? 0);
  const arm = only(await loadArms(new Map([[typeof agent === "string" ? agent : "run", [run]]])));
  const gallery = await loadGallery(arm, config);
  return { folder, summary: null, config, arms: [arm], gallery, world: worldOf(config) };
}

async function loadComparison(folder: string, runs: ReadonlyMap<string, readonly Run[]>): Promise<ReportContents> {
  const summary = await readSummary(folder);
  if (summary === null) throw new InputError(`${folder}: has no summary.json yet; rls3 report makes it from the runs`);
  const arms = await loadArms(new Map(Object.keys(summary.arms).map((name) => [name, runs.get(name) ?? []])));
  const firstRun = arms.flatMap((arm) => arm.runs)[0]?.folder ?? folder;
  const isRecorded = (await readBytesIfAny(path.join(folder, "config.json"))) !== null;
  const config = await readRunConfig(isRecorded ? folder : firstRun);
  const played = worldOf(config) === null ? await readRunConfig(firstRun) : config;
  return { folder, summary, config, arms, gallery: await loadGallery(arms[0], played), world: worldOf(played) };
}
