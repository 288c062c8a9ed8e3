import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { differenceSince, refusals } from "../../benchmarks/experiments/acceptance.js";
import {
  cellFile,
  type RunRecord,
  readCellFile,
  worldDigest,
  writeCellFile,
} from "../../benchmarks/experiments/cell-files.js";
import { wishesOf } from "../../benchmarks/experiments/cells.js";
import { collectWhole } from "../../benchmarks/experiments/collect.js";
import { readExperiment } from "../../benchmarks/experiments/definition.js";
import { CURVE_COLUMNS, type CurveRow } from "../../benchmarks/experiments/measures.js";
import { experimentPage, listRow, openRunsTable } from "../../benchmarks/experiments/pages.js";
import { combinationOf, firstDifference, keepRepeat, readRepeats } from "../../benchmarks/experiments/repeats.js";
import { type ExperimentSummary, readExperimentSummary } from "../../benchmarks/experiments/results.js";
import { CHANGES, codeBefore } from "../../benchmarks/experiments/versions.js";
import { LANGUAGE_VERSION } from "../../trainer/language/index.js";
import { loadCatalog } from "../../trainer/rooms/index.js";
import { provenance } from "../../trainer/runs/provenance.js";
import { temporaryFolder } from "../temporary.js";
import { experiment } from "./run-experiment.js";

/** An experiment with an analysis that needs more of a run than its curve. */
const NAME = "hardest";
const [first = "", second = ""] = wishesOf(readExperiment(NAME), "/runs", [1000], true).map((request) => request.name);

function recordIn(file: string): RunRecord {
  const cell = readCellFile(file);
  if (cell.kind === "damaged") throw new Error(`${file}: ${cell.why}`);
  return cell.record;
}

const runsIn = (folder: string): string[] => {
  const cells = path.join(folder, "quick/runs/cells");
  return existsSync(cells) ? readdirSync(cells) : [];
};

