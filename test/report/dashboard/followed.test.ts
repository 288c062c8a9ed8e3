/** @file Tables that are read while they are written: whole rows only, each once, and anew after they were cut back. */
import { appendFile, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Followed } from "../../../trainer/report/dashboard/followed.js";
import { readWholeRows } from "../../../trainer/report/dashboard/watched-run.js";
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
const follow = (): Followed<readonly MetricsRow[]> => new Followed<readonly MetricsRow[]>(file, [], readWholeRows);
const iterations = (table: Followed<readonly MetricsRow[]>) => table.value.map((row) => row.iteration);

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
        expect(table.value).toEqual(parseMetrics(whole, file));
      }),
      { numRuns: 30 },
    );
  });

  it("is read again only when it has changed", async () => {
    let reads = 0;
    await writeFile(file, HEADER + line(0));
    const table = new Followed<readonly MetricsRow[]>(file, [], (found) => {
      reads += 1;
      return readWholeRows(found);
    });
    for (const expected of [1, 1, 2]) {
      if (expected === 2) await appendFile(file, line(1));
      await table.poll();
      expect(reads).toBe(expected);
    }
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
    expect(table.value.map(({ iteration, kl }) => [iteration, kl])).toEqual([
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
    await table.poll();
    expect([table.value.length, table.written]).toEqual([0, null]);
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
