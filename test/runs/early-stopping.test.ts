import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { rls3, tiny } from "./runs.js";

const parent = mkdtempSync(path.join(tmpdir(), "rls3-early-stopping-"));
afterAll(() => rmSync(parent, { recursive: true }));

/** A rate at which nothing is learned: validation accuracy stays what it was before the first iteration. */
const still = (iterations: number): string[] => [
  ...tiny(iterations),
  ...["--agent", "random", "--learning-rate", "1e-12", "--patience", "2"],
];

describe("early stopping", () => {
  it("ends a run after the set number of iterations without a better validation accuracy, and keeps the best adapter", async () => {
    const out = path.join(parent, "stopped");
    const ended = await rls3("train", ...still(5), "--json", "--out", out);
    expect(ended.code, ended.err).toBe(0);
    expect(JSON.parse(ended.out)).toMatchObject({ iteration: 2, finished: "validation plateau" });
    expect(existsSync(path.join(out, "adapter", "adapter_config.json"))).toBe(true);
  });

  it("refuses a longer plan to a run whose last iteration reached the plateau, too", async () => {
    const out = path.join(parent, "both");
    const ended = await rls3("train", ...still(2), "--json", "--out", out);
    expect(ended.code, ended.err).toBe(0);
    expect(JSON.parse(ended.out)).toMatchObject({ iteration: 2, finished: "all iterations done" });
    const longer = await rls3("train", "--resume", out, "--iterations", "5");
    expect(longer.code).toBe(2);
    expect(longer.err).toMatch(/ended on a validation plateau in iteration 2/);
  });

  it("does not apply to a run with a budget of valid samples, which ends after the iteration that reaches it", async () => {
    const out = path.join(parent, "budget");
    const own = ["--no-early-stopping", "--valid-samples", "31", "--agent", "random", "--json", "--out", out];
    const ended = await rls3("train", ...tiny(1), ...own);
    expect(ended.code, ended.err).toBe(0);
    expect(JSON.parse(ended.out)).toMatchObject({ iteration: 2, valid: 60, finished: "all valid samples made" });
    expect(ended.err).toContain("iteration 2/2:");
  });

  it("can be turned off", async () => {
    const ended = await rls3(
      "train",
      ...still(5),
      "--no-early-stopping",
      "--json",
      "--out",
      path.join(parent, "whole"),
    );
    expect(ended.code, ended.err).toBe(0);
    expect(JSON.parse(ended.out)).toMatchObject({ iteration: 5, finished: "all iterations done" });
  });
});