describe("an experiment that was interrupted after its first run", () => {
  const [machine1, machine2, whole] = ["one", "two", "whole"].map((name) => temporaryFolder(`cells-${name}`)) as [
    string,
    string,
    string,
  ];
  const results = temporaryFolder("cells-results");
  const none = path.join(results, "none");
  const file = cellFile(results, NAME, first);
  const collectInto = (into: string, out: string, ...more: readonly string[]) =>
    experiment(["collect", NAME, "--partial", "--quick", "--out", out, "--results", into, ...more]);
  const collect = (out: string, ...more: readonly string[]) => collectInto(results, out, ...more);
  /** A checkout with uncommitted changes makes cells that count only where they are accepted. */
  let accepted: readonly string[] = [];
  let collected = "";

  beforeAll(async () => {
    const args = [NAME, "--quick", "--jobs", "1", "--out", machine1, "--results", none];
    const interrupted = await experiment(args, { until: `${second}: iteration 1/` });
    expect(interrupted.code, interrupted.err).toBe(130);
    const both = await Promise.all([collect(machine1), collect(machine1)]);
    for (const { code, err } of both) expect([0, 2], err).toContain(code);
    for (const { code, err } of both) if (code === 2) expect(err).toMatch(/process \d+ is writing to it/);
    collected = readFileSync(file, "utf8");
    const { commit } = recordIn(file);
    accepted = /^[0-9a-f]{40}$/.test(commit) ? [] : ["--accept-commit", commit];
  }, 120_000);

  it("is collected by its finished run alone; two collects at once, and one more, leave the same file", async () => {
    const again = await collect(machine1);
    expect(again.code, again.err).toBe(0);
    expect(again.out).toContain(`${NAME}: 0 cells new, 1 of 2 there; no result yet: no seed has all its cells`);
    expect(readdirSync(path.join(results, NAME))).toEqual(["cells"]);
    expect(readdirSync(path.dirname(file))).toEqual([`${first}.json`]);
    expect(readFileSync(file, "utf8")).toBe(collected);
    expect(collected.length).toBeLessThan(10_000);
    expect(collected).not.toContain(machine1);
  });

  it("needs no further run for the arm that is done, asked for with --only", async () => {
    const only = await experiment(
      [NAME, "--quick", "--only", "arm=rls3", "--out", machine1].concat(["--results", none]),
    );
    expect(only.code, only.err).toBe(0);
    expect(only.err).toContain(`${NAME}: those of --only are done, 1 of 2 runs`);
    expect(existsSync(path.join(machine1, "quick", NAME))).toBe(false);
    const wrong = await experiment([NAME, "--quick", "--only", "arm=rls", "--out", machine1]);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain("--only arm=rls: hardest has no such level; it has arm=rls3, arm=random");
    const collecting = await collect(machine1, "--only", "arm=rls3");
    expect(collecting.code).toBe(2);
    expect(collecting.err).toContain("leave out --only");
  });

  it("is planned elsewhere with its missing runs, like an experiment that shares the run", async () => {
    const args = ["--plan", "--quick", "--out", machine2, "--results", results, ...accepted];
    const planned = await experiment([NAME, "natural", ...args]);
    expect(planned.code, planned.err).toBe(0);
    for (const name of [NAME, "natural"]) {
      expect(planned.err).toContain(`${name}: 2 runs, 0 of them done here, 1 from cells, 1 missing`);
    }
    expect(runsIn(machine2)).toEqual([]);
  });

  it("goes on elsewhere with the missing runs", async () => {
    const rest = await experiment([NAME, "--quick", "--out", machine2, "--results", results, ...accepted]);
    expect(rest.code, rest.err).toBe(0);
    expect(runsIn(machine2)).toEqual([second]);
  }, 60_000);

  it("gives there the tables and pictures of an uninterrupted run, to the bit", async () => {
    const inOneGo = await experiment([NAME, "--quick", "--out", whole, "--results", none]);
    expect(inOneGo.code, inOneGo.err).toBe(0);
    expect(runsIn(whole).sort()).toEqual([first, second].sort());
    const files = readdirSync(path.join(whole, "quick", NAME));
    expect(files).toContain("sweep.csv");
    for (const name of files) {
      const [there, here] = [machine2, whole].map((folder) => readFileSync(path.join(folder, "quick", NAME, name)));
      expect(there?.equals(here ?? Buffer.of()), name).toBe(true);
    }
  }, 120_000);

  it("is collected there too: the new cell, and the result with its number of cells", async () => {
    const all = await collect(machine2, ...accepted);
    expect(all.out, all.err).toContain(
      `${NAME}: 1 cells new, 2 of 2 there; result rests on 2 of 2 cells, 1 of 1 seeds`,
    );
    expect(readFileSync(file, "utf8")).toBe(collected);
    const more = await collect(machine2, "--seeds", "1000,1001", ...accepted);
    expect(more.out, more.err).toContain(`0 cells new, 2 of 4 there; result rests on 2 of 4 cells, 1 of 2 seeds`);
    const { cells, seeds, tables } = readExperimentSummary(path.join(results, NAME, "summary.json"));
    expect({ cells, seeds }).toEqual({ cells: { finished: 2, of: 4 }, seeds: [1000] });
    expect(tables).toEqual(readExperimentSummary(path.join(whole, "quick", NAME, "summary.json")).tables);
  }, 60_000);

  it("is refused elsewhere, naming the cell, where the cell is damaged, or has another language or commit", async () => {
    const other = temporaryFolder("cells-refused");
    const spoiled = cellFile(other, NAME, first);
    const plan = (...more: readonly string[]) =>
      experiment([NAME, "--quick", "--plan", "--out", path.join(other, "runs"), "--results", other, ...more]);
    const refused = async (message: RegExp): Promise<void> => {
      const { code, err } = await plan(...accepted);
      expect(code, err).toBe(2);
      expect(err).toContain(`${first}.json`);
      expect(err).toMatch(message);
      expect(runsIn(path.join(other, "runs"))).toEqual([]);
    };
    const record = recordIn(file);
    writeCellFile(spoiled, record);
    writeFileSync(spoiled, readFileSync(spoiled, "utf8").replace('"seed": 1000', '"seed": 1001'));
    await refused(/damaged or changed by hand: its digest is not that of its content/);
    writeCellFile(spoiled, { ...record, languageVersion: LANGUAGE_VERSION - 1 });
    await refused(new RegExp(`made with version ${LANGUAGE_VERSION - 1} of the language`));
    const commit = "0123456789".repeat(4);
    writeCellFile(spoiled, { ...record, commit });
    await refused(/made at commit 0123456, which git does not have here.*--accept-commit 0123456/);
    const saved = await collectInto(other, machine2, ...accepted);
    expect(saved.code, saved.err).toBe(2);
    expect(saved.out).toContain(`${NAME}: 1 cells new, 1 of 2 there; no result: 1 cells are refused`);
    expect(existsSync(cellFile(other, NAME, second))).toBe(true);
    const accepting = await plan("--accept-commit", "0123456", ...accepted);
    expect(accepting.err).toContain(`${NAME}: 2 runs, 0 of them done here, 2 from cells, 0 missing`);
  }, 60_000);

  it("repeats its run where the cell comes from an experiment with fewer measures", async () => {
    const other = temporaryFolder("cells-less");
    writeCellFile(cellFile(other, "natural", first), { ...recordIn(file), measures: {} });
    const args = ["--quick", "--plan", "--out", path.join(other, "runs"), "--results", other, ...accepted];
    const { code, err } = await experiment([NAME, "natural", ...args]);
    expect(code, err).toBe(0);
    expect(err.replace(/\s+/g, " ")).toContain(
      `${first}.json lacks what the analysis "${NAME}" needs from a run's folder`,
    );
    expect(err).toContain(`${NAME}: 2 runs, 0 of them done here, 0 from cells, 2 missing`);
    expect(err).toContain("natural: 2 runs, 0 of them done here, 1 from cells, 1 missing");
  });

  it("does not put cells of the quick setting among the committed ones", async () => {
    const { code, err } = await experiment(["collect", NAME, "--partial", "--quick", "--out", machine1]);
    expect(code).toBe(2);
    expect(err).toContain("name another folder with --results");
  });
});

