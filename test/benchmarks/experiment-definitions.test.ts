import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { analysisNamed } from "../../benchmarks/experiments/analyses/index.js";
import { whatItIs, wishesOf } from "../../benchmarks/experiments/cells.js";
import { comparable } from "../../benchmarks/experiments/collect.js";
import { combinations, experimentNames, readExperiment } from "../../benchmarks/experiments/definition.js";
import { markdownTable, plainTable } from "../../benchmarks/experiments/outcome.js";
import { experimentPage, inserted, newPage, pages, TO_WRITE } from "../../benchmarks/experiments/pages.js";
import { readExperimentSummary } from "../../benchmarks/experiments/results.js";
import { choose, commandOf } from "../../benchmarks/experiments/sources.js";
import { LANGUAGE_VERSION } from "../../trainer/language/index.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import { experiment as command } from "./run-experiment.js";

const names = experimentNames();
/** From this number of valid samples on, a run counts as one of the paper's size. */
const PAPER_SIZE = 30_000;

describe.each(names)("the experiment %s", (name) => {
  const experiment = readExperiment(name);
  const cells = (quick: boolean, seeds = [1, 2]) => wishesOf(experiment, "/runs", seeds, quick);

  it("has an analysis, and valid settings in both sizes", () => {
    expect(analysisNamed(experiment.analysis).outcome).toBeTypeOf("function");
    expect(cells(false)).toHaveLength(2 * combinations(experiment, false).length);
    expect(cells(true).length).toBeLessThanOrEqual(cells(false).length);
  });

  it("runs each combination once per seed", () => {
    for (const quick of [false, true]) {
      const planned = cells(quick);
      expect(new Set(planned.map((cell) => cell.name)).size).toBe(planned.length);
    }
  });

  it("gives every run of the full size the same budget of valid samples, five seeds of it (three of the paper's sizes) or a grid of cells", () => {
    const budget = ({ configuration }: ReturnType<typeof cells>[number]): number => {
      const { validSamples, iterations, episodesPerIteration: E, samplesPerEpisode: T0 } = configuration;
      return validSamples > 0 ? validSamples : iterations * E * T0;
    };
    const [samples = 0, ...others] = new Set(cells(false).map(budget));
    expect(others).toEqual([]);
    const fewest = samples >= PAPER_SIZE ? 3 : 5;
    expect(experiment.seeds.count >= fewest || combinations(experiment, false).length >= 30).toBe(true);
  });
});

it("levels keep the file's order, also where one reads as a whole number", () => {
  const grid = combinations(readExperiment("grid"), false).map(({ η }) => η);
  expect([...new Set(grid)]).toEqual([".25", ".5", "1"]);
});

describe("runs that experiments share", () => {
  const runs = (name: string): string[] =>
    wishesOf(readExperiment(name), "/runs", [100], false).map((request) => request.name);

  it("have the same name: the defaults of the ablations, and all runs of the analyses of one comparison", () => {
    const ablations = names.filter((name) => name.startsWith("ablation-"));
    const common = ablations.map(runs).reduce((a, b) => a.filter((run) => b.includes(run)));
    expect(common).toHaveLength(1);
    expect(runs("beta")).toContain(common[0]);
    for (const name of ["per-term", "natural", "hardest"]) {
      for (const run of runs(name)) expect(runs("sample-efficiency")).toContain(run);
    }
  });

  it("are identified by the settings that are not at their defaults, so that later settings do not rename them", () => {
    const configuration = resolveConfiguration([{ name: "test", values: { seed: 7, threads: 2, iterations: 3 } }]);
    expect(whatItIs(configuration)).toEqual({ iterations: 3 });
  });
});

it("an experiment's seeds are counted from its first one; a list names any", () => {
  const setting = { folder: "/runs", quick: false, only: [] };
  const chosen = (seeds: number | readonly number[] | undefined) => choose("claim", { ...setting, seeds }).seeds;
  expect([chosen(2), chosen([7, 2000]), chosen(undefined)[9]]).toEqual([[2000, 2001], [7, 2000], 2009]);
  const said = (seeds: number | readonly number[]) => commandOf(["claim"], { quick: false, seeds });
  expect([said(2), said([7]), said([7, 2000])]).toEqual(
    ["2", "7,", "7,2000"].map((seeds) => `npm run experiment -- claim --seeds ${seeds}`),
  );
});

