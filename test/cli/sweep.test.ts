import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse } from "csv-parse/sync";
import { beforeAll, describe, expect, it } from "vitest";
import { type Ended, resultFiles, rls3, startGroup, tiny } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

const parent = temporaryFolder("sweep");

const args = (out: string, ...more: readonly string[]): string[] => [
  ...["sweep", ...tiny(2), "--beta", "1,10", "--seeds", "1", "--no-estimate", "--out", out],
  ...more,
];
const table = (folder: string): string => readFileSync(path.join(folder, "sweep.csv"), "utf8");
const rows = (folder: string): Record<string, string>[] => parse(table(folder), { columns: true });

/** When each file of a cell was last written, by name. */
function times(cell: string): Map<string, number> {
  const entries = readdirSync(cell, { recursive: true, encoding: "utf8" });
  const files = entries.map((name) => [name, statSync(path.join(cell, name))] as const).filter(([, of]) => of.isFile());
  return new Map(files.map(([name, { mtimeMs }]) => [name, mtimeMs]));
}

describe("a sweep", () => {
  const folder = path.join(parent, "whole");
  let ended: Ended;
  beforeAll(async () => {
    ended = await rls3(...args(folder, "--json"));
    expect(ended.code, ended.err).toBe(0);
  }, 240_000);

  it("shows its plan before it starts, on standard error", () => {
    const [plan = "", run = ""] = ended.err.split("beta=1-0:");
    expect(run).not.toBe("");
    expect(plan).toContain("sweep:   2 cells in");
    expect(plan).toContain("varied:  beta 1, 10 · seeds 0");
    expect(plan).toContain("cells:   0 done, 0 resumed, 2 new");
    for (const line of plan.split("\n").filter((text) => !text.includes(parent))) {
      expect(line.length).toBeLessThanOrEqual(80);
    }
  });

  it("has a row for each cell and seed, keyed by what varies, and the same as JSON", () => {
    expect(rows(folder).map(({ extrinsicWeight, seed, cell }) => [extrinsicWeight, seed, cell])).toEqual([
      ["1", "0", "beta=1-0"],
      ["10", "0", "beta=10-0"],
    ]);
    const document = JSON.parse(ended.out) as { varied: string[]; cells: { outcome: Record<string, number> }[] };
    expect(document.varied).toEqual(["extrinsicWeight"]);
    for (const [i, row] of rows(folder).entries()) {
      const { outcome } = document.cells[i] ?? { outcome: {} };
      expect(outcome["valid"]).toBe(60);
      for (const [name, value] of Object.entries(outcome)) expect(Number(row[name]), name).toBe(value);
    }
  });

  it("prepares and learns feasibility once for all cells, and writes nowhere else", () => {
    const names = ["cells", "report.html", "shared", "sweep-summary.json", "sweep.csv", "sweep.json", "timings.csv"];
    expect(readdirSync(folder).sort()).toEqual(names);
    // Besides the agents, a folder named by a digest, in which the model's path counts.
    const [shared = "", ...others] = readdirSync(path.join(folder, "shared")).filter((name) => name !== "agents");
    expect(others).toEqual([]);
    expect(readdirSync(path.join(folder, "shared", shared)).sort()).toEqual(
      ["natural", "test", "transitions", "validation"].map((name) => `${name}.safetensors`),
    );
    expect(readdirSync(path.join(folder, "shared", "agents"))).toEqual([
      expect.stringMatching(/^feasible-[0-9a-f]{16}\.safetensors$/),
    ]);
    for (const cell of readdirSync(path.join(folder, "cells"))) {
      expect(existsSync(path.join(folder, "cells", cell, "shared"))).toBe(false);
    }
  });

  it("names for each cell the command that repeats it alone, to the same files", async () => {
    const [first] = rows(folder);
    const alone = path.join(parent, "alone");
    const words = first?.["command"]?.split(" ").slice(1) ?? [];
    expect(words.slice(0, 3)).toEqual(["train", "--beta", "1"]);
    const repeated = await rls3(...words, "--out", alone);
    expect(repeated.code, repeated.err).toBe(0);
    const [cell, again] = [resultFiles(path.join(folder, "cells/beta=1-0")), resultFiles(alone)];
    for (const [name, bytes] of cell) expect(again.get(name) === bytes, name).toBe(true);
  }, 240_000);

  it("killed with all of its processes goes on by the same command: done cells untouched, the table equal to the bit", async () => {
    const killed = path.join(parent, "killed");
    const run = startGroup(...args(killed, "--jobs", "1"));
    await run.said("beta=10-0: iteration 1/");
    run.killGroup();
    expect((await run.ended).signal).toBe("SIGKILL");
    const done = path.join(killed, "cells/beta=1-0");
    const before = times(done);
    const seen = await rls3(...args(killed, "--dry-run", "--json"));
    const { cells } = JSON.parse(seen.out) as { cells: { cell: string; state: string }[] };
    expect(cells.map(({ cell, state }) => [cell, state])).toEqual([
      ["beta=1-0", "done"],
      ["beta=10-0", "resumed"],
    ]);
    const resumed = await rls3(...args(killed));
    expect(resumed.code, resumed.err).toBe(0);
    expect(resumed.err).not.toContain("beta=1-0:");
    expect(resumed.err).not.toContain("beta=10-0: iteration 0/");
    expect(table(killed)).toBe(table(folder));
    expect(times(done)).toEqual(before);
  }, 240_000);

  it("refuses a finished cell whose rows were changed by hand, before it runs anything", async () => {
    const changed = path.join(parent, "changed");
    cpSync(folder, changed, { recursive: true });
    const file = path.join(changed, "cells/beta=1-0/metrics.csv");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^1,/m, "1,1"));
    const { code, err } = await rls3(...args(changed));
    expect(code, err).toBe(2);
    expect(err).toMatch(/beta=1-0.metrics\.csv/);
  }, 60_000);

  it("that is finished runs nothing again", async () => {
    const cells = path.join(folder, "cells");
    const before = times(cells);
    const again = await rls3(...args(folder));
    expect(again.code, again.err).toBe(0);
    expect(again.err).toContain("nothing is left to run");
    expect(again.out).toContain("results:");
    expect(times(cells)).toEqual(before);
  });

  it("accepts more cells in the same folder, and keeps those that it has, whatever is varied later", async () => {
    const states = async (...flags: string[]): Promise<string[][]> => {
      const { code, err, out } = await rls3(...args(folder, "--dry-run", "--json", ...flags));
      expect(code, err).toBe(0);
      const { cells } = JSON.parse(out) as { cells: { cell: string; state: string }[] };
      return cells.map(({ cell, state }) => [cell, state]);
    };
    expect(await states("--eta", ".25,.5")).toEqual([
      ["beta=1_eta=0.25-0", "new"],
      ["beta=1-0", "done"],
      ["beta=10_eta=0.25-0", "new"],
      ["beta=10-0", "done"],
    ]);
  });

  it("varies a setting that is on or off", async () => {
    const out = path.join(parent, "switch");
    const flags = ["--dry-run", "--json", "--early-stopping=true,false"];
    const { code, err, out: plan } = await rls3(...args(out, ...flags).filter((word) => !/^(--beta|1,10)$/.test(word)));
    expect(code, err).toBe(0);
    const { cells } = JSON.parse(plan) as { cells: { cell: string }[] };
    expect(cells.map(({ cell }) => cell)).toEqual(["earlyStopping=true-0", "earlyStopping=false-0"]);
  });

  it("refuses a command whose fixed settings are not those of the folder's cells, in one line", async () => {
    const before = times(folder);
    const words = args(folder);
    words[words.indexOf("--epochs") + 1] = "2";
    const { code, err, out } = await rls3(...words);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    expect(err).toContain("epochs 1, and this one has 2");
    expect(times(folder)).toEqual(before);
  });
});

describe("an impossible sweep gives one line on standard error, exit code 2, and leaves nothing behind", () => {
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ["an unknown flag", ["--bta", "1,2"], "did you mean --beta?"],
    ["a value of the wrong type", ["--beta", "1,ten"], '--beta: must be a number, not "ten"'],
    ["an unknown executor", ["--beta", "1,2", "--executor", "lokal"], 'did you mean "local"?'],
    ["a file that is not there", ["--config", "nowhere.yaml"], "cannot read nowhere.yaml"],
    ["a model that is not there", ["--beta", "1,2", "--vlm", "nowhere"], "nowhere"],
  ];
  it.each(cases)("%s", async (_name, flags, expected) => {
    const out = path.join(parent, "never");
    const ended = await rls3("sweep", "--device", "cpu", "--no-estimate", "--quiet", "--out", out, ...flags);
    expect(ended.code, ended.err).toBe(2);
    expect(ended.out).toBe("");
    expect(ended.err.trimEnd().split("\n")).toHaveLength(1);
    expect(ended.err).toContain(expected);
    expect(existsSync(out)).toBe(false);
  });
});
