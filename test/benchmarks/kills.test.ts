/** @file The parts of `npm run kills`; the command itself takes minutes. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { type Command, FOLDER, wordsFor } from "../../benchmarks/kills/commands.js";
import { difference, digests } from "../../benchmarks/kills/files.js";
import { planTrial, WAYS } from "../../benchmarks/kills/plan.js";
import { endAll, marked } from "../../benchmarks/kills/processes.js";
import { killsByWay, render, rowsOf } from "../../benchmarks/kills/table.js";
import { oneStart, type Trial } from "../../benchmarks/kills/trial.js";
import { temporaryFolder } from "../temporary.js";

const trial = (command: Command, kills: number, wrong: string | null = null): Trial => ({
  ...{ number: 1, command, unkilledSeconds: null, waits: 0, equal: wrong === null, difference: wrong },
  kills: Array.from({ length: kills }, () => ({
    ...({ way: "group", victim: "group", seconds: 1, after: "", ended: "was ended by SIGKILL" } as const),
  })),
});

describe("a trial's plan", () => {
  it("depends only on the seed and the trial's number", () => {
    expect(planTrial(3, 5, [], 100)).toEqual(planTrial(3, 5, [], 100));
    expect(planTrial(3, 5, [], 100)).not.toEqual(planTrial(4, 5, [], 100));
    expect(planTrial(3, 5, [], 100).kills).not.toEqual(planTrial(3, 6, [], 100).kills);
  });

  it("takes the command with the fewest kills for its weight, train for half of them", () => {
    expect(planTrial(0, 1, [], 100).command).toBe("train");
    expect(planTrial(0, 2, [trial("train", 3)], 100).command).toBe("compare");
    expect(planTrial(0, 3, [trial("train", 3), trial("compare", 2)], 100).command).toBe("sweep");
    expect(planTrial(0, 4, [trial("train", 3), trial("compare", 2), trial("sweep", 2)], 100).command).toBe("train");
  });

  it("has moments over the whole time, ways by their shares, and no more kills than remain", () => {
    const kills = Array.from({ length: 2000 }, (_, number) => planTrial(0, number, [], 100).kills).flat();
    const moments = kills.map(({ moment }) => moment);
    expect(Math.min(...moments)).toBeLessThan(0.01);
    expect(Math.max(...moments)).toBeGreaterThan(0.99);
    expect(Math.max(...moments)).toBeLessThan(1);
    expect(moments.reduce((a, b) => a + b) / moments.length).toBeCloseTo(0.5, 1);
    for (const { name, share } of WAYS) {
      expect(kills.filter(({ way }) => way === name).length / kills.length).toBeCloseTo(share, 1);
    }
    expect(WAYS.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    for (let number = 0; number < 50; number++) expect(planTrial(0, number, [], 2).kills.length).toBeLessThanOrEqual(2);
  });
});

describe("a command that is continued", () => {
  it("is resumed where it has begun; a sweep is started by the same words", () => {
    const place = temporaryFolder("kills");
    expect(wordsFor("train", place)).toEqual(expect.arrayContaining(["train", "--seed", "7", "--out", FOLDER]));
    mkdirSync(path.join(place, FOLDER));
    const sweep = wordsFor("sweep", place);
    expect(wordsFor("train", place)[1]).not.toBe("--resume");
    writeFileSync(path.join(place, FOLDER, "config.json"), "{}");
    expect(wordsFor("train", place)).toEqual(["train", "--resume", FOLDER]);
    expect(wordsFor("compare", place)).toEqual(["compare", "--resume", FOLDER]);
    expect(wordsFor("sweep", place)).toEqual(sweep);
  });
});

describe("two folders", () => {
  const folder = (files: Readonly<Record<string, string>>): ReadonlyMap<string, string> => {
    const made = temporaryFolder("kills");
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(made, name)), { recursive: true });
      writeFileSync(path.join(made, name), text);
    }
    return digests(made);
  };
  const reference = folder({ "metrics.csv": "1", "runs/a/timings.csv": "2", "runs/a/episodes.csv": "3" });

  it("are equal except for clock times", () => {
    const other = { "metrics.csv": "1", "runs/a/timings.csv": "5", "runs/a/episodes.csv": "3", "log.jsonl": "{}" };
    expect(difference(reference, folder(other))).toBeNull();
  });

  it("differ by a byte, a missing file, or an extra one", () => {
    const files = { "metrics.csv": "1", "runs/a/episodes.csv": "3" };
    expect(difference(reference, folder({ ...files, "metrics.csv": "2" }))).toBe("metrics.csv differs");
    expect(difference(reference, folder({ "metrics.csv": "1" }))).toBe("runs/a/episodes.csv is missing");
    expect(difference(reference, folder({ ...files, ".lock": "4" }))).toBe(".lock is left over");
  });
});

it("the table counts trials and kills by command, and names what differs", () => {
  const trials = [trial("train", 3), trial("train", 1, "metrics.csv differs"), trial("sweep", 2)];
  expect(rowsOf(trials)).toEqual([
    { name: "train", trials: 2, kills: 4, equal: 1, differing: 1 },
    { name: "compare", trials: 0, kills: 0, equal: 0, differing: 0 },
    { name: "sweep", trials: 1, kills: 2, equal: 1, differing: 0 },
    { name: "all", trials: 3, kills: 6, equal: 2, differing: 1 },
  ]);
  expect(killsByWay(trials)).toEqual({ group: 6, process: 0, term: 0, interrupt: 0 });
  expect(render(trials)).toContain("trial 1, train: metrics.csv differs");
});

describe.skipIf(process.platform !== "linux")("a start", () => {
  it("is killed at its moment, with its last output and its end recorded, and leaves no process", async () => {
    const place = temporaryFolder("kills");
    const kill = { way: "group", moment: 0.5, pick: 0 } as const;
    const start = await oneStart("train", kill, place, { seconds: 1 }, new AbortController().signal);
    expect(start.ended).toEqual({ code: null, signal: "SIGKILL" });
    expect(start.kill).toMatchObject({ way: "group", victim: "group", ended: "was ended by SIGKILL" });
    expect(start.kill?.seconds).toBeGreaterThanOrEqual(0.5);
    await endAll(place);
    expect(marked(place)).toEqual([]);
  });
});
