import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
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
const CONFIG = {
  command: "rls3 train",
  languageVersion: LANGUAGE_VERSION,
  seed: 3,
  configuration: { learningRate: 0.25, iterations: 4 },
  worldCatalog: { name: "w".repeat(80) },
};
const unexpected = (line: string): void => {
  throw new Error(line);
};

const logged = (): unknown[] =>
  readFileSync(path.join(folder, "log.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly msg: unknown }).msg);

/** Rows and checkpoints of this many iterations. */
function fill(directory: RunDirectory, iterations: number): void {
  for (let iteration = 0; iteration <= iterations; iteration++) {
    directory.append("metrics.csv", [{ iteration, generated: 10 * iteration, valid: iteration, accuracyFull: 1 / 3 }]);
    directory.saveCheckpoint(iteration, { state: { iteration }, ...nothing }, 2);
    if (iteration > 0) directory.writeSamples(iteration, [], new Map());
  }
}

describe("a run's folder", () => {
  it("is refused where it holds a run, or anything else", () => {
    RunDirectory.create(folder, {}).close();
    expect(() => RunDirectory.create(folder, {})).toThrow(/holds another run/);
    expect(() => RunDirectory.open(path.join(parent, "nowhere"))).toThrow(/does not exist/);
    expect(() => RunDirectory.create(parent, {})).toThrow(/is not empty/);
    expect(() => RunDirectory.open(parent)).toThrow(/no config\.json/);
  });

  it("left by a start that was killed before it wrote its configuration can be used", () => {
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

  it("is refused by another version of the questions, and left unchanged", () => {
    RunDirectory.create(folder, { languageVersion: LANGUAGE_VERSION + 1 }).close();
    const before = readdirSync(folder);
    expect(() => RunDirectory.open(folder)).toThrow(`was made with version ${LANGUAGE_VERSION + 1} of the language`);
    expect(readdirSync(folder)).toEqual(before);
    rmSync(folder, { recursive: true });
    RunDirectory.create(folder, {}).close();
    expect(() => RunDirectory.open(folder)).toThrow("was made with version 1 (it names none) of the language");
  });

  it("is no longer written to by a process after another one has taken over, on a machine that saw it as dead", () => {
    const cutOff = RunDirectory.create(folder, {});
    fill(cutOff, 1);
    const before = readFileSync(path.join(folder, "metrics.csv"), "utf8");
    writeFileSync(path.join(folder, ".lock"), "1 another-machine");
    expect(() => cutOff.append("metrics.csv", [{ iteration: 2 }])).toThrow("another process has taken this run over");
    expect(() => cutOff.saveCheckpoint(2, { state: { iteration: 2 }, ...nothing }, 2)).toThrow(UnavailableError);
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

  it("leaves a folder with an old checkpoint's name, and goes on", () => {
    const directory = RunDirectory.create(folder, CONFIG);
    fill(directory, 4);
    const old = path.join(folder, "checkpoints", "0001.safetensors");
    mkdirSync(old);
    directory.saveCheckpoint(5, { state: { iteration: 5 }, ...nothing }, 2);
    directory.writeSamples(5, [], new Map());
    expect(directory.resume(2, unexpected)?.state).toEqual({ iteration: 5 });
    expect(readdirSync(path.dirname(old))).toEqual(["0001.safetensors", "0004.safetensors", "0005.safetensors"]);
    directory.close();
  });

  it("keeps no more after a kill between a checkpoint and the removal of the one before", () => {
    const directory = RunDirectory.create(folder, CONFIG);
    fill(directory, 4);
    const checkpoints = path.join(folder, "checkpoints");
    copyFileSync(path.join(checkpoints, "0003.safetensors"), path.join(checkpoints, "0002.safetensors"));
    directory.resume(2, unexpected);
    expect(readdirSync(checkpoints)).toEqual(["0003.safetensors", "0004.safetensors"]);
    directory.close();
  });

  it("resumes from the last checkpoint, with the rows after it cut off", () => {
    const directory = RunDirectory.create(folder, CONFIG);
    fill(directory, 2);
    const before = readFileSync(path.join(folder, "metrics.csv"), "utf8");
    directory.append("metrics.csv", [{ iteration: 3 }]);
    expect(directory.resume(2, unexpected)).toEqual({ state: { iteration: 2 }, ...nothing });
    expect(readFileSync(path.join(folder, "metrics.csv"), "utf8")).toBe(before);
    expect(directory.rows("metrics.csv").at(-1)).toMatchObject({ generated: 20, accuracyFull: 1 / 3, kl: null });
    directory.close();
  });

  it("that was stopped before its first checkpoint begins again, and nothing of it is lost", () => {
    const directory = RunDirectory.create(folder, CONFIG);
    directory.append("metrics.csv", [{ iteration: 0 }]);
    expect(directory.resume(2, unexpected)).toBeNull();
    expect(directory.rows("metrics.csv")).toEqual([]);
    expect(logged()).toEqual(["resumed"]);
    directory.append("metrics.csv", [{ iteration: 0 }]);
    directory.close();
  });
});

/** Every file in the run's folder with its bytes; the log says what was tried. */
const snapshot = (): Map<string, string> =>
  new Map(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name !== "log.jsonl" && statSync(path.join(folder, name)).isFile())
      .map((name) => [name, readFileSync(path.join(folder, name), "base64")]),
  );

describe("a run that is resumed", () => {
  const written = (): RunDirectory => {
    const directory = RunDirectory.create(folder, CONFIG);
    fill(directory, 2);
    directory.append("episodes.csv", [{ iteration: 2 }]);
    directory.saveCheckpoint(2, { state: { iteration: 2 }, ...nothing }, 2);
    directory.close();
    return RunDirectory.open(folder);
  };
  const at = (...parts: string[]): string => path.join(folder, ...parts);
  const edit = (name: string, change: (text: string) => string): void =>
    writeFileSync(at(name), change(readFileSync(at(name), "utf8")));
  const each = (folderName: string, change: (file: string) => void): void => {
    for (const name of readdirSync(at(folderName))) change(at(folderName, name));
  };
  const asFolder = (file: string): void => {
    rmSync(file);
    mkdirSync(file);
  };

  it.each<[string, () => void, RegExp]>([
    ["metrics.csv is missing", () => rmSync(at("metrics.csv")), /metrics\.csv is missing, which iteration 2 counts/],
    ["episodes.csv is missing", () => rmSync(at("episodes.csv")), /episodes\.csv is missing/],
    ["metrics.csv is halved", () => truncateSync(at("metrics.csv"), 30), /metrics\.csv lacks rows/],
    ["metrics.csv is a folder", () => asFolder(at("metrics.csv")), /metrics\.csv is a folder where a file is expected/],
    ["timings.csv is a folder", () => asFolder(at("timings.csv")), /timings\.csv is a folder where a file is expected/],
    [
      "metrics.csv is a pipe",
      () => {
        rmSync(at("metrics.csv"));
        spawnSync("mkfifo", [at("metrics.csv")]);
      },
      /metrics\.csv is a pipe/,
    ],
    [
      "a digit of metrics.csv is changed",
      () => edit("metrics.csv", (text) => text.replace("20,2", "20,1")),
      /metrics\.csv: was changed/,
    ],
    ["all checkpoints are cut short", () => each("checkpoints", (file) => truncateSync(file, 40)), /cut short/],
    ["all checkpoints are folders", () => each("checkpoints", asFolder), /is a folder where a file is expected/],
    ["its checkpoints are gone", () => rmSync(at("checkpoints"), { recursive: true }), /holds no checkpoint/],
    [
      "the learning rate is changed",
      () => edit("config.json", (text) => text.replace("0.25", "0.5")),
      /config\.json: configuration\.learningRate was 0\.25 and is 0\.5 now/,
    ],
    [
      "the seed is changed",
      () => edit("config.json", (text) => text.replace('"seed": 3', '"seed": 4')),
      /config\.json: seed was 3 and is 4 now/,
    ],
    [
      "a setting is removed",
      () => edit("config.json", (text) => text.replace(/"learningRate": 0.25,\s*/, "")),
      /learningRate was 0\.25 and is not there now/,
    ],
    [
      "the world is changed",
      () => edit("config.json", (text) => text.replace("w".repeat(80), "w".repeat(81))),
      /worldCatalog is not what it was/,
    ],
  ])("is refused by name where %s, and nothing of it is removed or changed", (_what, damage, message) => {
    written().close();
    damage();
    const before = snapshot();
    const resume = (): unknown => {
      const again = RunDirectory.open(folder);
      try {
        return again.resume(2, () => undefined);
      } finally {
        again.close();
      }
    };
    expect(resume).toThrow(InputError);
    expect(resume).toThrow(message);
    expect(snapshot()).toEqual(before);
  });

  it("takes the previous checkpoint where one is damaged, or its last rows are lost", () => {
    const directory = written();
    const whole = snapshot();
    const warnings: string[] = [];
    const warn = (line: string): void => void warnings.push(line);
    truncateSync(at("checkpoints", "0002.safetensors"), 40);
    expect(directory.resume(2, warn)?.state.iteration).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/iteration 2 is left out: .*0002\.safetensors.*cut short/)]);
    for (const [name, bytes] of whole) writeFileSync(at(name), Buffer.from(bytes, "base64"));
    truncateSync(at("metrics.csv"), statSync(at("metrics.csv")).size - 5);
    expect(directory.resume(2, warn)?.state.iteration).toBe(1);
    expect(warnings.at(-1)).toMatch(/iteration 2 is left out: .*metrics\.csv lacks rows/);
    directory.close();
  });

  it("begins again on request, whatever state it is in", () => {
    const directory = written();
    asFolder(at("metrics.csv"));
    directory.log.info("finished");
    directory.restart();
    expect(directory.rows("metrics.csv")).toEqual([]);
    expect(logged()).toEqual(["finished", "resumed"]);
    expect(existsSync(at("checkpoints")) || existsSync(at("samples"))).toBe(false);
    fill(directory, 1);
    directory.close();
  });

  it("warns about lost samples", () => {
    const directory = written();
    rmSync(at("samples", "0001.jsonl"));
    const warnings: string[] = [];
    directory.resume(2, (line) => warnings.push(line));
    expect(warnings).toEqual([expect.stringMatching(/samples: the samples of iteration 1 are gone/)]);
    directory.close();
  });

  it("begins timings.csv, on which nothing depends, with its header where it is missing", () => {
    const directory = written();
    rmSync(at("timings.csv"));
    directory.resume(2, unexpected);
    directory.append("timings.csv", [{ iteration: 3, total: 1 }]);
    expect(readFileSync(at("timings.csv"), "utf8")).toMatch(/^iteration,.*\n3,.*,1\n$/);
    directory.close();
  });
});

describe("the adapter of a run", () => {
  const at = (...parts: string[]): string => path.join(folder, ...parts);
  const save = async (text: string, place: string): Promise<void> => {
    mkdirSync(place, { recursive: true });
    writeFileSync(path.join(place, "adapter_config.json"), "{}");
    writeFileSync(path.join(place, "adapter_model.safetensors"), text);
  };
  const adapters = (): string[] => readdirSync(at("checkpoints")).filter((name) => name.endsWith("-adapter"));

  /** A run of three iterations, with the best in iteration 1. */
  async function written(): Promise<RunDirectory> {
    const directory = RunDirectory.create(folder, CONFIG);
    for (let iteration = 0; iteration <= 3; iteration++) {
      if (iteration < 2) await directory.saveAdapter(iteration, (place) => save(`weights of ${iteration}`, place));
      directory.append("metrics.csv", [{ iteration }]);
      directory.saveCheckpoint(iteration, { state: { iteration }, ...nothing }, 2);
      if (iteration > 0) directory.writeSamples(iteration, [], new Map());
    }
    return directory;
  }
  const weights = (): string => readFileSync(at("adapter", "adapter_model.safetensors"), "utf8");

  it("is stored once for each checkpoint that has it", async () => {
    (await written()).close();
    expect(adapters()).toEqual(["0001-adapter"]);
  });

  it.each<[string, () => void]>([
    ["lost", () => rmSync(at("adapter"), { recursive: true })],
    ["cut short", () => truncateSync(at("adapter", "adapter_model.safetensors"), 3)],
    ["without its configuration", () => rmSync(at("adapter", "adapter_config.json"))],
    ["newer than the checkpoint", () => writeFileSync(at("adapter", "adapter_model.safetensors"), "weights of 4")],
  ])("is written again on resume where it is %s, and so once the run is finished", async (_what, damage) => {
    const directory = await written();
    for (const mend of [
      (warn: (line: string) => void) => directory.resume(2, warn),
      directory.settle.bind(directory),
    ]) {
      damage();
      const warnings: string[] = [];
      mend((line) => warnings.push(line));
      expect(warnings).toEqual([expect.stringMatching(/adapter was not as at the checkpoint/)]);
      expect(weights()).toBe("weights of 1");
      expect(existsSync(at("adapter", "adapter_config.json"))).toBe(true);
    }
    directory.close();
  });

  it("lost in both places makes a checkpoint unusable", async () => {
    const directory = await written();
    rmSync(at("adapter"), { recursive: true });
    for (const name of adapters()) rmSync(at("checkpoints", name), { recursive: true });
    expect(() => directory.resume(2, () => undefined)).toThrow(/adapter are lost or damaged.*--restart/);
    expect(() => directory.settle(() => undefined)).toThrow(/are lost or damaged; put one back/);
    directory.close();
  });
});

describe("a run that is being written", () => {
  it.each(["metrics.csv", "episodes.csv", "timings.csv"] as const)(
    "ends where its %s is removed, halved or added to",
    (name) => {
      const directory = RunDirectory.create(folder, CONFIG);
      fill(directory, 1);
      const file = path.join(folder, name);
      const text = readFileSync(file);
      const append = (): void => directory.append(name, [{ iteration: 2 }]);
      rmSync(file);
      expect(append).toThrow(/was removed while the run was writing it/);
      expect(existsSync(file)).toBe(false);
      writeFileSync(file, text.subarray(0, 20));
      expect(append).toThrow(/was changed while the run was writing it/);
      writeFileSync(file, `${text}1\n`);
      expect(append).toThrow(UnavailableError);
      writeFileSync(file, text);
      append();
      directory.close();
    },
  );

  it("gets its lock back where that is removed, and keeps it when the machine's name changes", () => {
    const directory = RunDirectory.create(folder, CONFIG);
    const lock = path.join(folder, ".lock");
    const text = readFileSync(lock, "utf8");
    rmSync(lock);
    fill(directory, 1);
    expect(readFileSync(lock, "utf8")).toBe(text);
    directory.close();
    expect(existsSync(lock)).toBe(false);
  });
});
