import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "csv-stringify/sync";
import { describe, expect, it } from "vitest";
import { type Turn, turnedCameras } from "../../benchmarks/experiments/analyses/cameras.js";
import { analysisNamed } from "../../benchmarks/experiments/analyses/index.js";
import type { Cell } from "../../benchmarks/experiments/cells.js";
import { combinationName, type Experiment } from "../../benchmarks/experiments/definition.js";
import { measured } from "../../benchmarks/experiments/measures.js";
import type { Outcome } from "../../benchmarks/experiments/outcome.js";
import { at } from "../../trainer/at.js";
import { mean } from "../../trainer/mean.js";
import { silent } from "../../trainer/progress.js";
import { Random } from "../../trainer/random/random.js";
import { holm, pairedTTest } from "../../trainer/report/statistics.js";
import { type CatalogDocument, drawLayout, loadCatalog } from "../../trainer/rooms/index.js";
import { METRIC_COLUMNS, type SampleLine } from "../../trainer/run-format/columns.js";
import { readMetrics } from "../../trainer/run-format/readers.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import { temporaryFolder } from "../temporary.js";

const folder = temporaryFolder("analyses");
let made = 0;

/** A run with the files that it would have left: rows of metrics.csv, and sample lines of its only iteration. */
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
  more: Partial<Experiment> = {},
): Promise<Outcome> {
  const experiment: Experiment = {
    ...{
      name: "made up",
      title: "",
      question: "",
      analysis,
      settings: {},
      factors,
      levels: new Map(Object.entries(factors).map(([factor, levels]) => [factor, Object.keys(levels)])),
      seeds: { first: 0, count: 1 },
      quick: {},
      later: {},
    },
    ...more,
  };
  const { measures, outcome } = analysisNamed(analysis);
  const place = { cells, folder, progress: silent, signal: undefined };
  const runs = cells.map(async (cell) => {
    // As read back from a cell file.
    const taken: unknown = JSON.parse(JSON.stringify((await measures?.take(cell, place)) ?? null));
    return measured(cell, await readMetrics(cell.folder), taken);
  });
  return outcome({ experiment, runs: await Promise.all(runs) });
}

const SEEDS = [0, 1, 2, 3, 4];
const noise = (seed: number, salt: number): number => 0.01 * (Random.stream(seed, "noise", salt).float() - 0.5);

describe("levels of a factor", () => {
  it("are each compared with the baseline over seeds, corrected for their number; clear differences are named", async () => {
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
      { baseline: "base" },
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
    expect(sentences[1]).toMatch(
      /^same: no clear difference to base, .*; without the correction one of this size would take \d+ seeds/,
    );
    expect(tables[0]?.rows.map((row) => row[0])).toEqual(["low", "same", "base"]);
  });

  it("of fewer than five seeds are not called better, worse or equal", async () => {
    for (const seeds of [[0], [0, 1, 2]]) {
      const cells = seeds.flatMap((seed) => [
        cellOf({ f: "low" }, seed, curve(0.7 + noise(seed, 1))),
        cellOf({ f: "base" }, seed, curve(0.8 + noise(seed, 2))),
      ]);
      const outcome = await analysed("levels", { f: { low: {}, base: {} } }, cells, { baseline: "base" });
      const few = `only ${seeds.length} seed${seeds.length === 1 ? "" : "s"}: too few for a claim`;
      expect(outcome.headline).toMatch(new RegExp(`^[\\d.]+\\s% to [\\d.]+\\s% after [\\d,]+ valid samples, ${few}$`));
      expect(outcome.sentences).toHaveLength(1);
      expect(outcome.sentences[0]).toMatch(
        new RegExp(`^low: −\\d+\\.\\d points per valid sample against base, ${few}$`),
      );
    }
  });

  it("are compared at the smallest budget: over generated samples a fast arm's end is a slow one's middle", async () => {
    const cells = SEEDS.flatMap((seed) => [
      cellOf({ f: "fast" }, seed, curve(0.9, 100)),
      cellOf({ f: "slow" }, seed, curve(0.9, 200)),
    ]);
    const { data } = await analysed("levels", { f: { fast: {}, slow: {} } }, cells, { baseline: "slow" });
    const at = (axis: string): number[] =>
      (data[axis] as { levels: { mean: number }[] }).levels.map(({ mean }) => mean);
    expect(at("valid")).toEqual([0.9, 0.9]);
    expect(at("generated")[0]).toBeCloseTo(0.9, 10);
    expect(at("generated")[1]).toBeCloseTo(0.7, 10);
  });
});

