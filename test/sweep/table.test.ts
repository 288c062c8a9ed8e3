import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import { at } from "../../trainer/at.js";
import { writeTensorFile } from "../../trainer/files/tensor-file.js";
import { METRIC_COLUMNS } from "../../trainer/run-format/columns.js";
import { merge } from "../../trainer/sweep/merge.js";
import { planSweep } from "../../trainer/sweep/plan.js";
import type { PlannedCell } from "../../trainer/sweep/plan-file.js";
import { OUTCOME_COLUMNS, renderTable, sweepTable, tableColumns, writeTable } from "../../trainer/sweep/table.js";
import { temporaryFolder } from "../temporary.js";

const folder = temporaryFolder("table");

interface Point {
  readonly generated: number;
  readonly valid: number;
  readonly oneTerm: number;
}

/** A finished run, with the files that the table reads. */
function finish({ folder: run }: PlannedCell, curve: readonly Point[]): void {
  mkdirSync(run, { recursive: true });
  const lines = curve.map(({ generated, valid, oneTerm }, iteration) => {
    const row: Partial<Record<string, number>> = {
      ...{ iteration, generated, valid, feasibilitySteps: 100, accuracyFull: oneTerm + 0.1, accuracyOneTerm: oneTerm },
      ...(iteration === 0 ? {} : { score: 2 + iteration, naturalOneTerm: 0.6, naturalFull: 0.7 }),
    };
    return METRIC_COLUMNS.map((column) => row[column] ?? "").join(",");
  });
  writeFileSync(path.join(run, "metrics.csv"), `${[METRIC_COLUMNS.join(","), ...lines].join("\n")}\n`);
  const { generated, valid } = at(curve, curve.length - 1);
  const state = {
    iteration: curve.length - 1,
    generated,
    valid,
    terms: {},
    best: null,
    finished: "all iterations done",
  };
  writeTensorFile(path.join(run, "checkpoints", `000${curve.length - 1}.safetensors`), {}, { state });
}

describe("sweep.csv", () => {
  const { file } = merge(
    folder,
    "rls3 sweep",
    null,
    planSweep({ base: [], grid: { beta: [10, 2], earlyStopping: [false] }, seeds: [0, 1] }),
  );
  const [slow, fast, later, unfinished] = file.cells;
  if (slow === undefined || fast === undefined || later === undefined || unfinished === undefined) {
    throw new Error("two values and two seeds are four cells");
  }
  finish(slow, [
    { generated: 0, valid: 0, oneTerm: 0.5 },
    { generated: 100, valid: 50, oneTerm: 0.6 },
    { generated: 200, valid: 100, oneTerm: 0.7 },
    { generated: 300, valid: 150, oneTerm: 0.74 },
  ]);
  finish(fast, [
    { generated: 0, valid: 0, oneTerm: 0.5 },
    { generated: 75, valid: 75, oneTerm: 0.8 },
    { generated: 160, valid: 150, oneTerm: 0.9 },
  ]);
  finish(later, [
    { generated: 0, valid: 0, oneTerm: 0.5 },
    { generated: 400, valid: 120, oneTerm: 0.6 },
  ]);

  it("has finished cells only, from low to high values, then by seed", async () => {
    const { rows } = await sweepTable(file);
    expect(rows.map(({ cell }) => cell)).toEqual([fast.name, slow.name, later.name]);
    expect(rows.map(({ seed, settings }) => [settings.extrinsicWeight, seed])).toEqual([
      [2, 0],
      [10, 0],
      [10, 1],
    ]);
  });

  it("tells how each ended: means of the last three points, gain per iteration, share of valid placements", async () => {
    const { rows } = await sweepTable(file);
    const outcome = rows.find(({ cell }) => cell === slow.name)?.outcome;
    expect(outcome).toMatchObject({
      ...{ iterations: 3, generated: 300, valid: 150, validRate: 0.5, feasibilitySteps: 100, meanScore: 4 },
      ...{ accuracyOneTermBefore: 0.5, accuracyFullBefore: 0.6, naturalOneTerm: 0.6, naturalFull: 0.7 },
    });
    expect(outcome?.accuracyOneTerm).toBeCloseTo((0.6 + 0.7 + 0.74) / 3, 12);
    expect(outcome?.accuracyOneTermFinal).toBe(0.74);
    expect(outcome?.accuracyFull).toBeCloseTo((0.7 + 0.8 + 0.84) / 3, 12);
    expect(outcome?.gainPerIteration).toBeCloseTo(((0.6 + 0.7 + 0.74) / 3 - 0.5) / 3, 12);
  });

  it("compares all cells at the smallest number of valid samples that they have, and of generated ones", async () => {
    const { rows, common } = await sweepTable(file);
    expect(common).toEqual({ valid: 120, generated: 160 });
    const at = new Map(rows.map(({ cell, outcome }) => [cell, outcome]));
    // Between 100 and 150 valid samples, and between 100 and 200 generated ones.
    expect(at.get(slow.name)?.accuracyOneTermAtValid).toBeCloseTo(0.7 + 0.04 * 0.4, 12);
    expect(at.get(slow.name)?.accuracyOneTermAtGenerated).toBeCloseTo(0.6 + 0.1 * 0.6, 12);
    expect(at.get(fast.name)?.accuracyOneTermAtGenerated).toBeCloseTo(0.9, 12);
  });

  it("can be read by any CSV reader, has full names as keys, and no clock times", async () => {
    writeTable(folder, await sweepTable(file));
    const written = readFileSync(path.join(folder, "sweep.csv"), "utf8");
    const rows: Record<string, string>[] = parse(written, { columns: true });
    expect(Object.keys(rows[0] ?? {})).toEqual(tableColumns(["extrinsicWeight", "earlyStopping"], false));
    expect(Object.keys(rows[0] ?? {})).toEqual(expect.arrayContaining(["extrinsicWeight", "seed", ...OUTCOME_COLUMNS]));
    expect(rows.map(({ earlyStopping }) => earlyStopping)).toEqual(["false", "false", "false"]);
    expect(rows[1]?.["command"]).toBe("rls3 train --beta 10 --no-early-stopping");
    expect(rows[2]?.["command"]).toBe("rls3 train --beta 10 --no-early-stopping --seed 1");
    expect(written).toBe(renderTable(await sweepTable(file)));
  });

  it("has only its header for a sweep without a finished cell", async () => {
    const { varied } = file;
    const empty = await sweepTable({ varied, cells: [unfinished] });
    expect(renderTable(empty).trimEnd().split("\n")).toHaveLength(1);
  });
});
