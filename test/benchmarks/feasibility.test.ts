import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

interface Result {
  readonly seeds: Readonly<Record<string, readonly number[]>>;
  readonly lastTenth: { readonly mean: number; readonly seeds: readonly number[] };
  readonly settings: Readonly<Record<string, unknown>>;
}

describe("the feasibility command", () => {
  const folder = temporaryFolder("feasibility-command");
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, ["dist/benchmarks/feasibility.js", ...args, "--quiet", "--out", folder], {
      cwd: root,
      encoding: "utf8",
    });
  const small = ["--seeds", "3,4", "--feasibility-steps", "2000", "--feasibility-updates", "8"];

  it("gives a curve for each seed, and the same again from stored results", () => {
    const first = run(...small, "--json");
    expect(first.stderr).toBe("");
    const { seeds, lastTenth, settings } = JSON.parse(first.stdout) as Result;
    expect(Object.keys(seeds)).toEqual(["3", "4"]);
    for (const curve of Object.values(seeds)) {
      expect(curve).toHaveLength(2);
      for (const share of curve) expect(share).toBeGreaterThan(0.3);
    }
    expect(lastTenth.seeds).toHaveLength(2);
    expect(settings).toMatchObject({ view: "objects", feasibilitySteps: 2000 });
    const again = run(...small);
    expect(again.stdout).toMatch(/^seed 3, % valid in each 5000 steps: \d\d\nseed 4, .*\nlast tenth: \d\d\.\d %/);
    const shown = JSON.parse(run(...small, "--json", "--partial").stdout) as Result;
    expect(shown.seeds).toEqual(seeds);
    const begun = JSON.parse(run(...small, "--json", "--partial", "--view", "flat").stdout) as Result;
    expect(begun.seeds).toEqual({ "3": [], "4": [] });
  }, 120_000);

  it("reports what is wrong with its flags", () => {
    const wrong = run("--view", "round");
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toBe('feasibility: --view: is one of flat, objects, not "round"\n');
  });
});

it("the committed curve shows the paper's agent learning feasibility from nothing: three seeds above 80 % within 100k steps", () => {
  const file = path.join(root, "benchmarks/results/feasibility/objects.json");
  expect(existsSync(file)).toBe(true);
  const { seeds, settings } = JSON.parse(readFileSync(file, "utf8")) as Result;
  expect(Object.keys(seeds)).toHaveLength(3);
  expect(settings["feasibilitySteps"]).toBe(100_000);
  for (const curve of Object.values(seeds)) {
    expect(curve).toHaveLength(100);
    expect(curve[0]).toBeLessThan(0.65);
    const end = curve.slice(-10);
    expect(end.reduce((sum, share) => sum + share, 0) / end.length).toBeGreaterThan(0.8);
  }
});
