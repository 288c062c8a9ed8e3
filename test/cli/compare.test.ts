import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Summary } from "../../trainer/run-format/summary.js";
import { type Ended, resultFiles, rls3, start, startGroup, tiny } from "../runs/runs.js";

const parent = mkdtempSync(path.join(tmpdir(), "rls3-compare-"));
afterAll(() => rmSync(parent, { recursive: true }));

const args = (out: string): string[] => ["compare", ...tiny(2), "--seeds", "2", "--json", "--out", out];

describe("a comparison", () => {
  const folder = path.join(parent, "one");
  let ended: Ended;
  let summary: Summary;
  beforeAll(async () => {
    ended = await rls3(...args(folder));
    expect(ended.code, ended.err).toBe(0);
    summary = (JSON.parse(ended.out) as { summary: Summary }).summary;
  }, 240_000);

  it("prints the summary that it wrote, as one JSON document", () => {
    expect(JSON.parse(readFileSync(path.join(folder, "summary.json"), "utf8"))).toEqual(summary);
    expect(summary.seeds).toEqual([0, 1]);
    expect(Object.keys(summary.arms)).toEqual(["rls3", "random"]);
    expect(Object.keys(summary.pairs)).toEqual(["rls3-random"]);
  });

  it("gives each arm the same number of valid samples, and a point before and after each iteration", () => {
    for (const { curve } of Object.values(summary.arms).flat()) {
      expect(curve.map((point) => point.valid)).toEqual([0, 30, 60]);
      for (const { generated, valid } of curve) expect(generated).toBeGreaterThanOrEqual(valid);
    }
  });

  it("starts all arms from the same model and test set, and varies the rest with the seed", () => {
    const starts = Object.values(summary.arms).flatMap((runs) => runs.map(({ curve }) => curve[0]?.accuracy.oneTerm));
    expect(new Set(starts).size).toBe(1);
    const samples = (run: string): string => readFileSync(path.join(folder, "runs", run, "samples/0001.jsonl"), "utf8");
    expect(samples("random-0")).not.toBe(samples("random-1"));
  });

  it("says how many feasibility steps each arm had", () => {
    expect(summary.arms["rls3"]?.map((run) => run.feasibilitySteps)).toEqual([600, 600]);
    expect(summary.arms["random"]?.map((run) => run.feasibilitySteps)).toEqual([0, 0]);
  });

  it("prepares once, and writes nowhere else", () => {
    expect(readdirSync(folder).sort()).toEqual(["config.json", "report.html", "runs", "shared", "summary.json"]);
    for (const run of readdirSync(path.join(folder, "runs"))) {
      expect(existsSync(path.join(folder, "runs", run, "shared"))).toBe(false);
    }
  });

  it("that was interrupted goes on, to the same files", async () => {
    const again = path.join(parent, "two");
    const run = start(...args(again));
    await run.said("rls3-0: iteration 1/");
    run.child.kill("SIGINT");
    const stopped = await run.ended;
    expect(stopped.code, stopped.err).toBe(130);
    expect(stopped.err).toContain("rls3 compare --resume");
    expect(existsSync(path.join(again, "summary.json"))).toBe(false);
    const resumed = await rls3("compare", "--resume", again, "--json");
    expect(resumed.code, resumed.err).toBe(0);
    expect((JSON.parse(resumed.out) as { summary: Summary }).summary.arms).toEqual(summary.arms);
    for (const run of ["rls3-0", "rls3-1", "random-0", "random-1"]) {
      const [before, after] = [folder, again].map((one) => resultFiles(path.join(one, "runs", run)));
      expect([...(after?.keys() ?? [])]).toEqual([...(before?.keys() ?? [])]);
      for (const [name, bytes] of after ?? []) expect(bytes === before?.get(name), `${run}/${name}`).toBe(true);
    }
  }, 240_000);

  it("killed with all of its processes goes on, to a summary that is equal to the bit", async () => {
    const killed = path.join(parent, "killed");
    const run = startGroup(...args(killed));
    // Two runs are working: the first one is between iterations, the other anywhere.
    await run.said("rls3-0: iteration 1/");
    run.killGroup();
    expect((await run.ended).signal).toBe("SIGKILL");
    expect(existsSync(path.join(killed, "summary.json"))).toBe(false);
    const resumed = await rls3("compare", "--resume", killed, "--json");
    expect(resumed.code, resumed.err).toBe(0);
    const bytes = (one: string): string => readFileSync(path.join(one, "summary.json"), "utf8");
    expect(bytes(killed)).toBe(bytes(folder));
  }, 240_000);
});