/** A run as today's code would have left it. */
function madeUp(changes: Partial<RunRecord> = {}): RunRecord {
  const row = Object.fromEntries(CURVE_COLUMNS.map((column) => [column, column === "iteration" ? 0 : 0.1 + 0.2]));
  return {
    name: wishesOf(readExperiment("beta"), "", [100], false)[0]?.name ?? "",
    levels: { β: "1" },
    settings: wishesOf(readExperiment("beta"), "", [100], false)[0]?.settings ?? {},
    seed: 100,
    commit: "a".repeat(40),
    languageVersion: LANGUAGE_VERSION,
    world: { name: "rooms", digest: worldDigest(loadCatalog("rooms").document) },
    versions: {},
    machine: { cpu: "one" },
    date: "2026-11-29",
    rows: [row as unknown as CurveRow, { ...(row as unknown as CurveRow), hardness: null }],
    measures: { some: { value: 1 / 3 } },
    ...changes,
  };
}

describe("a cell file", () => {
  const folder = temporaryFolder("cell-files");

  it("gives back every number as it was, a line for each row of the curve", () => {
    const record = madeUp();
    const file = cellFile(folder, "beta", record.name);
    writeCellFile(file, record);
    expect(recordIn(file)).toEqual(record);
    const lines = readFileSync(file, "utf8").split("\n");
    expect(lines.filter((line) => line.startsWith("  [0,"))).toHaveLength(2);
  });

  it("is not read where its name, settings and seed belong to different runs", () => {
    const file = cellFile(folder, "grid", madeUp().name);
    writeCellFile(file, madeUp({ seed: 101 }));
    expect(readCellFile(file)).toMatchObject({
      kind: "damaged",
      why: expect.stringContaining("is named as another run"),
    });
    writeFileSync(file, "<<<<<<< ours\n");
    expect(readCellFile(file)).toMatchObject({ kind: "damaged", why: expect.stringContaining("cannot be read") });
  });
});

