/** @file Made-up runs for the report's tests: files of the right form with curves out of a formula. Nothing here is a result. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "csv-stringify/sync";
import sharp from "sharp";
import { Random } from "../../trainer/random/random.js";
import { summarize } from "../../trainer/report/summary.js";
import { METRIC_COLUMNS, REASON_NAMES, type SampleLine, TERM_NAMES } from "../../trainer/run-format/columns.js";
import { type MetricsRow, seedRun } from "../../trainer/run-format/readers.js";
import type { Summary } from "../../trainer/run-format/summary.js";

const CATALOG = {
  objects: ["vase", "plate", "bottle", "bird"].map((name) => ({ name, collision: { size: [300, 300, 300] } })),
  scenes: [
    { name: "bedroom", size: [2000, 1600, 2000], furniture: [{ x: [-1000, -100], y: [0, 380], z: [-1000, 150] }] },
    { name: "dining room", size: [2000, 1600, 2000], furniture: [{ x: [-500, 500], y: [580, 640], z: [-450, 350] }] },
    { name: "kitchen", size: [2000, 1600, 2000], furniture: [{ x: [-1000, 300], y: [0, 600], z: [-1000, -550] }] },
  ],
};

export interface FixtureArm {
  readonly name: string;
  /** How fast it learns, and the share of its placements that are valid. */
  readonly speed: number;
  readonly validRate: number;
}

export const FIXTURE_ARMS: readonly FixtureArm[] = [
  { name: "rls3", speed: 0.4, validRate: 0.92 },
  { name: "random", speed: 0.28, validRate: 0.47 },
];

const VALID = 640;

export function fixtureMetrics(arm: FixtureArm, seed: number, iterations: number): MetricsRow[] {
  const random = Random.stream(seed, "fixture", arm.name);
  const talent = 0.02 * random.normal();
  const rising = (iteration: number, reached: number) =>
    0.5 +
    reached * (1 - Math.exp(-arm.speed * (0.5 + talent) * iteration)) +
    (iteration === 0 ? 0 : 0.006 * random.normal());
  let generated = 0;
  return Array.from({ length: iterations + 1 }, (_, iteration) => {
    const steps = iteration === 0 ? 0 : Math.round(VALID / (arm.validRate + 0.01 * random.normal()));
    generated += steps;
    const oneTerm = rising(iteration, 0.4);
    const row: Record<string, number | null> = Object.fromEntries(METRIC_COLUMNS.map((column) => [column, null]));
    Object.assign(row, { iteration, generated, valid: iteration * VALID });
    Object.assign(row, { feasibilitySteps: arm.name === "random" ? 0 : 80_000 });
    Object.assign(row, { accuracyOneTerm: oneTerm, accuracyFull: rising(iteration, 0.45) });
    if (iteration === 0 || iteration === iterations) {
      Object.assign(row, { naturalOneTerm: rising(iteration, 0.42), naturalFull: rising(iteration, 0.46) });
    }
    for (const [i, term] of TERM_NAMES.entries()) {
      row[`accuracy_${term}`] = Math.min(1, oneTerm + 0.02 * (i - 2.5));
      row[`samples_${term}`] = iteration * (300 + 40 * i);
    }
    if (iteration > 0) {
      for (const [i, reason] of REASON_NAMES.entries()) row[reason] = Math.round(((steps - VALID) * (i + 1)) / 15);
      Object.assign(row, { validRate: VALID / steps, score: 2.4 + 0.1 * iteration, hardness: 0.5 - 0.02 * iteration });
      Object.assign(row, { rewardFeasibility: (2 * VALID) / steps - 1, rewardExtrinsic: 2 * arm.validRate });
      Object.assign(row, { fineTuneLoss: 1.4 * Math.exp(-0.08 * iteration), gradientNorm: 2 + random.normal() * 0.2 });
      if (arm.name !== "random")
        Object.assign(row, { kl: 1.6, temperature: 0.9, validityLoss: 0.2, hardnessLoss: 0.1 });
    }
    return row as MetricsRow;
  });
}

