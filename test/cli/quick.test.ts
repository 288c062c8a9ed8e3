import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Summary } from "../../trainer/run-format/summary.js";
import { rls3 } from "../runs/runs.js";

const parent = mkdtempSync(path.join(tmpdir(), "rls3-quick-"));
afterAll(() => rmSync(parent, { recursive: true }));

describe("rls3 compare --quick, with the bundled model", () => {
  const folder = path.join(parent, "quick");
  let summary: Summary;
  beforeAll(async () => {
    const { code, err, out } = await rls3("compare", "--quick", "--device", "cpu", "--json", "--out", folder);
    expect(code, err).toBe(0);
    summary = (JSON.parse(out) as { summary: Summary }).summary;
  }, 600_000);

  it("has two seeds of both arms, three iterations of 8 × 20 valid samples each", () => {
    expect(summary.seeds).toEqual([0, 1]);
    for (const runs of [summary.arms["rls3"], summary.arms["random"]]) {
      expect(runs?.map(({ curve }) => curve.map((point) => point.valid))).toEqual([
        [0, 160, 320, 480],
        [0, 160, 320, 480],
      ]);
    }
  });

  it("starts at chance: the bundled model has never seen a relation word", () => {
    for (const { curve } of Object.values(summary.arms).flat()) {
      expect(curve[0]?.accuracy.oneTerm).toBeGreaterThan(0.4);
      expect(curve[0]?.accuracy.oneTerm).toBeLessThan(0.6);
    }
  });

  it("shows an agent that has learned feasibility, and random placements at their calibrated share", () => {
    for (const { validRate } of summary.arms["random"] ?? []) {
      expect(validRate).toBeGreaterThan(0.4);
      expect(validRate).toBeLessThan(0.55);
    }
    for (const { validRate } of summary.arms["rls3"] ?? []) expect(validRate).toBeGreaterThan(0.7);
  });

  it("has the model learn: the fine-tuning loss falls", () => {
    const metrics = readFileSync(path.join(folder, "runs/rls3-0/metrics.csv"), "utf8").trimEnd().split("\n");
    const column = metrics[0]?.split(",").indexOf("fineTuneLoss") ?? -1;
    const losses = metrics.slice(2).map((row) => Number(row.split(",")[column]));
    expect(losses).toHaveLength(3);
    expect(losses[2]).toBeLessThan(losses[0] ?? 0);
  });
});
