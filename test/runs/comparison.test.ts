/** @file Comparisons as processes: two at once, and one with a run that is killed. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary.js";
import { rls3, start, tiny } from "./runs.js";

const parent = temporaryFolder("comparisons");
const words = (name: string, iterations: number): string[] => [
  ...["compare", ...tiny(iterations), "--arms", "random", "--seeds", "1", "--jobs", "1"],
  ...["--out", path.join(parent, name)],
];

describe("a comparison", () => {
  it("belongs to one of two processes that start at once; the other one reports it", async () => {
    const ended = await Promise.all([rls3(...words("twice", 1)), rls3(...words("twice", 1))]);
    expect(ended.map(({ code }) => code).sort(), ended.map(({ err }) => err).join("\n")).toEqual([0, 2]);
    expect(ended.find(({ code }) => code === 2)?.err).toMatch(/is writing to it|holds another run/);
    expect(existsSync(path.join(parent, "twice", ".lock"))).toBe(false);
    expect(existsSync(path.join(parent, "twice", "summary.json"))).toBe(true);
  }, 120_000);

  it.each(["SIGKILL", "SIGTERM"] as const)(
    "one of whose runs is ended by %s says which in a line, and goes on",
    async (signal) => {
      const folder = path.join(parent, signal);
      const comparison = start(...words(signal, 3));
      await comparison.said("random-0: iteration 1/");
      const lock = path.join(folder, "runs/random-0/.lock");
      process.kill(Number.parseInt(readFileSync(lock, "utf8"), 10), signal);
      const { code, err } = await comparison.ended;
      expect(code).toBe(3);
      expect(err).toMatch(new RegExp(`random-0: its process was killed by ${signal}.*--resume`));
      expect(err).not.toMatch(/\n\s+at /);
      const resumed = await rls3("compare", "--resume", folder);
      expect(resumed.code, resumed.err).toBe(0);
    },
    120_000,
  );
});
