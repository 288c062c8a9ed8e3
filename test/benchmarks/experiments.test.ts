import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { experimentNames } from "../../benchmarks/experiments/definition.js";
import { readExperimentSummary } from "../../benchmarks/experiments/results.js";
import { noSlurm, startCluster } from "../sweep/slurm-cluster.js";
import { temporaryFolder } from "../temporary.js";
import { type Ended, experiment } from "./run-experiment.js";

describe("all experiments at CI's size", () => {
  const folder = temporaryFolder("experiments");
  const results = path.join(folder, "quick");
  const file = (name: string, what: string): string => path.join(results, name, what);
  let ended: Ended;
  beforeAll(async () => {
    const interrupted = await experiment(["ablation-heads", "--quick", "--out", folder], { until: "iteration 1/" });
    expect(interrupted.code, interrupted.err).toBe(130);
    expect(existsSync(file("ablation-heads", "summary.json"))).toBe(false);
    ended = await experiment(["all", "--quick", "--out", folder]);
  }, 900_000);

  it("run, each to its table in 80 columns and its files, and say that quick numbers say nothing", () => {
    expect(ended.code, ended.err).toBe(0);
    // A path is not wrapped, however long, so that it can be copied.
    const lines = ended.out.split("\n").filter((line) => !line.startsWith("results: "));
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
    for (const name of experimentNames()) {
      expect(ended.out).toContain(`\n${name}: `);
      const summary = readExperimentSummary(file(name, "summary.json"));
      expect(summary.setting).toBe("quick");
      expect(summary.headline).not.toMatch(/NaN|undefined|Infinity/);
      expect(summary.tables.length).toBeGreaterThan(0);
      const cells = summary.tables.flatMap(({ rows }) => rows.flat());
      expect(cells.filter((cell) => /NaN|undefined|Infinity/.test(cell))).toEqual([]);
      const rows = readFileSync(file(name, "sweep.csv"), "utf8").trimEnd().split("\n");
      expect(rows).toHaveLength(1 + summary.runs);
      for (const picture of summary.pictures) expect(existsSync(file(name, picture))).toBe(true);
    }
    expect(ended.out).toContain("The quick setting shows that the code path works; its numbers say nothing.");
  });

  it("that were interrupted go on, to the same results", async () => {
    const other = temporaryFolder("experiments-whole");
    const whole = await experiment(["ablation-heads", "--quick", "--out", other]);
    expect(whole.code, whole.err).toBe(0);
    for (const what of ["sweep.csv", "curves.csv"]) {
      const text = readFileSync(path.join(other, "quick/ablation-heads", what), "utf8");
      expect(readFileSync(file("ablation-heads", what), "utf8")).toBe(text);
    }
  }, 240_000);

  it.skipIf(noSlurm !== null)(
    `come to the same, to the bit, on a Slurm cluster${noSlurm === null ? "" : ` (${noSlurm})`}`,
    async () => {
      const parent = temporaryFolder("experiments-slurm");
      const cluster = await startCluster(path.join(parent, "cluster"), "--nodes", "2", "--cpus", "1");
      try {
        const args = ["ablation-heads", "--quick", "--out", parent, "--executor", "slurm", "--slurm-mem", "1G"];
        const there = await experiment(args, { env: cluster.environment });
        expect(there.code, there.err).toBe(0);
        expect(there.err).toContain("slurm: submitted job");
      } finally {
        await cluster.stop();
      }
      for (const what of ["sweep.csv", "curves.csv"]) {
        const text = readFileSync(path.join(parent, "quick/ablation-heads", what), "utf8");
        expect(readFileSync(file("ablation-heads", what), "utf8")).toBe(text);
      }
    },
    240_000,
  );

  it("that are finished are only evaluated again", async () => {
    const before = readFileSync(file("beta", "summary.json"), "utf8");
    const again = await experiment(["beta", "--quick", "--out", folder]);
    expect(again.code, again.err).toBe(0);
    expect(again.err).toContain("beta: 2 runs, 2 of them done here, 0 from cells, 0 missing");
    expect(readFileSync(file("beta", "summary.json"), "utf8")).toBe(before);
    expect(before).not.toContain(folder);
  });

  it("are not collected: their numbers say nothing", async () => {
    const refused = await experiment(["collect", "beta", "--quick", "--out", folder]);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("is of the quick setting");
  });
});

describe("the command", () => {
  it("lists the experiments, and names the nearest to an unknown one", async () => {
    const listed = await experiment([]);
    for (const name of experimentNames()) expect(listed.out).toContain(`${name}: `);
    const mistaken = await experiment(["bta"]);
    expect(mistaken.code).toBe(2);
    expect(mistaken.err).toContain('there is no experiment "bta"; did you mean "beta"?');
  });

  it("prints what it would run, and runs nothing", async () => {
    const folder = temporaryFolder("experiments-plan");
    const planned = await experiment(["grid", "--plan", "--out", path.join(folder, "none")]);
    expect(planned.err).toContain("grid: 36 runs, 0 of them done here, 0 from cells, 36 missing");
    expect(planned.err).toMatch(/36 runs to do, \d+ at a time, about [\d.]+ (s|min|h|days) \(by a short probe\)/);
    expect(existsSync(path.join(folder, "none"))).toBe(false);
  });

  it("names the nearest executor, and refuses jobs that are no number", async () => {
    const mistaken = await experiment(["beta", "--quick", "--executor", "slrm"]);
    expect(mistaken.code).toBe(2);
    expect(mistaken.err).toContain('--executor: there is no "slrm"; did you mean "slurm"?');
    const none = await experiment(["beta", "--quick", "--jobs", "some"]);
    expect(none.code).toBe(2);
    expect(none.err).toContain("--jobs: takes a whole number from 1 on");
  });
});