describe("a cell counts", () => {
  const git = (...args: string[]): string =>
    spawnSync("git", args, { cwd: import.meta.dirname, encoding: "utf8" }).stdout?.trim() ?? "";
  const oldest = git("rev-list", "--max-parents=0", "HEAD").split("\n")[0] ?? "";
  const head = git("rev-parse", "HEAD");
  const changed =
    git("status", "--porcelain", "--", ":/trainer", ":/protocol", ":/unity-project/Packages/com.rls3.gym/Catalog~") !==
    "";

  it.skipIf(head === "" || changed)("at this commit", () => {
    expect(refusals([], [])(madeUp({ commit: head }))).toBeNull();
    expect(refusals([], [])(madeUp({ commit: head, versions: { onnxruntime: "0.9.0" } }))).toMatch(
      /^was made with onnxruntime 0\.9\.0, and \d/,
    );
  });

  it.skipIf(oldest === "" || oldest === head)(
    "not at a commit since which the algorithm has changed, unless that is accepted",
    () => {
      const record = madeUp({ commit: oldest });
      expect(refusals([], [])(record)).toMatch(
        /of another version of the algorithm; .* repeat NAME .* --accept-commit [0-9a-f]{7}; or remove the file/,
      );
      expect(refusals([oldest.slice(0, 7)], [])(record)).toBeNull();
    },
  );

  it("not from files that differ from their commit, unless those are accepted", () => {
    const record = madeUp({ commit: `${head || "a".repeat(40)}+` });
    expect(refusals([], [])(record)).toContain("its files differed from that commit");
    expect(refusals([record.commit.slice(0, 7)], [])(record)).not.toBeNull();
    expect(refusals([`${record.commit.slice(0, 7)}+`], [])(record)).toBeNull();
    expect(refusals([], [])(madeUp({ commit: "unknown" }))).toContain("at no known commit");
    expect(() => refusals(["HEAD"], [])).toThrow(/--accept-commit: takes a commit/);
  });

  it.skipIf(oldest === "" || oldest === head || changed)(
    "at another commit where a run of its settings was repeated with the same numbers at this one",
    () => {
      const record = madeUp({ commit: oldest });
      const repeat = {
        ...{ commit: oldest, combination: combinationOf(record), sameAt: head, run: record.name },
        ...{ measures: ["some"], machine: record.machine, date: record.date },
        onnxruntime: provenance().versions["onnxruntime"] ?? "",
      };
      expect(refusals([], [{ ...repeat, onnxruntime: "0.9.0" }])(record)).not.toBeNull();
      expect(refusals([], [{ ...repeat, measures: [] }])(record)).not.toBeNull();
      expect(refusals([], [repeat])(record)).toBeNull();
      expect(refusals([], [{ ...repeat, combination: "random-0badf00d" }])(record)).not.toBeNull();
      expect(refusals([], [{ ...repeat, sameAt: oldest }])(record)).not.toBeNull();
      expect(refusals([], [{ ...repeat, commit: head }])(record)).not.toBeNull();
    },
  );

  it("at a commit since which a file only moved, but not once its content changes", () => {
    const checkout = temporaryFolder("moved");
    const inIt = (...args: string[]): string =>
      spawnSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], { cwd: checkout, encoding: "utf8" })
        .stdout;
    const commitAll = (): string => {
      inIt("add", "-A");
      inIt("commit", "-q", "-m", "one more");
      return inIt("rev-parse", "HEAD").trim();
    };
    inIt("init", "-q");
    mkdirSync(path.join(checkout, "old"));
    for (const name of ["a", "b"]) writeFileSync(path.join(checkout, "old", name), `the world ${name}\n`.repeat(20));
    const before = commitAll();
    mkdirSync(path.join(checkout, "new"));
    for (const name of ["a", "b"]) inIt("mv", `old/${name}`, `new/${name}`);
    commitAll();
    const difference = () => differenceSince(before, ["old", "new"], checkout);
    expect(difference()).toBeNull();
    writeFileSync(path.join(checkout, "new/b"), "the world b, a line shorter\n".repeat(19));
    expect(difference()).toContain("of another version of the algorithm");
  });

  it("and its repeats are stored beside it, one per combination; invalid content is reported", () => {
    const record = madeUp({ commit: "0".repeat(40) });
    const repeat = {
      ...{ commit: record.commit, combination: combinationOf(record), sameAt: "1".repeat(40), run: record.name },
      ...{ measures: [], machine: record.machine, date: record.date, onnxruntime: "1.30.0" },
    };
    const results = temporaryFolder("repeats");
    keepRepeat(results, repeat);
    keepRepeat(results, { ...repeat, sameAt: "2".repeat(40) });
    keepRepeat(results, { ...repeat, combination: "paper-0badf00d" });
    expect(readRepeats(results).map(({ sameAt }) => sameAt[0])).toEqual(["2", "1"]);
    writeFileSync(path.join(results, "repeats.json"), "[{}]");
    expect(() => readRepeats(results)).toThrow(/repeats.json: field "\[0\].commit"/);
  });

  it("and a repeat only counts as the same where every number is equal", () => {
    const record = madeUp();
    const [first, ...rest] = record.rows;
    if (first === undefined) throw new Error("a cell has rows");
    expect(firstDifference(record, record)).toBeNull();
    expect(firstDifference({ ...record, rows: [{ ...first, testScore: null }, ...rest] }, record)).toBeNull();
    expect(firstDifference(record, { ...record, rows: [{ ...first, valid: -1 }, ...rest] })).toMatch(
      /^valid of iteration 0/,
    );
    expect(firstDifference(record, { ...record, rows: rest })).toMatch(/rows, now/);
    expect(firstDifference(record, { ...record, measures: { some: { value: 0 } } })).toMatch(
      /the analysis "some" measured/,
    );
    expect(firstDifference(record, { ...record, measures: {} })).toBeNull();
  });

  it("not from another version of its world, whatever is accepted", () => {
    const record = madeUp({ world: { name: "rooms", digest: "0" } });
    expect(refusals([record.commit], [])(record)).toContain('another version of the world "rooms"');
  });
});

