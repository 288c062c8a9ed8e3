/** @file The samples of the runs viewed last. A shard is read once, because it is written whole. */
import { stat } from "node:fs/promises";
import path from "node:path";
import { readPlainFileLater } from "../../files/plain-file.js";
import type { SampleLine } from "../../run-format/columns.js";
import { listFolder, parseSamples } from "../../run-format/readers.js";
import { type Painter, painterOf } from "../pictures.js";
import { type World, worldOf } from "../world.js";
import { ownFile, readOwnConfig } from "./own-file.js";

/** About a kilobyte each: the runs looked at longest ago are forgotten beyond this. */
const MOST_SAMPLES = 60_000;

interface Shard {
  readonly seen: string;
  readonly samples: readonly SampleLine[];
  readonly problem: string | null;
}

interface KnownWorld {
  readonly seen: string;
  readonly world: World;
  readonly painter: Painter;
}

export interface NumberedSample {
  readonly iteration: number;
  readonly sample: SampleLine;
}

export interface RunSamples {
  readonly samples: readonly NumberedSample[];
  readonly problems: readonly string[];
}

export class SampleStore {
  private readonly runs = new Map<string, Map<string, Shard>>();
  private readonly worlds = new Map<string, KnownWorld>();

  /** All samples of a run, in order of iterations. A shard that cannot be read is named and left out. */
  async samples(folder: string): Promise<RunSamples> {
    const shards = this.runs.get(folder) ?? new Map<string, Shard>();
    // The most recently asked for stands last.
    this.runs.delete(folder);
    this.runs.set(folder, shards);
    const names = (await listFolder(path.join(folder, "samples"))).filter((name) => /^\d+\.jsonl$/.test(name));
    for (const name of shards.keys()) if (!names.includes(name)) shards.delete(name);
    const all: NumberedSample[] = [];
    const problems: string[] = [];
    for (const name of names) {
      const shard = await readShard(path.join(folder, "samples", name), shards.get(name));
      if (shard === null) continue;
      shards.set(name, shard);
      if (shard.problem !== null) problems.push(shard.problem);
      const iteration = Number.parseInt(name, 10);
      for (const sample of shard.samples) all.push({ iteration, sample });
    }
    this.forget();
    return { samples: all, problems };
  }

  /** Rooms and objects from the run's configuration; none if it has none. */
  async world(folder: string): Promise<World> {
    return (await this.knownWorld(folder)).world;
  }

  /** Draws the run's samples for people. */
  async painter(folder: string): Promise<Painter> {
    return (await this.knownWorld(folder)).painter;
  }

  private async knownWorld(folder: string): Promise<KnownWorld> {
    const seen = await stampOf(path.join(folder, "config.json"));
    const old = this.worlds.get(folder);
    if (old?.seen === seen) return old;
    const config = await readOwnConfig(folder);
    const world = worldOf(config) ?? { scenes: [], objects: [] };
    const now = { seen, world, painter: painterOf(config.worldCatalog) };
    this.worlds.set(folder, now);
    return now;
  }

  private forget(): void {
    const size = (shards: ReadonlyMap<string, Shard>): number =>
      [...shards.values()].reduce((sum, shard) => sum + shard.samples.length, 0);
    let held = [...this.runs.values()].reduce((sum, shards) => sum + size(shards), 0);
    for (const [folder, shards] of this.runs) {
      if (held <= MOST_SAMPLES || this.runs.size === 1) return;
      held -= size(shards);
      this.runs.delete(folder);
      this.worlds.delete(folder);
    }
  }
}

async function stampOf(file: string): Promise<string> {
  const found = await stat(file).catch(() => null);
  return found === null ? "" : `${found.ino} ${found.size} ${found.mtimeMs}`;
}

async function readShard(file: string, old: Shard | undefined): Promise<Shard | null> {
  const seen = await stampOf(file);
  if (seen === "") return null;
  if (old?.seen === seen) return old;
  try {
    const bytes = await readPlainFileLater(await ownFile(path.dirname(file), path.basename(file)));
    return { seen, samples: parseSamples(bytes.toString("utf8"), file), problem: null };
  } catch (error) {
    return { seen, samples: [], problem: error instanceof Error ? error.message : String(error) };
  }
}
