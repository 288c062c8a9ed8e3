import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "csv-stringify/sync";
import { describe, expect, it } from "vitest";
import { analysisNamed } from "../../benchmarks/experiments/analyses/index.js";
import type { Cell } from "../../benchmarks/experiments/cells.js";
import { combinationName, type Experiment } from "../../benchmarks/experiments/definition.js";
import { measured } from "../../benchmarks/experiments/measures.js";
import type { Outcome } from "../../benchmarks/experiments/outcome.js";
import { silent } from "../../trainer/progress.js";
import { Random } from "../../trainer/random/random.js";
import { holm, pairedTTest } from "../../trainer/report/statistics.js";
import { drawLayout, loadCatalog } from "../../trainer/rooms/index.js";
import { METRIC_COLUMNS, type SampleLine } from "../../trainer/run-format/columns.js";
import { readMetrics } from "../../trainer/run-format/readers.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import { temporaryFolder } from "../temporary.js";

const folder = temporaryFolder("analyses");
let made = 0;

/** A run as it would have left its files: rows of metrics.csv, and lines of samples of its only iteration. */
function cellOf(
  levels: Record<string, string>,
  seed: number,
  rows: readonly Record<string, number>[],
  samples: readonly SampleLine[] = [],
): Cell {
  const runFolder = path.join(folder, `run-${made++}`);
  mkdirSync(path.join(runFolder, "samples"), { recursive: true });
  const complete = rows.map((row) => ({
    accuracyFull: 0.5,
    naturalOneTerm: 0.5,
    naturalFull: 0.5,
    feasibilitySteps: 0,
    ...row,
  }));
  writeFileSync(
    path.join(runFolder, "metrics.csv"),
    stringify(complete, { header: true, columns: [...METRIC_COLUMNS] }),
  );
  writeFileSync(
    path.join(runFolder, "samples/0001.jsonl"),
    samples.map((line) => `${JSON.stringify(line)}\n`).join(""),
  );
  const configuration = resolveConfiguration([{ name: "test", values: { seed } }]);
  const name = combinationName(levels);
  return { levels, name, run: name, seed, settings: {}, configuration, folder: runFolder, shared: "" };
}

const curve = (end: number, generated = 200): Record<string, number>[] => [
  { iteration: 0, generated: 0, valid: 0, accuracyOneTerm: 0.5 },
  { iteration: 1, generated: generated / 2, valid: 50, accuracyOneTerm: (0.5 + end) / 2 },
  { iteration: 2, generated, valid: 100, accuracyOneTerm: end },
];

async function analysed(
  analysis: string,
  factors: Experiment["factors"],
  cells: readonly Cell[],
  baseline?: string,
): Promise<Outcome> {
  const experiment: Experiment = {
    ...{
      name: "made up",
      title: "",
      question: "",
      analysis,
      settings: {},
      factors,
      seeds: { first: 0, count: 1 },
      quick: {},
    },
    ...(baseline === undefined ? {} : { baseline }),
  };
  const { measures, outcome } = analysisNamed(analysis);
  const place = { cells, folder, progress: silent, signal: undefined };
  const runs = cells.map(async (cell) => {
    // As a cell file gives it back.
    const taken: unknown = JSON.parse(JSON.stringify((await measures?.take(cell, place)) ?? null));
    return measured(cell, await readMetrics(cell.folder), taken);
  });
  return outcome({ experiment, runs: await Promise.all(runs) });
}

const SEEDS = [0, 1, 2, 3, 4];
const noise = (seed: number, salt: number): number => 0.01 * (Random.stream(seed, "noise", salt).float() - 0.5);

describe("levels of a factor", () => {
  it("are each compared with the baseline over seeds, corrected for their number; the clear ones are named", async () => {
    const ends = {
      low: (seed: number) => 0.7 + noise(seed, 1),
      same: (seed: number) => 0.8 + noise(seed, 2),
      base: (seed: number) => 0.8 + noise(seed, 3),
    };
    const cells = SEEDS.flatMap((seed) =>
      Object.entries(ends).map(([level, end]) => cellOf({ f: level }, seed, curve(end(seed)))),
    );
    const { data, headline, tables, sentences } = await analysed(
      "levels",
      { f: { low: {}, same: {}, base: {} } },
      cells,
      "base",
    );
    const differences = (["low", "same"] as const).map((level) =>
      SEEDS.map((seed) => ends[level](seed) - ends.base(seed)),
    );
    const corrected = holm(differences.map(pairedTTest));
    const found = (data["valid"] as { levels: { against: { mean: number; pHolm: number } | null }[] }).levels;
    for (const i of [0, 1]) {
      expect(found[i]?.against?.mean).toBeCloseTo((differences[i] ?? []).reduce((a, b) => a + b, 0) / 5, 10);
      expect(found[i]?.against?.pHolm).toBeCloseTo(corrected[i] ?? 1, 10);
    }
    expect(found[2]?.against).toBeNull();
    expect(headline).toMatch(/^against base: low −/);
    expect(headline).not.toContain("same");
    expect(sentences[1]).toMatch(/^same: no clear difference to base, .* would take \d+ seeds/);
    expect(tables[0]?.rows.map((row) => row[0])).toEqual(["low", "same", "base"]);
  });

  it("are compared where the first of them ends: over generated samples a fast arm's end is a slow one's middle", async () => {
    const cells = SEEDS.flatMap((seed) => [
      cellOf({ f: "fast" }, seed, curve(0.9, 100)),
      cellOf({ f: "slow" }, seed, curve(0.9, 200)),
    ]);
    const { data } = await analysed("levels", { f: { fast: {}, slow: {} } }, cells, "slow");
    const at = (axis: string): number[] =>
      (data[axis] as { levels: { mean: number }[] }).levels.map(({ mean }) => mean);
    expect(at("valid")).toEqual([0.9, 0.9]);
    expect(at("generated")[0]).toBeCloseTo(0.9, 10);
    expect(at("generated")[1]).toBeCloseTo(0.7, 10);
  });
});