const summaryOf = (changes: Partial<ExperimentSummary> = {}): ExperimentSummary => ({
  ...{ schema: 2, experiment: "beta", title: "", question: "", command: "c", setting: "full", date: "2026-11-29" },
  ...{ machine: {}, machines: [{ cpu: "one" }, { cpu: "two" }], commits: ["a".repeat(40), `${"b".repeat(40)}+`] },
  ...{ languageVersion: LANGUAGE_VERSION, cells: { finished: 12, of: 30 }, seeds: [1], runs: 12, settings: {} },
  ...{ factors: {}, headline: "found", sentences: [], tables: [], pictures: [], data: {} },
  ...changes,
});

describe("a result", () => {
  it("that is collected whole replaces the earlier one, and leaves the cells", () => {
    const [folder, results] = [temporaryFolder("collect-from"), temporaryFolder("collect-to")];
    const summary = { ...summaryOf(), experiment: "beta" };
    mkdirSync(path.join(folder, "beta"));
    writeFileSync(path.join(folder, "beta/summary.json"), JSON.stringify(summary));
    writeCellFile(cellFile(results, "beta", madeUp().name), madeUp());
    writeFileSync(path.join(results, "beta/old.png"), "");
    collectWhole("beta", folder, results);
    expect(readdirSync(path.join(results, "beta")).sort()).toEqual(["cells", "summary.json"]);
    expect(recordIn(cellFile(results, "beta", madeUp().name))).toEqual(madeUp());
    const more = JSON.stringify({ ...summary, cells: { finished: 13, of: 30 } });
    writeFileSync(path.join(results, "beta/summary.json"), more);
    expect(() => collectWhole("beta", folder, results)).toThrow(
      /rests on fewer cells than the result in .* \(13\), which stays/,
    );
    expect(readFileSync(path.join(results, "beta/summary.json"), "utf8")).toBe(more);
    writeFileSync(path.join(folder, "beta/summary.json"), JSON.stringify({ ...summary, languageVersion: 1 }));
    expect(() => collectWhole("beta", folder, results)).toThrow(/made with version 1 of the language/);
    expect(readFileSync(path.join(results, "beta/summary.json"), "utf8")).toBe(more);
  });

  it("that is damaged is refused, naming file and field", () => {
    const file = path.join(temporaryFolder("damaged-summary"), "summary.json");
    writeFileSync(file, JSON.stringify({ ...summaryOf(), seeds: "all" }));
    expect(() => readExperimentSummary(file)).toThrow(`${file}, field "seeds": `);
    writeFileSync(file, "{");
    expect(() => readExperimentSummary(file)).toThrow(`${file} is not JSON`);
  });

  it("from before there were cells counts as whole, with the first version of the questions", () => {
    const file = path.join(temporaryFolder("old-summary"), "summary.json");
    const { cells: _cells, languageVersion: _language, machines: _machines, ...old } = summaryOf({ runs: 25 });
    writeFileSync(file, JSON.stringify({ ...old, schema: 1 }));
    expect(readExperimentSummary(file)).toMatchObject({ cells: { finished: 25, of: 25 }, languageVersion: 1 });
  });
});

