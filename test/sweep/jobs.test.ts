import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TIMING_COLUMNS } from "../../trainer/runs/run-directory.js";
import { estimate, sideBySide } from "../../trainer/sweep/estimate.js";
import { ASSUMED_MIB, jobsFor } from "../../trainer/sweep/jobs.js";
import { merge } from "../../trainer/sweep/merge.js";
import { planSweep } from "../../trainer/sweep/plan.js";
import { temporaryFolder } from "../temporary.js";

const folder = temporaryFolder("jobs");

const cells = (count: number, threads = 1) => Array.from({ length: count }, () => ({ configuration: { threads } }));
const plenty = { cores: 8, freeMiB: 64 * 1024 };

describe("how many cells run at a time", () => {
  it("depends on cores, a run's threads, and the number of cells", () => {
    expect(jobsFor(cells(20), [], null, plenty).count).toBe(8);
    expect(jobsFor(cells(20, 4), [], null, plenty).count).toBe(2);
    expect(jobsFor(cells(3), [], null, plenty).count).toBe(3);
  });

  it("depends on free memory and the memory of a run, as measured in finished cells where there are any", () => {
    expect(jobsFor(cells(20), [], null, { cores: 8, freeMiB: 4 * ASSUMED_MIB })).toMatchObject({
      ...{ count: 3, measured: false },
    });
    const usages = [{ peakMiB: 300 }, { peakMiB: 500 }];
    expect(jobsFor(cells(20), usages, null, { cores: 8, freeMiB: 2000 })).toMatchObject({
      ...{ count: 3, peakMiB: 500, measured: true },
    });
  });

  it("is at least one, and --jobs where that is given", () => {
    expect(jobsFor(cells(20), [], null, { cores: 1, freeMiB: 10 }).count).toBe(1);
    expect(jobsFor(cells(20), [], 5, { cores: 1, freeMiB: 10 }).count).toBe(5);
  });
});

describe("the time of several cells at a time", () => {
  it("is between a fair share and one after the other, and never less than the longest", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 9 }),
        (all, jobs) => {
          const [sum, most] = [all.reduce((a, b) => a + b), Math.max(...all)];
          const time = sideBySide(all, jobs);
          expect(time).toBeGreaterThanOrEqual(Math.max(most, sum / jobs));
          expect(time).toBeLessThanOrEqual(sum / jobs + most);
          if (jobs === 1) expect(time).toBe(sum);
        },
      ),
    );
  });
});

describe("an estimate from finished cells", () => {
  const iterations = 4;
  const { file } = merge(
    folder,
    "rls3 sweep",
    null,
    planSweep({
      base: [{ name: "test", values: { iterations, earlyStopping: false } }],
      grid: { eta: [0.25, 0.5, 1], E: [16, 32] },
      seeds: [0],
    }),
  );
  const [done, bigger, ...rest] = file.cells;
  if (done === undefined || bigger === undefined) throw new Error("a grid has cells");
  // Seconds on an imaginary machine: 10 before the loop, 8 per iteration, 2 for the process.
  const line = (row: Partial<Record<(typeof TIMING_COLUMNS)[number], number>>): string =>
    TIMING_COLUMNS.map((column) => row[column] ?? "").join(",");
  const rows = [
    TIMING_COLUMNS.join(","),
    line({ iteration: 0, agent: 8, evaluation: 1.5, checkpoint: 0.5, total: 10 }),
    ...Array.from({ length: iterations }, (_, i) =>
      line({
        ...{ iteration: i + 1, episodes: 1, score: 1, agent: 0.8, fineTuning: 3.2, evaluation: 1.5 },
        checkpoint: 0.5,
        total: 8,
      }),
    ),
  ];
  mkdirSync(done.folder, { recursive: true });
  writeFileSync(path.join(done.folder, "timings.csv"), `${rows.join("\n")}\n`);
  appendFileSync(
    path.join(done.folder, "log.jsonl"),
    `${JSON.stringify({ seconds: 44, cpuSeconds: 40, peakMiB: 400, host: "made-up", msg: "process" })}\n`,
  );
  const of = (...cells: readonly (typeof done)[]) => estimate(cells, [done], 1, new AbortController().signal);

  it("gives a cell of the same settings the time that one took", async () => {
    const { total, from } = await of(done);
    expect(total).toBeCloseTo(44, 6);
    expect(from).toBe("1 finished cell here");
  });

  it("scales each phase by its own work: twice the episodes are twice the samples, not twice the evaluation", async () => {
    // Samples and fine-tuning are 5.2 s of the 8.
    expect((await of(bigger)).total).toBeCloseTo(44 + iterations * 5.2, 6);
    const more = rest.find(
      ({ configuration }) => configuration.samplingRate === 0.5 && configuration.episodesPerIteration === 16,
    );
    if (more === undefined) throw new Error("the grid has η .5 at E 16");
    expect((await of(more)).total).toBeCloseTo(44 + iterations * 3.2, 6);
  });

  it("counts the rest of a cell that has begun", async () => {
    mkdirSync(bigger.folder, { recursive: true });
    writeFileSync(path.join(bigger.folder, "metrics.csv"), "iteration\n0\n1\n2\n");
    expect((await of(bigger)).total).toBeCloseTo(0.4 * (44 + iterations * 5.2), 6);
  });
});
