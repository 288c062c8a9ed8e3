/** @file Sweeps: effects that were planted are found exactly, published analyses come out, and a folder becomes a page, whatever is missing. */
import { execFileSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { writeSweepReport } from "../../trainer/report/html/sweep.js";
import { designOf, type Factor, type PlannedCell } from "../../trainer/report/sweep/design.js";
import { interactions, mainEffects, type Observation, varianceShares } from "../../trainer/report/sweep/effects.js";
import { MAIN_MEASURE } from "../../trainer/report/sweep/measures.js";
import { sweepHeadline } from "../../trainer/report/sweep/sentences.js";
import type { SweepSummary } from "../../trainer/report/sweep/summary.js";
import { renderSweepTerminal } from "../../trainer/report/sweep/terminal.js";
import { spearman } from "../../trainer/report/sweep/trend.js";
import { gridCells, type MadeUpCell, noise, writeSweep } from "./sweep-fixture.js";

const factor = (name: string, levels: readonly string[]): Factor => ({
  key: name,
  name,
  levels,
  reference: levels[0] ?? "",
});

/** Every combination of two factors' levels for each seed, with a value of its own. */
const observe = (
  [a, b]: readonly [Factor, Factor],
  seeds: number,
  value: (i: number, j: number, seed: number) => number,
): Observation[] =>
  Array.from({ length: seeds }, (_, seed) =>
    a.levels.flatMap((first, i) =>
      b.levels.map((second, j) => ({ levels: [first, second], seed, value: value(i, j, seed) })),
    ),
  ).flat();

const FACTORS = [factor("a", ["a0", "a1", "a2"]), factor("b", ["b0", "b1"])] as const;

describe("main effects", () => {
  it("find what was planted in an additive sweep, whichever cells are missing", () => {
    const [rowEffects, columnEffects] = [
      [0, 0.3, -0.2],
      [0, 0.1],
    ];
    const all = observe(FACTORS, 4, (i, j, seed) => 0.5 + (rowEffects[i] ?? 0) + (columnEffects[j] ?? 0) + seed / 50);
    fc.assert(
      fc.property(fc.subarray(all, { minLength: 1 }), (some) => {
        for (const [f, levels] of mainEffects(FACTORS, some, "m").entries()) {
          const planted = f === 0 ? rowEffects : columnEffects;
          for (const [i, { contrast, marginal }] of levels.entries()) {
            if (contrast !== null) expect(contrast.difference).toBeCloseTo(planted[i] ?? 0, 10);
            // Marginal means come from the same blocks for all levels, so that they differ as planted too.
            const reference = levels[0]?.marginal;
            if (marginal !== null) {
              expect(marginal.mean - (reference?.mean ?? Number.NaN)).toBeCloseTo(planted[i] ?? 0, 10);
            }
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it("take a seed as the unit, however many cells it has", () => {
    const [first] = mainEffects(
      FACTORS,
      observe(FACTORS, 3, (i, j, seed) => i * (seed + 1) + j),
      "m",
    );
    const contrast = first?.[1]?.contrast;
    // Differences 1, 2, 3 over seeds: mean 2, t = 2/(1/√3) = 3.46, p = .0742 with 2 degrees.
    expect(contrast?.difference).toBeCloseTo(2, 12);
    expect(contrast?.seeds).toBe(3);
    expect(contrast?.p).toBeCloseTo(0.0742, 4);
    expect(contrast?.power?.effect).toBeCloseTo(2, 12);
    expect(contrast?.pPermutation).toBeUndefined();
    const many = mainEffects(
      FACTORS,
      observe(FACTORS, 8, (i, j, seed) => i * (seed + 1) + j),
      "m",
    );
    expect(many[0]?.[1]?.contrast?.pPermutation).toBe(2 / 256);
  });

  it("are corrected as one family over all factors", () => {
    const wobble = (i: number, j: number, seed: number) => ((7 * i + 5 * j + 3 * seed + i * j * seed) % 11) / 40;
    const effects = mainEffects(
      FACTORS,
      observe(FACTORS, 5, (i, j, seed) => i / 10 + wobble(i, j, seed)),
      "m",
    );
    const contrasts = effects.flat().flatMap(({ contrast }) => contrast ?? []);
    expect(contrasts).toHaveLength(3);
    const [smallest] = contrasts.toSorted((a, b) => (a.p ?? 1) - (b.p ?? 1));
    expect(smallest?.pHolm).toBeCloseTo(Math.min(1, 3 * (smallest?.p ?? 0)), 12);
  });

  it("see no spread in rounding errors", () => {
    const [first] = mainEffects(
      FACTORS,
      observe(FACTORS, 3, (i, j, seed) => 0.1 * (seed + j) + (i === 1 ? 1e-16 : 0)),
      "m",
    );
    expect(first?.[1]?.contrast).toMatchObject({ difference: 0, p: 1, power: null });
  });

  it("cannot be tested with one seed, and do not exist without common blocks", () => {
    const [one] = mainEffects(
      FACTORS,
      observe(FACTORS, 1, (i) => i),
      "m",
    );
    expect(one?.[1]).toMatchObject({
      marginal: { interval: null, seeds: 1 },
      contrast: { difference: 1, interval: null, p: null, pHolm: null, power: null },
    });
    const apart: Observation[] = [
      { levels: ["a0", "b0"], seed: 0, value: 1 },
      { levels: ["a1", "b1"], seed: 0, value: 2 },
    ];
    expect(mainEffects(FACTORS, apart, "m")[0]?.[1]).toEqual({ level: "a1", marginal: null, contrast: null });
  });
});

describe("interactions", () => {
  it("are zero where effects add up, and what was planted on top elsewhere", () => {
    const planted = (i: number, j: number) => (i === 2 && j === 1 ? 0.07 : 0);
    const [found] = interactions(
      FACTORS,
      observe(FACTORS, 3, (i, j, s) => i / 9 + j / 7 + s / 5 + planted(i, j)),
      "m",
    );
    expect(found?.factors).toEqual(["a", "b"]);
    expect(found?.contrasts.map(({ row, column }) => [row, column])).toEqual([
      ["a1", "b1"],
      ["a2", "b1"],
    ]);
    expect(found?.contrasts[0]?.contrast?.difference).toBeCloseTo(0, 12);
    expect(found?.contrasts[1]?.contrast?.difference).toBeCloseTo(0.07, 12);
    expect(found?.cells[2]?.[1]?.mean).toBeCloseTo(2 / 9 + 1 / 7 + 0.2 + 0.07, 12);
  });

  it("leave a hole where no cell has finished, and no contrast that needs it", () => {
    const holed = observe(FACTORS, 2, (i, j) => i + j).filter(({ levels }) => levels.join() !== "a1,b1");
    const [found] = interactions(FACTORS, holed, "m");
    expect(found?.cells[1]?.[1]).toBeNull();
    expect(found?.contrasts[0]?.contrast).toBeNull();
    expect(found?.contrasts[1]?.contrast?.difference).toBeCloseTo(0, 12);
  });
});

describe("shares of the variance", () => {
  it("are those of R's aov for Tippett's warp breaks (data set warpbreaks), nine looms a combination", () => {
    const breaks = [
      [26, 30, 54, 25, 70, 52, 51, 26, 67],
      [18, 21, 29, 17, 12, 18, 35, 30, 36],
      [36, 21, 24, 18, 10, 43, 28, 15, 26],
      [27, 14, 29, 19, 29, 31, 41, 20, 44],
      [42, 26, 19, 16, 39, 28, 21, 39, 29],
      [20, 21, 24, 17, 13, 15, 15, 16, 28],
    ];
    const wools = [factor("wool", ["A", "B"]), factor("tension", ["L", "M", "H"])] as const;
    const data = observe(wools, 9, (i, j, seed) => breaks[3 * i + j]?.[seed] ?? Number.NaN);
    const sources = varianceShares(wools, data)?.sources ?? [];
    // anova(aov(breaks ~ wool * tension, warpbreaks))$"Sum Sq": 450.667, 2034.259, 1002.778, residuals 5745.111.
    const total = 450.66667 + 2034.25926 + 1002.77778 + 5745.11111;
    for (const [i, squares] of [450.66667, 2034.25926, 1002.77778].entries()) {
      expect(sources[i]?.share).toBeCloseTo(squares / total, 7);
    }
    expect(sources.map(({ degrees }) => degrees)).toEqual([1, 2, 2, 8, 40]);
    expect(sources.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  });

  it("come from whole seeds alone, and do not exist without one or without any variance", () => {
    const all = observe(FACTORS, 3, (i, j, seed) => i + j * seed);
    expect(varianceShares(FACTORS, all.slice(1))).toEqual(varianceShares(FACTORS, all.slice(6)));
    expect(varianceShares(FACTORS, all.slice(1, 5))).toBeNull();
    expect(
      varianceShares(
        FACTORS,
        observe(FACTORS, 3, () => 0.7),
      ),
    ).toBeNull();
  });
});

it("Spearman's correlation is the published one of hours and intelligence, −29/165 (Wikipedia), and R's where values are tied", () => {
  const pairs = (x: readonly number[], y: readonly number[]) => x.map((value, i) => ({ x: value, y: y[i] ?? 0 }));
  const iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110];
  expect(spearman(pairs(iq, [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]))).toBeCloseTo(-29 / 165, 12);
  expect(spearman(pairs([1, 2, 2, 3, 5], [4, 1, 6, 6, 9]))).toBeCloseTo(0.7631578947, 9);
  expect(spearman(pairs([1, 1], [2, 3]))).toBeNull();
});

describe("the design of a sweep", () => {
  const cell = (configuration: Readonly<Record<string, unknown>>, variant: string | null = null): PlannedCell => ({
    name: JSON.stringify([variant, configuration]),
    variant,
    configuration,
  });

  it("is a grid with numbers from low to high and the default as reference where it was swept", () => {
    const cells = [20, 1, 8].flatMap((extrinsicWeight) =>
      ["proposals", "gaussian"].map((policy) => cell({ extrinsicWeight, policy })),
    );
    const { kind, factors, levelsOf } = designOf(cells, ["extrinsicWeight", "policy"], {
      extrinsicWeight: 8,
      policy: "x",
    });
    expect(kind).toBe("grid");
    expect(factors).toEqual([
      { key: "extrinsicWeight", name: "β", levels: ["1", "8", "20"], reference: "8" },
      { key: "policy", name: "policy", levels: ["proposals", "gaussian"], reference: "proposals" },
    ]);
    expect(cells[1] && levelsOf(cells[1])).toEqual(["20", "gaussian"]);
  });

  it("has a named list as one factor in place of the settings that follow from it, beside a grid", () => {
    const cells = ["lora", "full"].flatMap((mode) =>
      [1, 2].map((beta) => cell({ fineTuning: mode, rate: mode === "lora" ? 2e-3 : 1e-4, beta }, mode)),
    );
    const { kind, factors } = designOf(cells, ["fineTuning", "rate", "beta"]);
    expect(kind).toBe("grid");
    expect(factors.map(({ key, levels }) => [key, levels])).toEqual([
      ["variant", ["lora", "full"]],
      ["beta", ["1", "2"]],
    ]);
  });

  it("has combinations that are no grid as levels of one factor, and one level alone as no factor beside others", () => {
    const drawn = designOf([cell({ beta: 3, eta: 0.4 }), cell({ beta: 9, eta: 0.7 })], ["beta", "eta"]);
    expect(drawn.kind).toBe("combinations");
    expect(drawn.factors.map(({ levels }) => levels)).toEqual([["beta 3, eta 0.4", "beta 9, eta 0.7"]]);
    const fixed = designOf([cell({ beta: 3, eta: 0.4 }), cell({ beta: 9, eta: 0.4 })], ["beta", "eta"]);
    expect(fixed.factors.map(({ key }) => key)).toEqual(["beta"]);
    expect(designOf([cell({ beta: 3 })], ["beta"]).factors).toHaveLength(1);
    expect(designOf([cell({})], []).factors).toHaveLength(1);
  });
});

describe("a sweep's folder", () => {
  let root: string;
  const seeds = [1000, 1001, 1002];
  const speed = (cell: MadeUpCell) => 0.3 + 0.02 * Number(cell.configuration["extrinsicWeight"]) + noise(cell);
  const varied = ["extrinsicWeight", "samplingRate"] as const;
  const cells = gridCells([1, 10], [0.25, 0.5], seeds);
  const missing = ["beta=10_eta=0.5-1002"];
  const folder = (name: string) => path.join(root, name);
  const page = async (name: string) =>
    (await readFile(path.join(folder(name), "report.html"), "utf8")).replaceAll("\u00a0", " ");

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), "rls3-sweep-"));
    await writeSweep(folder("grid"), { varied, cells, speed, missing, iterations: 3 });
  });
  afterAll(() => rm(root, { recursive: true }));

  it("becomes a page with every part, the commands of its cells and the names of the missing ones", async () => {
    await writeSweepReport(folder("grid"));
    const text = await page("grid");
    for (const id of ["plan", "effects", "interactions", "variance", "curves", "cells", "configuration"]) {
      expect(text).toContain(`<section id="${id}"`);
    }
    expect(text).toContain("11 of 12 cells have finished");
    expect(text).toContain("beta=10_eta=0.5-1002");
    expect(text).toContain("rls3 train --made-up beta=1_eta=0.25-1000");
    expect(text).toContain("rls3 sweep --made-up '&lt;fixture>'");
    expect(text).toContain("(only 3 seeds: too few for a claim)");
    expect(text).not.toMatch(/NaN|undefined|Infinity|<script|src="http/);
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const summary = JSON.parse(await readFile(path.join(folder("grid"), "sweep-summary.json"), "utf8")) as SweepSummary;
    expect(summary.missing.map(({ name }) => name)).toEqual(missing);
    expect(summary.effects[MAIN_MEASURE][0]?.[1]?.contrast?.seeds).toBe(3);
    expect(summary.variance[MAIN_MEASURE]?.seeds).toBe(2);
  });

  it("gives equal bytes for an equal folder elsewhere", async () => {
    await cp(folder("grid"), folder("copy"), { recursive: true });
    await writeSweepReport(folder("grid"));
    await writeSweepReport(folder("copy"));
    expect(await page("copy")).toBe(await page("grid"));
  });

  it("with one seed, one key and names for levels says that nothing can be tested", async () => {
    const agents = ["rls3", "paper", "random"].map((agent) => ({
      name: `agent=${agent}-7`,
      variant: null,
      configuration: { agent, seed: 7 },
    }));
    await writeSweep(folder("agents"), { varied: ["agent"], cells: agents, speed: () => 0.4, iterations: 2 });
    const summary = await writeSweepReport(folder("agents"));
    expect(summary.factors[0]?.levels).toEqual(["rls3", "paper", "random"]);
    expect(sweepHeadline(summary)).toBe("One seed of each cell of agent: no difference can be tested");
    expect(sweepHeadline({ ...summary, varied: [] })).toMatch(/repeats one setting over its seeds/);
    const text = await page("agents");
    expect(text).toContain("no interval can be drawn and no difference tested");
    expect(text).not.toContain('<section id="interactions"');
  });

  it("prints in 80 columns, long names of a list too", async () => {
    const names = ["the whole method", "without the hardness head of the critic, and without priorities", "random"];
    const list = seeds.flatMap((seed) =>
      names.map((variant, i) => ({ name: `v${i}-${seed}`, variant, configuration: { agent: `agent ${i}`, seed } })),
    );
    const slower = (cell: MadeUpCell) => (cell.variant === "random" ? 0.2 : 0.5) + noise(cell);
    await writeSweep(folder("list"), { varied: ["agent"], cells: list, speed: slower, iterations: 3 });
    for (const name of ["grid", "list"]) {
      const text = renderSweepTerminal(await writeSweepReport(folder(name)));
      for (const line of text.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    }
    const text = renderSweepTerminal(await writeSweepReport(folder("list")));
    expect(text).toMatch(
      /^Random\s+has\s+lower\s+one-term\s+accuracy\s+at\s+equal\s+valid\s+samples\s+than\s+the\s+whole\s+method/,
    );
    expect(text).toContain("…hout priorities");
  });

  it("of random draws shows the highest combinations first, and which way the numbers go", async () => {
    const draws = [3, 14, 8, 19].flatMap((beta, i) =>
      seeds.map((seed) => ({
        name: `draw${i}-${seed}`,
        variant: null,
        configuration: { extrinsicWeight: beta, samplingRate: [0.55, 0.4, 0.25, 0.6][i], seed },
      })),
    );
    await writeSweep(folder("draws"), { varied, cells: draws, speed, iterations: 3 });
    const summary = await writeSweepReport(folder("draws"));
    expect(summary.design).toBe("combinations");
    expect(summary.trends.map(({ setting }) => setting)).toEqual(["β", "η"]);
    expect(summary.trends[0]?.correlation).toBeGreaterThan(0.8);
    const text = renderSweepTerminal(summary);
    const places = [19, 14, 8, 3].map((beta) => text.indexOf(`\nβ ${beta}, η`));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
    expect(text).toContain("Rank correlation with accuracy over all finished cells: β 0.");
    expect(await page("draws")).toContain('<section id="trends"');
  });

  it("is rebuilt by rls3 report, which knows it by its plan", async () => {
    const main = path.resolve(import.meta.dirname, "../../trainer/cli/main.js");
    const said = execFileSync(process.execPath, [main, "report", folder("grid")], { encoding: "utf8" });
    expect(said).toMatch(/β = 10/);
    expect(said.trim().split("\n").at(-1)).toBe(`report: ${path.join(folder("grid"), "report.html")}`);
  });

  it("is refused in one line without a finished cell, with a damaged plan or a table of another sweep", async () => {
    const broken = async (name: string, file: string, text: string) => {
      await cp(folder("grid"), folder(name), { recursive: true });
      await writeFile(path.join(folder(name), file), text);
      return writeSweepReport(folder(name));
    };
    const header = (await readFile(path.join(folder("grid"), "sweep.csv"), "utf8")).split("\n").slice(0, 2);
    await expect(broken("empty", "sweep.csv", `${header[0]}\n`)).rejects.toThrow(/none of its 12 cells has finished/);
    await expect(broken("plan", "sweep.json", "{")).rejects.toThrow(InputError);
    await expect(broken("schema", "sweep.json", '{"varied": []}')).rejects.toThrow(
      /sweep\.json: is not the plan of a sweep: cells: /,
    );
    const other = header.join("\n").replaceAll("beta=1_eta=0.25-1000", "beta=3-1000");
    await expect(broken("other", "sweep.csv", other)).rejects.toThrow(
      /has the cell "beta=3-1000", which sweep.json lacks/,
    );
    const words = header.join("\n").replace("1,0.25,1000", "1,0.25,many");
    await expect(broken("words", "sweep.csv", words)).rejects.toThrow(/line 2, column "seed": is not a number/);
  });
});
