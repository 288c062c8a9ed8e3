/** @file A made-up folder of many runs: comparisons, a sweep and single ones, some of them as if they were running. Nothing here is a result. */
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "csv-stringify/sync";
import { METRIC_COLUMNS } from "../../../trainer/run-format/columns.js";
import { FIXTURE_ARMS, type FixtureArm, fixtureMetrics, writeComparison, writeRun } from "../fixture.js";

const ITERATIONS = 14;
const CELLS = [1, 5, 10, 20].flatMap((weight) => [0.25, 0.5, 1].map((rate) => ({ weight, rate })));

export interface FolderSize {
  /** About so many: whole comparisons and cells. */
  readonly runs: number;
  /** Samples an iteration in the first comparison; the others have none. */
  readonly samples?: number;
}

/** Writes the settings by which a cell differs into its configuration. */
async function configure(folder: string, settings: Readonly<Record<string, unknown>>): Promise<void> {
  const file = path.join(folder, "config.json");
  const config = JSON.parse(await readFile(file, "utf8")) as { configuration: Record<string, unknown> };
  config.configuration = { ...config.configuration, ...settings };
  await writeFile(file, JSON.stringify(config));
}

async function comparison(folder: string, seeds: number, samples: number): Promise<void> {
  await writeComparison(path.join(folder, "runs"), { seeds, iterations: ITERATIONS, samples });
  const { name, configuration } = {
    name: path.join(folder, "runs", "summary.json"),
    configuration: Object.fromEntries(FIXTURE_ARMS.map((arm) => [arm.name, {}])),
  };
  await writeFile(path.join(folder, "summary.json"), await readFile(name));
  const config = { schema: 1, seeds: Array.from({ length: seeds }, (_, i) => 1000 + i), configuration };
  await writeFile(path.join(folder, "config.json"), JSON.stringify(config));
}

async function sweep(folder: string, seeds: number): Promise<void> {
  const [arm] = FIXTURE_ARMS;
  if (arm === undefined) return;
  for (const { weight, rate } of CELLS) {
    for (let seed = 0; seed < seeds; seed++) {
      const cell = path.join(folder, "cells", `beta${weight}-eta${rate}-${seed}`);
      const varied: FixtureArm = { ...arm, speed: arm.speed * (0.6 + 0.2 * rate + 0.02 * weight) };
      await writeRun(cell, varied, seed, ITERATIONS, 0);
      await configure(cell, { extrinsicWeight: weight, samplingRate: rate });
    }
  }
  const cells = CELLS.flatMap(() => Array.from({ length: seeds }, () => ({})));
  await writeFile(path.join(folder, "sweep.json"), JSON.stringify({ schema: 1, cells }));
}

/** A run that is being written: some iterations, and a lock of this process. */
export class RunningRun {
  private done = 0;

  constructor(
    readonly folder: string,
    private readonly arm: FixtureArm,
    private readonly iterations = ITERATIONS,
    private readonly seed = 3,
  ) {}

  async start(iterations: number): Promise<void> {
    await writeRun(this.folder, this.arm, this.seed, 0, 0);
    await configure(this.folder, { iterations: this.iterations });
    await writeFile(path.join(this.folder, ".lock"), String(process.pid));
    while (this.done < iterations) await this.iterate();
  }

  /** The row of the next iteration, whole. */
  nextRow(): string {
    this.done += 1;
    const row = fixtureMetrics(this.arm, this.seed, this.iterations)[this.done];
    return stringify([METRIC_COLUMNS.map((column) => row?.[column] ?? null)]);
  }

  async iterate(): Promise<void> {
    await appendFile(path.join(this.folder, "metrics.csv"), this.nextRow());
  }
}

/** Two running ones beside what is done; they come back, so that they can go on. */
export async function writeRunsFolder(folder: string, { runs, samples = 40 }: FolderSize): Promise<RunningRun[]> {
  await mkdir(folder, { recursive: true });
  const running = FIXTURE_ARMS.map((arm) => new RunningRun(path.join(folder, `train-${arm.name}`), arm));
  await comparison(path.join(folder, "compare-1"), 5, samples);
  let made = 10 + running.length;
  const seeds = Math.floor((runs - made) / 2 / CELLS.length);
  if (seeds > 0) await sweep(path.join(folder, "sweep-beta-eta"), seeds);
  made += Math.max(0, seeds) * CELLS.length;
  for (let i = 2; made + 10 <= runs; i++, made += 10) await comparison(path.join(folder, `compare-${i}`), 5, 0);
  for (let i = 0; made < runs; i++, made++) {
    const arm = FIXTURE_ARMS[i % FIXTURE_ARMS.length];
    if (arm !== undefined) await writeRun(path.join(folder, `train-${i}`), arm, i, ITERATIONS, 0);
  }
  for (const [i, run] of running.entries()) await run.start(3 + 2 * i);
  return running;
}
