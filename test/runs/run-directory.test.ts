import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError, UnavailableError } from "../../trainer/errors.js";
import { LANGUAGE_VERSION } from "../../trainer/language/index.js";
import { RunDirectory } from "../../trainer/runs/run-directory.js";

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(path.join(tmpdir(), "rls3-run-"));
  folder = path.join(parent, "run");
});
afterEach(() => rmSync(parent, { recursive: true }));

const nothing = { tensors: {} };

/** Row and checkpoint of so many iterations. */
function fill(directory: RunDirectory, iterations: number): void {
  for (let iteration = 0; iteration <= iterations; iteration++) {
    directory.append("metrics.csv", [{ iteration, generated: 10 * iteration, valid: iteration, accuracyFull: 1 / 3 }]);
    directory.saveCheckpoint(iteration, { state: { iteration }, ...nothing }, 2);
  }
}

describe("a run's folder", () => {
  it("is refused where it holds a run, or anything else", () => {
    RunDirectory.create(folder, {}).close();
    expect(() => RunDirectory.create(folder, {})).toThrow(/holds another run/);
    expect(() => RunDirectory.create(parent, {})).toThrow(/is not empty/);
    expect(() => RunDirectory.open(parent)).toThrow(/no config\.json/);
  });

  it("that a start killed before its configuration was written has left can be taken", () => {
    mkdirSync(folder);
    const ended = spawnSync(process.execPath, ["-e", ""]);
    writeFileSync(path.join(folder, ".lock"), String(ended.pid));
    writeFileSync(path.join(folder, "config.json.unfinished"), "{");
    RunDirectory.create(folder, { seed: 3 }).close();
    expect(readdirSync(folder).sort()).toEqual([
      "config.json",
      "episodes.csv",
      "log.jsonl",
      "metrics.csv",
      "timings.csv",
    ]);
  });

  it("is written to by one process at a time, and a dead one's lock is taken over", () => {
    const first = RunDirectory.create(folder, { languageVersion: LANGUAGE_VERSION });
    const lock = path.join(folder, ".lock");
    writeFileSync(lock, String(process.ppid));
    expect(() => RunDirectory.open(folder)).toThrow(InputError);
    const ended = spawnSync(process.execPath, ["-e", ""]);
    writeFileSync(lock, String(ended.pid));
    RunDirectory.open(folder).close();
    expect(existsSync(lock)).toBe(false);
    first.close();
  });

  it("is not gone on with by another version of the language, and left as it is", () => {
    RunDirectory.create(folder, { languageVersion: LANGUAGE_VERSION + 1 }).close();
    const before = readdirSync(folder);
    expect(() => RunDirectory.open(folder)).toThrow(`was made with version ${LANGUAGE_VERSION + 1} of the language`);
    expect(readdirSync(folder)).toEqual(before);
    rmSync(folder, { recursive: true });
    RunDirectory.create(folder, {}).close();
    expect(() => RunDirectory.open(folder)).toThrow("was made with version 1 (it names none) of the language");
  });

  it("is written to no more by a process that another one has taken over from, on a machine that saw it as dead", () => {
    const cutOff = RunDirectory.create(folder, {});
    fill(cutOff, 1);
    const before = readFileSync(path.join(folder, "metrics.csv"), "utf8");
    writeFileSync(path.join(folder, ".lock"), "1 another-machine");
    expect(() => cutOff.append("metrics.csv", [{ iteration: 2 }])).toThrow("another process has taken this run over");
    expect(() => cutOff.saveCheckpoint(2, { state: {}, ...nothing }, 2)).toThrow(UnavailableError);
    expect(readFileSync(path.join(folder, "metrics.csv"), "utf8")).toBe(before);
    cutOff.close();
    expect(existsSync(path.join(folder, ".lock"))).toBe(true);
  });

  it("keeps the last checkpoints only", () => {
    const directory = RunDirectory.create(folder, {});
    fill(directory, 4);
    expect(readdirSync(path.join(folder, "checkpoints"))).toEqual(["0003.safetensors", "0004.safetensors"]);
    directory.close();
  });

  it("resumes from the last checkpoint, with the rows after it cut off", () => {
    const directory = RunDirectory.create(folder, {});
    fill(directory, 2);
    const before = readFileSync(path.join(folder, "metrics.csv"), "utf8");
    directory.append("metrics.csv", [{ iteration: 3 }]);
    expect(directory.resume()).toEqual({ state: { iteration: 2 }, ...nothing });
    expect(readFileSync(path.join(folder, "metrics.csv"), "utf8")).toBe(before);
    expect(directory.rows("metrics.csv").at(-1)).toMatchObject({ generated: 20, accuracyFull: 1 / 3, kl: null });
    directory.close();
  });

  it("takes the checkpoint before one that is damaged, or whose rows are lost", () => {
    const directory = RunDirectory.create(folder, {});
    fill(directory, 2);
    truncateSync(path.join(folder, "checkpoints", "0002.safetensors"), 40);
    const warnings: string[] = [];
    const warn = (line: string): void => void warnings.push(line);
    expect(directory.resume<{ iteration: number }>(warn)?.state.iteration).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/0002\.safetensors is not usable.*cut short/)]);
    truncateSync(path.join(folder, "metrics.csv"), 30);
    expect(directory.resume(warn)).toBeNull();
    expect(warnings.at(-1)).toMatch(/no checkpoint is usable, so the run starts anew/);
    expect(directory.rows("metrics.csv")).toEqual([]);
    directory.close();
  });
});