it("a grid gives back the effects that its cells were made of", async () => {
  const effect = { a: { "1": 0, "2": 0.05 }, b: { x: 0, y: -0.02, z: 0.01 } };
  const cells = Object.entries(effect.a).flatMap(([a, ofA]) =>
    Object.entries(effect.b).map(([b, ofB], i) => cellOf({ a, b }, 0, curve(0.7 + ofA + ofB + noise(i, Number(a))))),
  );
  const { data, tables, sentences } = await analysed(
    "effects",
    { a: { "1": {}, "2": {} }, b: { x: {}, y: {}, z: {} } },
    cells,
  );
  const effects = data["effects"] as {
    factor: string;
    levels: { level: string; against: { mean: number; pairs: number } | null }[];
  }[];
  const found = Object.fromEntries(
    effects.flatMap(({ factor, levels }) => levels.map(({ level, against }) => [`${factor}${level}`, against])),
  );
  expect(found["a2"]?.mean).toBeCloseTo(0.05, 1.9);
  expect(found["a2"]?.pairs).toBe(3);
  expect(found["by"]?.mean).toBeLessThan(0);
  expect(found["by"]?.pairs).toBe(2);
  expect(sentences[0]).toContain("a: its levels lie");
  expect(tables.find(({ title }) => title.startsWith("a and b"))?.rows).toHaveLength(2);
});

it("terms are counted and told apart by arm", async () => {
  const rows = (above: number, made: number): Record<string, number>[] =>
    curve(0.8).map((row, i) => ({
      ...row,
      ...Object.fromEntries(
        ["right", "left", "behind", "inFront", "above", "below"].map((term) => [`accuracy_${term}`, 0.5 + 0.1 * i]),
      ),
      ...Object.fromEntries(["right", "left", "behind", "inFront", "below"].map((term) => [`samples_${term}`, 10 * i])),
      accuracy_above: 0.5 + above * i,
      samples_above: made * i,
    }));
  const cells = SEEDS.flatMap((seed) => [
    cellOf({ arm: "rls3" }, seed, rows(0.2 + noise(seed, 1), 20)),
    cellOf({ arm: "random" }, seed, rows(0.1, 5)),
  ]);
  const { headline, tables, data } = await analysed("terms", { arm: { rls3: {}, random: {} } }, cells);
  expect(headline).toMatch(/gains most on "above" \(\+/);
  const counted = tables.find(({ title }) => title.startsWith("How often"))?.rows ?? [];
  expect(counted.find(([term]) => term === "above")).toEqual(
    ["above", "40", "28.6 %", "10", "9.1 %", "4.00"].map((cell) => cell.replace(" %", "\u00a0%")),
  );
  const terms = (data["valid"] as { terms: { name: string; difference: { mean: number } }[] }).terms;
  expect(terms.find(({ name }) => name === "right")?.difference.mean).toBe(0);
});

it("of the hardest samples those with an artefact are counted, in the pair that the model does worst on", async () => {
  const catalog = loadCatalog("rooms");
  const [room] = catalog.scenes;
  if (room === undefined) throw new Error("a world without a scene");
  const random = new Random(5);
  const line = (step: number, hardness: number, margins: readonly [number, number]): SampleLine => {
    const { objects } = drawLayout(catalog, room, random);
    const rows = [0, 1, 2].map((slot) => [...objects.subarray(5 * slot, 5 * slot + 5)]);
    const caption = (probability: number, margin: number) => ({
      right: "The vase is above the plate.",
      probability,
      margin,
    });
    // Slot 0 was moved: its pairs are the first two, and the third is nobody's doing.
    const captions = [caption(0.9, margins[0]), caption(0.1, margins[1]), caption(0, 0)];
    return { episode: 0, step, scene: 0, objects: rows, slot: 0, captions, score: 3, hardness, kept: true };
  };
  const samples = [
    ...Array.from({ length: 38 }, (_, i) => line(i, 0.1, [1, 20])),
    line(38, 0.9, [20, 1]),
    line(39, 0.8, [1, 20]),
  ];
  const cells = [cellOf({ arm: "rls3" }, 0, curve(0.8), samples), cellOf({ arm: "random" }, 0, curve(0.8), samples)];
  const { data } = await analysed("hardest", { arm: { rls3: {}, random: {} } }, cells);
  const arms = data["arms"] as Record<string, { kind: string; hardest: number; all: number }[]>;
  const boundary = arms["rls3"]?.find(({ kind }) => kind === "boundary");
  expect(boundary?.hardest).toBe(0.5);
  expect(boundary?.all).toBe(1 / 40);
});
