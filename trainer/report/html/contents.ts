/** @file Everything that a report shows, loaded from a comparison's folder or a single run's. */

import path from "node:path";
import { z } from "zod";
import { at, only } from "../../at.js";
import { InputError } from "../../errors.js";
import type { SampleLine } from "../../run-format/columns.js";
import {
  type EpisodeRow,
  listFolder,
  type MetricsRow,
  type RunConfig,
  readBytesIfAny,
  readEpisodes,
  readMetrics,
  readRunConfig,
  readSampleImage,
  readSamples,
  readSummary,
  type SampleShard,
  seedRun,
} from "../../run-format/readers.js";
import type { SeedRun, Summary } from "../../run-format/summary.js";
import { compareArms } from "../../settings/arms.js";
import { placesOf } from "../charts/palette.js";
import { isLarge, painterOf } from "../pictures.js";
import { type World, worldOf } from "../world.js";

export interface Run {
  readonly seed: number;
  readonly folder: string;
  readonly metrics: readonly MetricsRow[];
  readonly curve: SeedRun;
  readonly signatures: readonly string[];
}

export interface Arm {
  readonly name: string;
  /** Place in the style sheet's colours. */
  readonly colour: number;
  readonly runs: readonly Run[];
  /** The first seed's samples, for the maps and the gallery. */
  readonly shards: readonly SampleShard[];
  readonly episodes: readonly EpisodeRow[];
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

const iteration = z.number().optional();
const logLine = z.union([
  z.object({ iteration, signature: z.string().min(1) }),
  z
    .object({ iteration, msg: z.string().includes("remedy:") })
    .transform(({ msg, ...line }) => ({ ...line, signature: msg })),
]);

/**
 * The failure signatures that a run's log names. The log is for people: a line that is not JSON is not an error here. A run that was
 * killed before an iteration's checkpoint says the iteration's signatures again: each counts once.
 */
async function readSignatures(folder: string): Promise<string[]> {
  const text = (await readBytesIfAny(path.join(folder, "log.jsonl")))?.toString("utf8") ?? "";
  const seen = new Set<string>();
  return text.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    try {
      const parsed = logLine.safeParse(JSON.parse(line));
      if (!parsed.success) return [];
      const { iteration, signature } = parsed.data;
      const key = `${iteration} ${signature}`;
      if (iteration !== undefined && seen.has(key)) return [];
      seen.add(key);
      return [signature];
    } catch (error) {
      if (error instanceof SyntaxError) return [];
      throw error;
    }
  });
}

async function loadRun(folder: string, seed: number): Promise<Run> {
  const metrics = await readMetrics(folder);
  return { seed, folder, metrics, curve: seedRun(seed, metrics), signatures: await readSignatures(folder) };
}

async function loadArm(name: string, colour: number, runs: readonly Run[]): Promise<Arm> {
  const first = runs[0];
  const shards = first === undefined ? [] : await readSamples(first.folder);
  const episodes = first === undefined ? [] : await readEpisodes(first.folder);
  return { name, colour, runs, shards, episodes };
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

interface RunFolder {
  readonly arm: string;
  readonly seed: number;
  readonly folder: string;
}

/** The folders <arm>-<seed> of a comparison, in it or in its runs/. */
async function runFolders(folder: string): Promise<RunFolder[]> {
  const found: RunFolder[] = [];
  for (const parent of [folder, path.join(folder, "runs")]) {
    for (const name of await listFolder(parent)) {
      const [, arm, seed] = /^(.+)-(\d+)$/.exec(name) ?? [];
      const run = path.join(parent, name);
      if (arm === undefined || !(await listFolder(run)).includes("metrics.csv")) continue;
      found.push({ arm, seed: Number(seed), folder: run });
    }
  }
  return found.sort((a, b) => a.seed - b.seed);
}

/** The runs of a comparison, by arm, in order of their seeds; empty for a folder that is not a comparison's. */
export async function comparisonRuns(folder: string): Promise<Map<string, Run[]>> {
  const arms = new Map<string, Run[]>();
  if ((await listFolder(folder)).includes("metrics.csv")) return arms;
  for (const { arm, seed, folder: run } of await runFolders(folder)) {
    arms.set(arm, [...(arms.get(arm) ?? []), await loadRun(run, seed)]);
  }
  return arms;
}

export const inOrder = (names: Iterable<string>): string[] => [...names].sort(compareArms);

async function loadConfig(folder: string, fallback: string | undefined): Promise<RunConfig> {
  const config = await readBytesIfAny(path.join(folder, "config.json"));
  return readRunConfig(config === null && fallback !== undefined ? fallback : folder);
}

export async function loadContents(folder: string): Promise<ReportContents> {
  const runs = await comparisonRuns(folder);
  if (runs.size > 0) return loadComparison(folder, runs);
  if (!(await listFolder(folder)).includes("metrics.csv")) {
    throw new InputError(
      `${folder}: neither a run (no metrics.csv) nor a comparison (no runs in <arm>-<seed>); name the folder that --out named`,
    );
  }
  const config = await readRunConfig(folder);
  const run = await loadRun(folder, config.seed ?? 0);
  const agent = config.configuration["agent"];
  const name = typeof agent === "string" ? agent : "run";
  const arm = await loadArm(name, only(placesOf([name])), [run]);
  return {
    folder,
    summary: null,
    config,
    arms: [arm],
    gallery: await loadGallery(arm, config),
    world: worldOf(config),
  };
}

async function loadComparison(folder: string, runs: ReadonlyMap<string, readonly Run[]>): Promise<ReportContents> {
  const summary = await readSummary(folder);
  if (summary === null) throw new InputError(`${folder}: has no summary.json yet; rls3 report makes it from the runs`);
  const names = Object.keys(summary.arms);
  const places = placesOf(names);
  const arms = await Promise.all(names.map((name, i) => loadArm(name, at(places, i), runs.get(name) ?? [])));
  const firstRun = arms.flatMap((arm) => arm.runs)[0]?.folder;
  const config = await loadConfig(folder, firstRun);
  const played = worldOf(config) === null && firstRun !== undefined ? await readRunConfig(firstRun) : config;
  return { folder, summary, config, arms, gallery: await loadGallery(arms[0], played), world: worldOf(played) };
}
