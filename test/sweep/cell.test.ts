import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { silent } from "../../trainer/progress.js";
import { finishedState } from "../../trainer/runs/run.js";
import { iterationsIn } from "../../trainer/runs/run-directory.js";
import { PLAN_FILE, type PlannedCell, writeSweepFile } from "../../trainer/sweep/plan-file.js";
import { openSweep } from "../../trainer/sweep/sweep.js";
import { sweepTable } from "../../trainer/sweep/table.js";
import { usageOf } from "../../trainer/sweep/usage.js";
import { root, TINY_MODEL } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

const folder = temporaryFolder("cell");

const settings = {
  ...{ vlm: TINY_MODEL, device: "cpu", E: 3, T0: 10, batchSize: 8, iterations: 3, epochs: 1, replayCapacity: 4000 },
  ...{ feasibilitySteps: 600, feasibilityUpdates: 20, updatesPerIteration: 20, earlyStopping: false },
  ...{ testImagesPerRelation: 1, validationImagesPerRelation: 1, naturalImages: 4 },
};

/** A cell's process as a cluster's job starts it: only its log takes its output. */
function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [path.join(root, "dist/trainer/sweep/cell.js"), ...args], { cwd: root });
  let out = "";
  let err = "";
  let heard: () => void = () => undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    heard();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, out, err })),
  );
  const said = (text: string) =>
    new Promise<void>((resolve) => {
      heard = () => out.includes(text) && resolve();
      heard();
    });
  return { child, ended, said };
}

describe("a cell's process", () => {
  const plan = path.join(folder, PLAN_FILE);
  let cell: PlannedCell;
  beforeAll(async () => {
    const request = { base: [{ name: "test", values: settings }], seeds: [5] };
    const { file } = await openSweep(request, { folder, command: "test", progress: silent });
    writeSweepFile(folder, file);
    const [only] = file.cells;
    if (only === undefined) throw new Error("a sweep of one seed has a cell");
    cell = only;
  });

  it("asked to end, ends with 130 and keeps its last checkpoint; started again it goes on, and a finished one is left alone", async () => {
    const first = start(plan, "0");
    await first.said("iteration 1/3");
    first.child.kill("SIGTERM");
    expect(await first.ended).toMatchObject({ code: 130, err: "interrupted\n" });
    const before = iterationsIn(cell.folder);
    expect(before).toBeGreaterThanOrEqual(2);
    expect(finishedState(cell.folder)).toBeNull();
    expect((await sweepTable({ varied: [], cells: [cell] })).rows).toEqual([]);

    const second = await start(plan, "0").ended;
    expect(second.code, second.err).toBe(0);
    expect(second.out).not.toContain("iteration 1/3");
    expect(finishedState(cell.folder)?.iteration).toBe(3);
    const log = readFileSync(path.join(cell.folder, "log.jsonl"), "utf8");

    expect(await start(plan, "0").ended).toEqual({ code: 0, out: "", err: "" });
    expect(readFileSync(path.join(cell.folder, "log.jsonl"), "utf8")).toBe(log);

    // Both processes have logged what they used; the time besides the iterations is starting and closing.
    const usage = usageOf(cell.folder);
    expect(usage?.attempts).toBe(2);
    expect(usage?.seconds).toBeGreaterThan(usage?.runSeconds ?? Number.POSITIVE_INFINITY);
    expect(usage?.peakMiB).toBeGreaterThan(50);

    // Of a first process that was killed nothing is known but that it was there.
    const killed = path.join(folder, "killed");
    mkdirSync(killed);
    const lines = log.split("\n");
    const itsEnd = lines.findIndex((line) => line.includes('"msg":"process"'));
    writeFileSync(path.join(killed, "log.jsonl"), lines.filter((_, i) => i !== itsEnd).join("\n"));
    expect(usageOf(killed)).toMatchObject({ attempts: 2, seconds: null, cpuSeconds: null });
  }, 240_000);

  it("reports in one line what is wrong with its arguments, with 2", async () => {
    for (const [args, message] of [
      [[plan, "7"], "has 1 cells, and none of index 7"],
      [[path.join(folder, "nowhere.json"), "0"], "cannot be read"],
      [[plan], "takes PLANFILE INDEX"],
    ] as const) {
      const { code, err } = await start(...args).ended;
      expect(code, err).toBe(2);
      expect(err).toContain(message);
      expect(err.trimEnd().split("\n")).toHaveLength(1);
    }
  });
});
