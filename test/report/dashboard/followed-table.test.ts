/** @file Tables that are read while they are written: whole rows only, each once, and anew after they were cut back. */
import { appendFile, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FollowedTable } from "../../../trainer/report/dashboard/followed-table.js";
import { type MetricsRow, parseMetrics } from "../../../trainer/run-format/readers.js";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "rls3-table-"));
  file = path.join(folder, "metrics.csv");
});
afterEach(() => rm(folder, { recursive: true }));

const HEADER = "iteration,generated,valid,feasibilitySteps,kl\n";
const line = (iteration: number, kl = 1.5): string => `${iteration},${40 * iteration},${30 * iteration},100,${kl}\n`;
const follow = (): FollowedTable<MetricsRow> => new FollowedTable(file, parseMetrics);
const iterations = (table: FollowedTable<MetricsRow>) => table.rows.map((row) => row.iteration);

describe("a table that grows", () => {
  it("has each whole row once, however the bytes come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 }), fc.nat(6), async (cuts, rows) => {
        const whole = HEADER + Array.from({ length: rows }, (_, i) => line(i)).join("");
        await writeFile(file, "");
        const table = follow();
        let at = 0;
        for (const cut of [...cuts, whole.length]) {
          await appendFile(file, whole.slice(at, at + cut));
          at += cut;
          await table.poll();
          const complete = Math.max(0, whole.slice(0, at).split("\n").length - 2);
          expect(iterations(table)).toEqual(Array.from({ length: complete }, (_, i) => i));
          expect(table.problem).toBeNull();
        }
        expect(table.rows).toEqual(parseMetrics(whole, file));
      }),
      { numRuns: 30 },
    );
  });

  it("says whether anything is new", async () => {
    await writeFile(file, HEADER + line(0));
    const table = follow();
    expect(await table.poll()).toBe(true);
    expect(await table.poll()).toBe(false);
    await appendFile(file, line(1));
    expect(await table.poll()).toBe(true);
    expect(iterations(table)).toEqual([0, 1]);
  });
});

describe("a table that was cut back", () => {
  it("is read anew, also where it has grown past its old end since", async () => {
    await writeFile(file, HEADER + line(0) + line(1) + line(2));
    const table = follow();
    await table.poll();
    await truncate(file, (HEADER + line(0)).length);
    await appendFile(file, line(1, 2.5) + line(2, 2.5) + line(3, 2.5));
    await table.poll();
    expect(table.rows.map(({ iteration, kl }) => [iteration, kl])).toEqual([
      [0, 1.5],
      [1, 2.5],
      [2, 2.5],
      [3, 2.5],
    ]);
    await truncate(file, (HEADER + line(0)).length);
    await table.poll();
    expect(iterations(table)).toEqual([0]);
  });

  it("is empty where it is gone, and there again when it comes back", async () => {
    await writeFile(file, HEADER + line(0));
    const table = follow();
    await table.poll();
    await rm(file);
    expect(await table.poll()).toBe(true);
    expect([table.rows.length, table.written]).toEqual([0, null]);
    await writeFile(file, HEADER + line(0) + line(1));
    await table.poll();
    expect(iterations(table)).toEqual([0, 1]);
  });
});

describe("a table that is damaged", () => {
  it("keeps what was read before, names the place, and goes on once it is mended", async () => {
    await writeFile(file, HEADER + line(0));
    const table = follow();
    await table.poll();
    await appendFile(file, "1,40,high,100,\n");
    await table.poll();
    expect(iterations(table)).toEqual([0]);
    expect(table.problem).toContain('column "valid": "high" is not a number');
    await writeFile(file, HEADER + line(0) + line(1));
    await table.poll();
    expect(iterations(table)).toEqual([0, 1]);
    expect(table.problem).toBeNull();
  });
});