describe("a page", () => {
  const file = "page.md";
  const text = `# Title

<!-- opening, written by npm run experiment -- pages -->

<!-- end of opening -->

Words.

<!-- written by npm run experiment -- pages -->

<!-- end -->
`;
  it("with older results begins with their code, right below its title; one with new results does not", () => {
    const [old, fresh] = [LANGUAGE_VERSION - 1, LANGUAGE_VERSION].map((languageVersion) =>
      summaryOf({ languageVersion }),
    );
    const withOpening = experimentPage(file, text, "beta", old ?? null);
    expect(withOpening).toMatch(/^# Title\n\n<!-- opening[^\n]*\n\nWith the code before [0-9a-f]{7}: /);
    const without = experimentPage(file, withOpening, "beta", fresh ?? null);
    expect(without).not.toContain("With the code before");
    expect(experimentPage(file, without, "beta", old ?? null)).toBe(withOpening);
    expect(listRow("beta", "", old ?? null)).toMatch(/\| With the code before [0-9a-f]{7}: Found \|$/);
    expect(listRow("beta", "", fresh ?? null)).toMatch(/\| Found \|$/);
    expect(() => experimentPage(file, text.replace("<!-- opening", "Words.\n\n<!-- opening"), "beta", null)).toThrow(
      /right below its title/,
    );
  });

  it("says how many of how many cells it uses, with every commit and machine", () => {
    for (const said of [experimentPage(file, text, "beta", summaryOf()), listRow("beta", "", summaryOf())]) {
      expect(said).toContain("rests on 12 of 30 cells");
      expect(said).toContain("aaaaaaa, bbbbbbb+");
      expect(said).toContain("one, ? cores, ? GiB; two, ? cores, ? GiB");
    }
  });

  it("knows the commit of every version of the language", () => {
    expect(CHANGES.map(({ language }) => language)).toEqual(
      Array.from({ length: LANGUAGE_VERSION - 1 }, (_, i) => i + 2),
    );
    expect(codeBefore(LANGUAGE_VERSION)).toBeNull();
  });

  it("lists the experiments that lack cells, with the command that continues them", () => {
    const results = temporaryFolder("open-runs");
    expect(openRunsTable(results)).toContain("| beta | 0 of 25 | `npm run experiment -- beta` |");
    writeCellFile(cellFile(results, "beta", madeUp().name), madeUp());
    expect(openRunsTable(results)).toContain(
      "| beta | 1 of 25 | `npm run experiment -- repeat beta`, then `npm run experiment -- beta` |",
    );
  });
});