it("a grid gives back the effects that were built into its cells", async () => {
  const effect = { a: { "1": 0, "2": 0.05 }, b: { x: 0, y: -0.02, z: 0.01 } };
  const cellsOf = (seed: number) =>
    Object.entries(effect.a).flatMap(([a, ofA]) =>
      Object.entries(effect.b).map(([b, ofB], i) =>
        cellOf({ a, b }, seed, curve(0.7 + ofA + ofB + noise(i + 10 * seed, Number(a)))),
      ),
    );
  const factors = { a: { "1": {}, "2": {} }, b: { x: {}, y: {}, z: {} } };
  const { data, tables, sentences } = await analysed("effects", factors, [0, 1].flatMap(cellsOf));
  const effects = data["effects"] as {
    factor: string;
    levels: { level: string; against: { difference: number; seeds: number; p: number | null } | null }[];
  }[];
  const found = Object.fromEntries(
    effects.flatMap(({ factor, levels }) => levels.map(({ level, against }) => [`${factor}${level}`, against])),
  );
  expect(found["a2"]?.difference).toBeCloseTo(0.05, 1.9);
  // The three levels of b are no seeds of their own.
  expect(found["a2"]?.seeds).toBe(2);
  expect(found["by"]?.difference).toBeLessThan(0);
  expect(found["by"]?.seeds).toBe(2);
  expect(sentences.at(-1)).toContain("tested against the first over 2 seeds");
  const one = await analysed("effects", factors, cellsOf(0));
  expect(one.tables[0]?.rows[1]?.slice(2, 4)).toEqual([expect.stringMatching(/^\+/), "–"]);
  expect(one.sentences.at(-1)).toContain("one seed: no difference between levels can be tested");
  expect(sentences[0]).toContain("a: its levels lie");
  expect(tables.find(({ title }) => title.startsWith("a and b"))?.rows).toHaveLength(2);
});

it("terms are counted and separated by arm", async () => {
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
  expect(headline).toMatch(/differs clearly from random sampling on 1 of 6 terms: "above" \+\d+\.\d \(p/);
  const counted = tables.find(({ title }) => title.startsWith("How often"))?.rows ?? [];
  expect(counted.find(([term]) => term === "above")).toEqual(
    ["above", "40", "28.6 %", "10", "9.1 %", "4.00"].map((cell) => cell.replace(" %", "\u00a0%")),
  );
  const terms = (data["valid"] as { terms: { name: string; difference: { mean: number } }[] }).terms;
  expect(terms.find(({ name }) => name === "right")?.difference.mean).toBe(0);
});

it("among the hardest samples, artefacts are counted in the pair that the model does worst on", async () => {
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
    // Slot 0 was moved: the first two pairs include it, the third does not.
    const captions = [caption(0.9, margins[0]), caption(0.1, margins[1]), caption(0, 0)];
    return { episode: 0, step, scene: 0, objects: rows, slot: 0, captions, score: 3, hardness, kept: true };
  };
  const samples = [
    ...Array.from({ length: 38 }, (_, i) => line(i, 0.1, [1, 20])),
    line(38, 0.9, [20, 1]),
    line(39, 0.8, [1, 20]),
  ];
  const cells = [cellOf({ arm: "rls3" }, 0, curve(0.8), samples), cellOf({ arm: "random" }, 0, curve(0.8), samples)];
  const { data, headline } = await analysed("hardest", { arm: { rls3: {}, random: {} } }, cells);
  expect(headline).toMatch(/of all its samples \([+−±][\d.]+, p not defined over 1 seed\)/);
  const arms = data["arms"] as Record<string, { kind: string; hardest: number; all: number }[]>;
  const boundary = arms["rls3"]?.find(({ kind }) => kind === "boundary");
  expect(boundary?.hardest).toBe(0.5);
  expect(boundary?.all).toBe(1 / 40);
});