describe("levels that are run later", () => {
  const experiment = readExperiment("claim");
  const requests = wishesOf(experiment, "/runs", [1, 2], false);
  const named = (arm: string, seed?: number): string[] =>
    requests
      .filter(
        ({ levels, configuration }) => levels["arm"] === arm && (seed ?? configuration.seed) === configuration.seed,
      )
      .map(({ name }) => name);
  const result = (...missing: readonly string[]) => {
    const there = new Set(requests.map(({ name }) => name).filter((name) => !missing.includes(name)));
    const { seeds, without } = comparable({ experiment, seeds: [1, 2], requests }, there);
    return { seeds, without: [...without] };
  };

  it("come after all others", () => {
    expect(requests.slice(-4).map(({ name }) => name)).toEqual(named("paper"));
    expect(named("paper")).toHaveLength(4);
  });

  it("are left out of a partial result until they have all of its seeds; others are needed for each seed", () => {
    expect(result()).toEqual({ seeds: [1, 2], without: [] });
    expect(result(...named("paper", 2))).toEqual({ seeds: [1, 2], without: ["arm paper"] });
    expect(result(...named("random", 2).slice(1), ...named("paper", 2))).toEqual({ seeds: [1], without: [] });
    expect(result(...named("random"))).toEqual({ seeds: [], without: [] });
  });
});

describe("the pages", () => {
  it("match the committed results: npm run experiment -- pages would change nothing", () => {
    const all = pages();
    expect(all.map(({ file }) => path.basename(file))).toEqual([
      ...names.map((name) => `${name}.md`),
      "EXPERIMENTS.md",
      "README.md",
    ]);
    for (const { file, found, wanted } of all) expect(found, `${file}: npm run experiment -- pages`).toBe(wanted);
  });

  it("begin with the code of their results where its questions are older, and only there", () => {
    for (const { file, found } of pages().slice(0, names.length)) {
      const summary = path.join(path.dirname(file), "../results", path.basename(file, ".md"), "summary.json");
      const isOld = existsSync(summary) && readExperimentSummary(summary).languageVersion < LANGUAGE_VERSION;
      const opening = /^# [^\n]+\n\n<!-- opening[^\n]*\n\nWith the code before [0-9a-f]{7}: /;
      expect(opening.test(found), file).toBe(isOld);
      expect(found.includes("With the code before"), file).toBe(isOld);
    }
  });

  it("withdraw the verdict on the paper's recipe where they depend on its arm before it was corrected", () => {
    for (const name of ["sample-efficiency", "reward", "ablation-policy", "beta"]) {
      const page = pages().find(({ file }) => path.basename(file) === `${name}.md`);
      const summary = readExperimentSummary(
        path.join(path.dirname(page?.file ?? ""), "../results", name, "summary.json"),
      );
      // It is above the question, and disappears once the experiment has been run again.
      const [before = ""] = page?.found.split("**Question.**") ?? [];
      const withdrawn = before.includes("**The earlier verdict on the paper's recipe was wrong.**");
      expect(withdrawn, name).toBe(summary.languageVersion < LANGUAGE_VERSION);
    }
  });

  it("name the command of their experiment, its method and its limits", () => {
    for (const { file, found } of pages().slice(0, names.length)) {
      const name = path.basename(file, ".md");
      expect(found).toContain(`npm run experiment -- ${name}`);
      for (const part of ["**Question.**", "**Method.**", "## Result", "## Limits"])
        expect(found, file).toContain(part);
      expect(found, `${file}: write what is left to write`).not.toContain(TO_WRITE);
    }
  });

  it("begin as a page that names what only the author knows", () => {
    const experiment = { ...readExperiment("beta"), name: "mine", title: "Mine", question: "Does it?" };
    const page = newPage(experiment);
    for (const part of ["# Mine\n", "**Question.** Does it?\n", "npm run experiment -- mine\n", "## Limits\n"])
      expect(page).toContain(part);
    expect(page.split(TO_WRITE)).toHaveLength(3);
    const written = experimentPage("mine.md", page, "mine", null);
    expect(written).toContain("The full setting has not been run yet.");
    expect(experimentPage("mine.md", written, "mine", null)).toBe(written);
  });

  it("are refused without the marks around results", () => {
    expect(() => inserted("page.md", "no marks", "result")).toThrow(/page\.md: lacks the marks/);
    const text = readFileSync(pages()[0]?.file ?? "", "utf8");
    expect(inserted("page.md", inserted("page.md", text, "one"), "two")).toBe(inserted("page.md", text, "two"));
  });
});

it("a table has the same cells in the terminal and on a page", () => {
  const table = {
    title: "T",
    head: ["level", "p"],
    rows: [
      ["a|b", "1"],
      ["long name", "22"],
    ],
  };
  expect(plainTable(table)).toBe("T\n\nlevel       p\na|b         1\nlong name  22");
  expect(markdownTable(table)).toBe("**T**\n\n| level | p |\n|---|--:|\n| a\\|b | 1 |\n| long name | 22 |");
});

it("the list of experiments is no error where its reader closes the pipe", async () => {
  expect(await command([], { unread: true })).toEqual({ code: 0, out: "", err: "" });
});