function sampleLine(random: Random, step: number, image: string | undefined): SampleLine {
  const hardness = random.float() ** 2;
  const at = () => Math.round(700 * (random.float() + random.float() - 1));
  return {
    episode: step % 16,
    step,
    scene: random.below(3),
    objects: [0, 1, 2].map((index) => [index, at(), random.below(3) === 0 ? 600 : 0, at(), 0]),
    slot: random.below(3),
    captions: [
      { right: "the vase is above, behind and to the left of the <plate>.", probability: 1 - hardness, margin: 21.5 },
      {
        right: "the vase is to the right of the bird.",
        answer: "the vase is to the left of the bird.",
        probability: random.float(),
        margin: 3.2,
      },
    ],
    score: 1 + 4 * (1 - hardness),
    hardness: image === undefined ? hardness : hardness + 1,
    kept: step % 2 === 0,
    ...(image !== undefined && { image }),
  };
}

/** A run's folder of the form that `rls3 train` leaves, with few samples. */
export async function writeRun(
  folder: string,
  arm: FixtureArm,
  seed: number,
  iterations: number,
  samples = 40,
): Promise<MetricsRow[]> {
  const rows = fixtureMetrics(arm, seed, iterations);
  await mkdir(path.join(folder, "samples"), { recursive: true });
  const config = {
    schema: 1,
    command: "rls3 train --made-up '<fixture>'",
    configuration: { agent: arm.name, iterations, extrinsicWeight: 8, note: "<b>not escaped?</b>" },
    versions: { rls3: "0.0.0" },
    machine: "no machine: made-up numbers for a test",
    commit: "0000000",
    seed,
    worldCatalog: CATALOG,
  };
  await writeFile(path.join(folder, "config.json"), JSON.stringify(config));
  await writeFile(path.join(folder, "metrics.csv"), stringify(rows, { header: true, columns: [...METRIC_COLUMNS] }));
  await writeFile(path.join(folder, "log.jsonl"), `{"level":30,"msg":"made up"}\n`);
  const random = Random.stream(seed, "fixture samples", arm.name);
  for (let iteration = 1; iteration <= iterations && samples > 0; iteration++) {
    const shard = String(iteration).padStart(4, "0");
    const lines = Array.from({ length: samples }, (_, step) =>
      sampleLine(random, step, step < 4 ? `${shard}/${String(step).padStart(2, "0")}.png` : undefined),
    );
    await writeFile(
      path.join(folder, "samples", `${shard}.jsonl`),
      lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
    await mkdir(path.join(folder, "samples", shard), { recursive: true });
    for (const { image } of lines) {
      if (image === undefined) continue;
      const background = { r: random.below(256), g: random.below(256), b: 120 };
      const picture = sharp({ create: { width: 16, height: 16, channels: 3, background } });
      await writeFile(path.join(folder, "samples", image), await picture.png().toBuffer());
    }
  }
  return rows;
}

export interface FixtureSize {
  readonly seeds: number;
  readonly iterations: number;
  readonly samples?: number;
  readonly arms?: readonly FixtureArm[];
}

/** A comparison's folder, with the summary.json that follows from its runs. */
export async function writeComparison(
  folder: string,
  { seeds, iterations, samples, arms = FIXTURE_ARMS }: FixtureSize,
): Promise<Summary> {
  const list = Array.from({ length: seeds }, (_, i) => 1000 + i);
  const runs: [string, ReturnType<typeof seedRun>[]][] = [];
  for (const arm of arms) {
    const written = [];
    for (const seed of list) {
      written.push(
        seedRun(seed, await writeRun(path.join(folder, `${arm.name}-${seed}`), arm, seed, iterations, samples)),
      );
    }
    runs.push([arm.name, written]);
  }
  const summary = summarize({
    arms: Object.fromEntries(runs),
    config: { iterations },
    machine: "no machine: made-up numbers for a test",
    commit: "0000000",
    seeds: list,
  });
  await writeFile(path.join(folder, "summary.json"), JSON.stringify(summary));
  return summary;
}