describe("held-out scenes", () => {
  it("are compared over seeds, folds averaged, with their share of the gain in the trained scenes", async () => {
    const sets = ["trained scenes", "held-out scene"];
    const cameras = ["15° left", "15° right", "5° steeper", "5° flatter", "250 mm up"];
    const all = (trained: number, heldOut: number): Record<string, number> =>
      Object.fromEntries(
        [...sets, ...cameras.map((name) => `camera ${name}`)].map((name, i) => [name, i === 1 ? heldOut : trained]),
      );
    const runs = ["bedroom", "grey kitchen"].flatMap((fold, i) =>
      SEEDS.flatMap((seed) =>
        ["rls3", "random"].map((arm) => {
          const gain = arm === "rls3" ? 0.02 + noise(seed, i) : 0;
          const taken = { accuracy: all(0.8 + gain, 0.7 + gain), before: all(0.5, 0.5) };
          return measured(cellOf({ "held out": fold, arm }, seed, curve(0.7)), [], taken);
        }),
      ),
    );
    const experiment = {
      name: "made up",
      title: "",
      question: "",
      analysis: "held-out",
      settings: {},
      factors: {},
      levels: new Map<string, readonly string[]>(),
      quick: {},
      later: {},
    };
    const { data, headline, sentences, tables } = await analysisNamed("held-out").outcome({
      experiment: { ...experiment, seeds: { first: 0, count: 5 } },
      runs,
    });
    const { rows } = data as { rows: { name: string; before: number; difference: { pairs: number; mean: number } }[] };
    expect(rows).toHaveLength(7);
    const expected = mean(SEEDS.flatMap((seed) => [0, 1].map((i) => 0.02 + noise(seed, i))));
    for (const { before, difference } of rows) {
      expect(before).toBeCloseTo(0.5, 12);
      expect(difference.pairs).toBe(5);
      expect(difference.mean).toBeCloseTo(expected, 12);
    }
    expect(headline).toContain("In a scene that was held out");
    expect(sentences[0]).toMatch(/with RLS3's samples, 66\.7\s% with random ones/);
    expect(tables[1]?.rows.map(([scene]) => scene)).toEqual(["bedroom", "grey kitchen"]);
  });
});

describe("another camera", () => {
  const { scenes } = loadCatalog("rooms");
  const cameras = (turn: Turn): { position: number[]; target: number[] }[] => {
    const document = { scenes: scenes.map(({ document: scene }) => scene) } as unknown as CatalogDocument;
    return turnedCameras(document, turn).scenes.map(({ camera }) => ({
      position: [...camera.position],
      target: [...camera.target],
    }));
  };

  it("equals the catalog's where nothing is changed", () => {
    expect(cameras({})).toEqual(
      scenes.map(({ document: { camera } }) => ({ position: [...camera.position], target: [...camera.target] })),
    );
  });

  it("looks at the same point from the same distance, the given degrees to its right or up", () => {
    for (const [i, { document }] of scenes.entries()) {
      const { position, target } = document.camera;
      const before = position.map((value, axis) => value - at(target, axis));
      const moved = (turn: Turn): number[] =>
        at(cameras(turn), i).position.map((value, axis) => value - at(target, axis));
      const angle = (a: number[], b: number[]): number =>
        (Math.acos(a.reduce((sum, value, axis) => sum + value * at(b, axis), 0) / Math.hypot(...a) / Math.hypot(...b)) *
          180) /
        Math.PI;
      const flat = ([x = 0, , z = 0]: number[]): number[] => [x, 0, z];
      const turned = moved({ yaw: 15 });
      expect(angle(flat(before), flat(turned))).toBeCloseTo(15, 1);
      expect(at(turned, 1)).toBe(at(before, 1));
      // The camera's right: its direction, rotated counter-clockwise seen from above, so that right · after > 0.
      const right = [at(before, 2), 0, -at(before, 0)];
      expect(right.reduce((sum, value, axis) => sum + value * at(turned, axis), 0)).toBeGreaterThan(0);
      const steeper = moved({ pitch: 5 });
      expect(angle(before, steeper)).toBeCloseTo(5, 1);
      expect(at(steeper, 1)).toBeGreaterThan(at(before, 1));
      expect(Math.hypot(...steeper) / Math.hypot(...before)).toBeCloseTo(1, 3);
      expect(moved({ raise: 250 }).map((value, axis) => value - at(before, axis))).toEqual([0, 250, 0]);
    }
  });
});

describe("the claim", () => {
  const ends: Readonly<Record<string, number>> = { rls3: 0.8, "β 0": 0.8, random: 0.7 };
  const made = () =>
    ["rooms", "tabletop"].flatMap((world, i) =>
      Object.entries(ends).flatMap(([arm, end], j) =>
        SEEDS.map((seed) => {
          const rows = curve(end + noise(seed, 10 * i + j)).map((row) => ({
            ...row,
            naturalOneTerm: row["accuracyOneTerm"] ?? 0,
          }));
          return cellOf({ world, arm }, seed, rows);
        }),
      ),
    );
  const factors = { world: { rooms: {}, tabletop: {} }, arm: { rls3: {} } };

  it("is tested in each world and on both test sets, against random and against no signal, corrected together", async () => {
    const { data, headline, tables } = await analysed("claim", factors, made());
    const { valid } = data as {
      valid: { rows: { world: string; set: string; against: string; mean: number; p: number; pHolm: number }[] };
    };
    expect(valid.rows).toHaveLength(8);
    expect(valid.rows.map(({ pHolm }) => pHolm)).toEqual(holm(valid.rows.map(({ p }) => p)));
    for (const { against, mean: gain, pHolm } of valid.rows) {
      expect(gain).toBeCloseTo(against === "random" ? 0.1 : 0, 1);
      expect(pHolm < 0.05).toBe(against === "random");
    }
    expect(headline).toContain("clearly better in 4 of 8 comparisons");
    expect(tables.map(({ rows }) => rows.length)).toEqual([4, 8, 4, 4, 8, 4]);
  });

  it("is not called better where it has fewer than five seeds", async () => {
    const { headline, sentences } = await analysed(
      "claim",
      factors,
      made().filter(({ seed }) => seed < 3),
    );
    expect(headline).toMatch(/^Per valid sample RLS3 has 3 seeds, too few for a claim: rooms, balanced, to random \+/);
    expect(sentences[0]).toMatch(/^per generated sample it has 3 seeds, too few for a claim: /);
  });

  it("is tested against the arms that the experiment names, and is corrected for these alone", async () => {
    const { headline, tables } = await analysed("claim", factors, made(), { against: ["random"] });
    expect(headline).toContain("clearly better in 4 of 4 comparisons");
    expect(tables.map(({ rows }) => rows.length)).toEqual([4, 4, 4, 4, 4, 4]);
    const { title, head, rows } = tables[2] ?? { title: "", head: [], rows: [] };
    expect([title, ...head]).toEqual([
      "Each arm's difference to random per valid sample, p not corrected",
      ...["world, test set", "rls3", "β 0"],
    ]);
    expect(rows[0]?.[1]).toMatch(/^\+(9|10)\.\d \(p/);
  });
});
