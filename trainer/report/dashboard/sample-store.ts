/** @file The samples of the runs viewed last, with the world they are in. */
import path from "node:path";
import { InputError } from "../../errors.js";
import { readPlainFileLater } from "../../files/plain-file.js";
import type { SampleLine } from "../../run-format/columns.js";
import { listFolder, parseSamples, readRunConfigFile } from "../../run-format/readers.js";
import { type Painter, painterOf } from "../pictures.js";
import { type World, worldOf } from "../world.js";
import { Followed } from "./followed.js";

/** About a kilobyte each: the runs looked at longest ago are forgotten beyond this. */
const MOST_SAMPLES = 60_000;

export interface NumberedSample {
  readonly iteration: number;
  readonly sample: SampleLine;
}

interface KnownWorld {
  readonly world: World;
  readonly painter: Painter;
}

/** All samples of a run, in order of iterations. A shard that cannot be read is named and left out. */
export interface RunSamples extends KnownWorld {
  readonly samples: readonly NumberedSample[];
  readonly problems: readonly string[];
}

async function readWorld(file: string): Promise<KnownWorld> {
  const config = await readRunConfigFile(file);
  return { world: worldOf(config) ?? { scenes: [], objects: [] }, painter: painterOf(config.worldCatalog) };
}

const readShard = async (file: string): Promise<readonly SampleLine[]> =>
  parseSamples((await readPlainFileLater(file)).toString("utf8"), file);

class ViewedRun {
  private readonly known: Followed<KnownWorld | null>;
  private readonly shards = new Map<string, Followed<readonly SampleLine[]>>();

  constructor(private readonly folder: string) {
    this.known = new Followed<KnownWorld | null>(path.join(folder, "config.json"), null, readWorld);
  }

  get size(): number {
    return [...this.shards.values()].reduce((sum, { value }) => sum + value.length, 0);
  }

  async read(): Promise<RunSamples> {
    const { known, shards } = this;
    await known.poll();
    if (known.value === null) throw new InputError(known.problem ?? `${known.file} does not exist`);
    const folder = path.join(this.folder, "samples");
    const names = (await listFolder(folder)).filter((name) => /^\d+\.jsonl$/.test(name));
    for (const name of shards.keys()) if (!names.includes(name)) shards.delete(name);
    const samples: NumberedSample[] = [];
    const problems: string[] = [];
    for (const name of names) {
      const shard = shards.get(name) ?? new Followed(path.join(folder, name), [], readShard, this.folder);
      shards.set(name, shard);
      await shard.poll();
      if (shard.problem !== null) problems.push(shard.problem);
      for (const sample of shard.value) samples.push({ iteration: Number.parseInt(name, 10), sample });
    }
    return { ...known.value, samples, problems };
  }
}

export class SampleStore {
  private readonly runs = new Map<string, ViewedRun>();

  /** @throws InputError where the run's configuration cannot be read */
  async of(folder: string): Promise<RunSamples> {
    const run = this.runs.get(folder) ?? new ViewedRun(folder);
    // The one viewed last stands last.
    this.runs.delete(folder);
    this.runs.set(folder, run);
    const read = await run.read();
    let held = [...this.runs.values()].reduce((sum, { size }) => sum + size, 0);
    for (const [oldest, { size }] of this.runs) {
      if (held <= MOST_SAMPLES || this.runs.size === 1) break;
      held -= size;
      this.runs.delete(oldest);
    }
    return read;
  }
}
