/** @file rls3 report and the terminal's table, from runs on disk; the command is run as its own process. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderReport } from "../../trainer/report/html/report.js";
import { rebuildSummary } from "../../trainer/report/rebuild.js";
import { renderTerminal, wrap } from "../../trainer/report/terminal.js";
import { readSummary } from "../../trainer/run-format/readers.js";
import type { Summary } from "../../trainer/run-format/summary.js";
import { writeComparison } from "./fixture.js";

let root: string;
let folder: string;
let written: Summary;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "rls3-rebuild-"));
  folder = path.join(root, "comparison");
  const arms = [
    { name: "rls3", speed: 0.4, validRate: 0.9 },
    { name: "paper", speed: 0.3, validRate: 0.8 },
    { name: "random", speed: 0.3, validRate: 0.47 },
  ];
  written = await writeComparison(folder, { seeds: 2, iterations: 4, samples: 6, arms });
});
afterAll(() => rm(root, { recursive: true }));

describe("rebuilding", () => {
  it("gives the summary that the comparison wrote, and writes it", async () => {
    await rebuildSummary(folder);
    expect(await readSummary(folder)).toEqual(written);
  });

  it("follows the runs where they have changed, and works without the old summary", async () => {
    await rm(path.join(folder, "summary.json"));
    const rebuilt = await rebuildSummary(folder);
    expect(rebuilt?.pairs).toEqual(written.pairs);
    expect(Object.keys(rebuilt?.arms ?? {})).toEqual(["rls3", "paper", "random"]);
    expect(rebuilt?.commit).toBe(written.commit);
    await rm(path.join(folder, "random-1001"), { recursive: true });
    expect((await rebuildSummary(folder))?.pairs["rls3-random"]?.accuracyAt[0]).toMatchObject({ seeds: 1, p: null });
  });

  it("names unfinished runs and leaves them out; arms without a common finished seed are not compared", async () => {
    const other = path.join(root, "interrupted");
    const whole = await writeComparison(other, { seeds: 3, iterations: 4, samples: 0 });
    const cut = async (name: string) => {
      const file = path.join(other, name, "metrics.csv");
      const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
      await writeFile(file, `${lines.slice(0, -2).join("\n")}\n`);
    };
    await cut("rls3-1002");
    const summary = await rebuildSummary(other);
    expect(summary?.unfinished).toEqual(["rls3-1002"]);
    const [before, after] = [whole, summary].map((one) => one?.pairs["rls3-random"]?.accuracyAt[1]);
    expect(after).toMatchObject({ seeds: 2, samples: before?.samples });
    expect(summary && renderTerminal(summary).replaceAll("\n", " ")).toContain(
      "1 of 6 runs have not finished and are not counted: rls3-1002.",
    );
    await renderReport(other);
    expect(await readFile(path.join(other, "report.html"), "utf8")).toContain("are not counted: rls3-1002.");
    for (const name of ["rls3-1001", "random-1000"]) await cut(name);
    const apart = await rebuildSummary(other);
    expect(apart?.pairs).toEqual({});
    expect(apart && renderTerminal(apart).replaceAll("\n", " ")).toContain(
      "have no finished seed in common, and are not compared.",
    );
    await renderReport(other);
    for (const name of ["rls3-1000", "random-1001", "random-1002"]) await cut(name);
    await expect(rebuildSummary(other)).rejects.toThrow("none of its 6 runs has finished yet");
  });

  it("names what is wrong with a damaged summary", async () => {
    await writeFile(path.join(folder, "summary.json"), JSON.stringify({ ...written, schema: 2 }));
    await expect(rebuildSummary(folder)).rejects.toThrow('summary.json, field "schema"');
    await writeFile(path.join(folder, "summary.json"), "{");
    await expect(rebuildSummary(folder)).rejects.toThrow("summary.json is not JSON");
  });
});

const main = fileURLToPath(new URL("../../trainer/cli/main.js", import.meta.url));
const report = (...args: readonly string[]) =>
  spawnSync(process.execPath, [main, "report", ...args], { encoding: "utf8" });

describe("rls3 report", () => {
  it("writes report.html and prints the table, or one JSON document", async () => {
    const other = path.join(root, "command");
    await writeComparison(other, { seeds: 2, iterations: 2, samples: 6 });
    const printed = report(other);
    expect([printed.stderr, printed.status]).toEqual(["", 0]);
    expect(printed.stdout).toContain("paired t-test");
    expect(await readFile(path.join(other, "report.html"), "utf8")).toContain("</html>");
    const { summary } = JSON.parse(report(other, "--json").stdout) as { summary: Summary };
    expect(summary).toEqual(await readSummary(other));
  });

  it("refuses a folder that does not exist, before it writes anything", () => {
    const missing = report(path.join(root, "nowhere"));
    expect(missing.status).toBe(2);
    expect(missing.stderr).toContain("nowhere: does not exist; name the folder of a run, a comparison or a sweep");
  });
});

describe("the terminal's table", () => {
  it("has every arm and pair, in at most 80 columns", () => {
    const text = renderTerminal(written);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    for (const arm of ["rls3", "paper", "random"]) expect(text).toMatch(new RegExp(`^${arm} +[\\d,]+ +2,560 `, "m"));
    expect(text).toContain("the paper's agent");
    expect(text).toContain("only 2 seeds: too few for a claim");
  });

  it("wraps at spaces without losing a word", () => {
    const text = Array.from({ length: 60 }, (_, i) => "x".repeat(1 + (i % 13))).join(" ");
    expect(wrap(text).split(/\s/)).toEqual(text.split(" "));
  });
});
