import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EnvironmentServer, generateKeys } from "../../protocol/index.js";
import { silent } from "../../trainer/progress.js";
import { loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";
import { Interrupted } from "../../trainer/runs/interrupted.js";
import { finishedState } from "../../trainer/runs/run.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import type { Cell, ExecutionContext } from "../../trainer/sweep/executor.js";
import { PLAN_FILE, parseSweepFile, plannedCell, writeSweepFile } from "../../trainer/sweep/plan-file.js";
import { slurm } from "../../trainer/sweep/slurm/executor.js";
import { Submissions } from "../../trainer/sweep/slurm/submissions.js";
import { TINY_MODEL } from "../runs/runs.js";
import { type Cluster, noSlurm, startCluster } from "./slurm-cluster.js";

const TINY = {
  ...{ vlm: TINY_MODEL, device: "cpu", E: 2, T0: 6, batchSize: 8, epochs: 1, iterations: 1, earlyStopping: false },
  ...{ feasibilitySteps: 200, feasibilityUpdates: 5, updatesPerIteration: 5, replayCapacity: 1000 },
  ...{ testImagesPerRelation: 1, validationImagesPerRelation: 1, naturalImages: 4 },
};

let folder: string;
let sweeps = 0;

interface Sweep {
  readonly folder: string;
  readonly cells: readonly Cell[];
}

/** A sweep's folder with cells of these settings, each with its own preparation. */
const sweep = (...settings: readonly Readonly<Record<string, unknown>>[]): Sweep =>
  sweepIn(path.join(folder, `sweep-${++sweeps}`), settings);

function sweepIn(sweepFolder: string, settings: readonly Readonly<Record<string, unknown>>[]): Sweep {
  const cells = settings.map((values, index) => {
    const name = `cell-${index}`;
    const resolved = resolveConfiguration([{ name: "test", values: { ...TINY, ...values } }]);
    const shared = path.join(sweepFolder, "shared", name);
    return plannedCell(sweepFolder, { index, name, variant: null, shared, resolved });
  });
  writeSweepFile(sweepFolder, { command: "test", varied: [], cells });
  return { folder: sweepFolder, cells: parseSweepFile(path.join(sweepFolder, PLAN_FILE)).cells };
}

interface Given {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  /** Gets every line. */
  readonly say?: (line: string) => void;
}

function run({ folder: sweepFolder, cells }: Sweep, { settings = {}, jobs = 2, signal, say }: Given = {}) {
  const context: ExecutionContext = {
    folder: sweepFolder,
    planFile: path.join(sweepFolder, PLAN_FILE),
    jobs,
    signal,
    settings,
    progress: { ...silent, ...(say === undefined ? {} : { say, warn: (line: string) => say(`warning: ${line}`) }) },
  };
  return slurm.run(cells, context);
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "rls3-slurm-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("settings for Slurm", () => {
  it.each([
    ["a time that is none", { time: "soon" }, '--slurm-time: takes minutes, HH:MM:SS or D-HH:MM:SS, not "soon"'],
    ["a size that is none", { mem: "much" }, "--slurm-mem: takes a size such as 4G"],
    ["two partitions in two flags", { partition: ["a", "b"] }, "--slurm-partition: is given more than once"],
    ["an option that the executor sets", { option: ["nice", "array=0-9"] }, "--slurm-option array=0-9: is set by"],
    ["no text", { account: true }, "--slurm-account: takes an account's name, not true"],
  ])("are refused before anything is submitted: %s", async (_, settings, message) => {
    await expect(run(sweep({}), { settings })).rejects.toMatchObject({
      name: "InputError",
      message: expect.stringContaining(message),
    });
  });

  it("need Slurm's commands; the message says what to install", async () => {
    const before = process.env["PATH"];
    process.env["PATH"] = folder;
    try {
      await expect(run(sweep({}))).rejects.toMatchObject({
        name: "UnavailableError",
        message: expect.stringMatching(/^sbatch is not installed here.*slurm-client/),
      });
    } finally {
      process.env["PATH"] = before;
    }
  });
});

it("the submissions of a sweep are found by another path to its folder, too, and not by a copy", () => {
  const { folder: real } = sweep({});
  const { submission } = Submissions.open(real).add("plan.json", ["cell-0"]);
  const link = path.join(folder, "link");
  symlinkSync(real, link);
  expect(Submissions.open(link).names).toEqual([submission.name]);
  const copy = path.join(folder, "copy");
  cpSync(real, copy, { recursive: true });
  expect(Submissions.open(copy).names).toEqual([]);
  expect(Submissions.open(real).names).toEqual([submission.name]);
});

/**
 * Replacements for Slurm's commands: tasks run at once, a user may have LIMIT tasks in the queue, and a wrapper prints
 * text around the number.
 */
const SHIMS = {
  sbatch: `[ "$1" = --version ] && exit 0
script=$(mktemp "$STATE/script.XXXXXX"); cat > "$script"
for word; do case $word in
  --array=0-*) last=\${word#--array=0-}; last=\${last%\\%*};;
  --job-name=*) name=\${word#*=};;
  --output=*) echo "$word" >> "$STATE/outputs";;
esac; done
live=$(cat "$STATE"/*.task 2>/dev/null | grep -c RUNNING)
if [ $((live + last + 1)) -gt "$LIMIT" ]; then
  rm "$script"
  echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2
  echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, ...)" >&2
  exit 1
fi
job=$((100 + $(ls "$STATE" | grep -c script)))
for i in $(seq 0 "$last"); do
  task="$STATE/\${job}_$i.task"; echo "$job|$i|RUNNING|$name|None" > "$task"
  [ -n "$SILENT" ] || (SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_JOB_ID=$job sh "$script"; sed -i s/RUNNING/COMPLETED/ "$task") < /dev/null > /dev/null 2>&1 &
done
printf '\\n-----\\n Welcome to cluster 3\\n-----\\n'
[ -n "$SILENT" ] || printf '%s;cluster3\\n--> 2 messages of the day\\n' "$job"`,
  squeue: `echo " Welcome to cluster 3"; cat "$STATE"/*.task 2>/dev/null; echo "7|0|RUNNING|of-another|None"`,
  scancel: `echo "$*" >> "$STATE/cancelled"; sed -i s/RUNNING/CANCELLED/ "$STATE"/*.task`,
  scontrol: `echo " Welcome to cluster 3"; echo "MaxArraySize = 1001"; echo "SchedulerParameters = bf_window=60,max_array_tasks=\${TASKS:-1001}"`,
};

describe("a cluster with wrapped commands and a short queue", { timeout: 240_000 }, () => {
  const before = { ...process.env };
  let state: string;
  const within = (settings: Readonly<Record<string, string>>): void => {
    state = path.join(folder, `queue-${++sweeps}`);
    mkdirSync(state);
    Object.assign(process.env, { PATH: `${path.join(folder, "shims")}:${before["PATH"]}`, STATE: state, ...settings });
  };
  beforeAll(() => {
    mkdirSync(path.join(folder, "shims"));
    for (const [name, text] of Object.entries(SHIMS)) {
      writeFileSync(path.join(folder, "shims", name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
  });
  afterAll(() => {
    for (const name of ["STATE", "LIMIT", "SILENT", "TASKS"]) delete process.env[name];
    process.env["PATH"] = before["PATH"];
  });

  it("gets as many as it accepts, and the rest as tasks end; a % in the folder's path stays as it is", async () => {
    within({ LIMIT: "2" });
    const planned = sweepIn(path.join(folder, "50%j"), [{ seed: 1 }, { seed: 2 }, { seed: 3 }, { seed: 4 }]);
    const lines: string[] = [];
    await run(planned, { jobs: 4, say: (line) => lines.push(line) });
    expect(planned.cells.every((cell) => finishedState(cell.folder) !== null)).toBe(true);
    expect(lines).toContainEqual(
      expect.stringMatching(/^slurm: QOSMaxSubmitJobPerUserLimit; .*; 2 cells follow as jobs end$/),
    );
    const submitted = lines.filter((line) => line.startsWith("slurm: submitted"));
    expect(submitted[0]).toBe("slurm: submitted job 101, 2 cells");
    expect(submitted.at(-1)).toMatch(/^slurm: submitted job \d+, [12] cells?$/);
    const cells = path.join(planned.folder, "slurm");
    // Refused submissions leave nothing behind.
    expect(readdirSync(cells).filter((name) => name.startsWith("submission-"))).toHaveLength(submitted.length);
    expect(readFileSync(path.join(state, "outputs"), "utf8")).toContain(`${folder}/50%%j/slurm/jobs/%A_%a.out`);
    expect(existsSync(path.join(state, "cancelled"))).toBe(false);
  });

  it("never has more of the cells at a time than --jobs", async () => {
    within({ LIMIT: "2" });
    const lines: string[] = [];
    await run(sweep({ seed: 1 }, { seed: 2 }, { seed: 3 }), { jobs: 1, say: (line) => lines.push(line) });
    const submitted = lines.filter((line) => line.startsWith("slurm: submitted"));
    expect(submitted).toEqual([101, 102, 103].map((job) => `slurm: submitted job ${job}, 1 cell`));
  });

  it("that allows smaller arrays than it reports gets smaller ones", async () => {
    within({ LIMIT: "9", TASKS: "1" });
    const lines: string[] = [];
    await run(sweep({ seed: 1 }, { seed: 2 }), { say: (line) => lines.push(line) });
    expect(lines.filter((line) => line.startsWith("slurm: submitted"))).toHaveLength(2);
  });

  it("that accepts no cell at all is an error that says what to lower", async () => {
    within({ LIMIT: "0" });
    await expect(run(sweep({}, {}))).rejects.toMatchObject({
      name: "InputError",
      message: expect.stringMatching(/^sbatch: QOSMaxSubmitJobPerUserLimit; .*not one cell is taken: give less with/),
    });
  });

  it("that prints no job number is an error that shows its output", async () => {
    within({ LIMIT: "9", SILENT: "1" });
    await expect(run(sweep({ iterations: 500 }))).rejects.toMatchObject({
      name: "UnavailableError",
      message:
        "sbatch: took the job but printed no number for it: -----; Welcome to cluster 3; -----; see what sbatch is here",
    });
    expect(readFileSync(path.join(state, "cancelled"), "utf8")).toMatch(/^101_0$/m);
  });

  it("cannot have a folder with a backslash in its path", async () => {
    within({ LIMIT: "9" });
    await expect(run(sweepIn(path.join(folder, "a\\b"), [{}]))).rejects.toThrow(/no folder with a backslash/);
  });
});

/** A scheduler takes time, and more on a busy machine. */
const PATIENCE = { timeout: 240_000 };

describe.skipIf(noSlurm !== null)(`cells on a cluster${noSlurm === null ? "" : ` (${noSlurm})`}`, PATIENCE, () => {
  let cluster: Cluster;
  const before = { ...process.env };
  beforeAll(async () => {
    cluster = await startCluster(path.join(folder, "cluster"), "--line", "MaxArraySize=2");
    Object.assign(process.env, cluster.environment);
  });
  afterAll(async () => {
    await cluster?.stop();
    process.env["PATH"] = before["PATH"];
    delete process.env["SLURM_CONF"];
  });
  const queued = (): string[] =>
    cluster
      .slurm("squeue", "--noheader", "--array", "--format=%j %T")
      .split("\n")
      .filter((line) => line !== "");

  it("are tasks of arrays no larger than the cluster allows, with the requested GPUs and lines of shell", async () => {
    const planned = sweepIn(path.join(folder, "100%j"), [{ seed: 1 }, { seed: 2 }, { seed: 3 }]);
    const lines: string[] = [];
    const settings = { gpus: 1, time: "10", option: "comment=tried", setup: ['echo "GPU $CUDA_VISIBLE_DEVICES"'] };
    await run(planned, { settings, say: (line) => lines.push(line) });
    expect(planned.cells.map((cell) => finishedState(cell.folder)?.finished)).toEqual(
      planned.cells.map(() => "all iterations done"),
    );
    expect(lines.filter((line) => line.startsWith("slurm: submitted"))).toEqual([
      expect.stringMatching(/^slurm: submitted job \d+, 2 cells$/),
      expect.stringMatching(/^slurm: submitted job \d+, 1 cell$/),
    ]);
    expect(lines).toContainEqual(expect.stringMatching(/^cell-2: iteration 1\/1/));
    const jobs = path.join(planned.folder, "slurm/jobs");
    const said = readdirSync(jobs).map((name) => readFileSync(path.join(jobs, name), "utf8"));
    expect(said.sort()).toEqual([expect.stringMatching(/^GPU [01]$/m), ...Array(2).fill(expect.stringMatching(/GPU/))]);
    expect(readFileSync(path.join(planned.folder, "slurm/logs/cell-0.log"), "utf8")).toContain("iteration 1/1");
  });

  it("end the sweep with the message of the one that fails, and the kind of its exit code; the others are cancelled", async () => {
    const planned = sweep({ env: path.join(folder, "no-player") }, { iterations: 500 });
    await expect(run(planned)).rejects.toMatchObject({
      name: "InputError",
      message: expect.stringMatching(/^cell-0: --env .*no-player: there is no such player/),
    });
    expect(queued()).toEqual([]);
  });

  it("are cancelled with their state saved when the sweep is interrupted", async () => {
    const planned = sweep({ iterations: 500 }, { iterations: 500, seed: 1 });
    const stopping = new AbortController();
    const say = (line: string): void => {
      if (/iteration 1\/500/.test(line)) stopping.abort(new Interrupted("interrupted"));
    };
    await expect(run(planned, { jobs: 1, signal: stopping.signal, say })).rejects.toBeInstanceOf(Interrupted);
    expect(queued()).toEqual([]);
    const log = readFileSync(path.join(planned.folder, "slurm/logs/cell-0.log"), "utf8");
    expect(log).toMatch(/interrupted\n$/);
  });

  it("that finish no iteration within the time limit are reported", async () => {
    const planned = sweep({ iterations: 500, feasibilitySteps: 100_000 });
    const say = (line: string): void => {
      const job = /job (\d+_0) on/.exec(line)?.[1];
      // Slurm does this a minute before a limit.
      if (job !== undefined) cluster.slurm("scancel", "--batch", "--signal=USR2", job);
    };
    await expect(run(planned, { say })).rejects.toMatchObject({
      name: "UnavailableError",
      message: "cell-0: no iteration ended within the time limit: raise --slurm-time",
    });
  });

  it("that somebody cancels are named, with the end of their log", async () => {
    const planned = sweep({ iterations: 500 });
    const say = (line: string): void => {
      if (/iteration 0\/500/.test(line)) cluster.slurm("scancel", `--name=${names(planned.folder)}`);
    };
    await expect(run(planned, { say })).rejects.toMatchObject({
      name: "UnavailableError",
      message: expect.stringMatching(/^cell-0: job \d+_0 was cancelled; give the same command again.*\n.*ends:\n/),
    });
  });

  it("each have their own environment server on other hosts, over CURVE", async () => {
    const keys = generateKeys("a token of enough characters");
    const { serverSecretKey: _secret, ...clientKeys } = keys;
    const file = path.join(folder, "keys.json");
    writeFileSync(file, JSON.stringify(clientKeys));
    const sessions = [0, 0];
    const servers = await Promise.all(
      sessions.map((_, i) =>
        EnvironmentServer.bind(
          ({ imageSize }) => {
            // Called once before any client comes, and then for each one.
            if (imageSize !== undefined) sessions[i] = (sessions[i] ?? 0) + 1;
            return roomsDefinition(loadCatalog("rooms"), { imageSize: imageSize ?? 64 });
          },
          { endpoint: "tcp://127.0.0.1:*", envCount: 16, keys },
        ),
      ),
    );
    try {
      const env = servers.map(({ endpoint }) => endpoint).join(" ");
      const planned = sweep({ env, keys: file, iterations: 3 }, { env, keys: file, iterations: 3, seed: 1 });
      await run(planned);
      expect(planned.cells.map((cell) => finishedState(cell.folder)?.iteration)).toEqual([3, 3]);
      expect(sessions).toEqual([1, 1]);
    } finally {
      for (const server of servers) server.close();
    }
  });

  it("are refused by Slurm in its own words: an unknown partition", async () => {
    await expect(run(sweep({}), { settings: { partition: "nowhere" } })).rejects.toMatchObject({
      name: "InputError",
      message: expect.stringMatching(/^sbatch: invalid partition specified: nowhere/),
    });
  });
});

const names = (sweepFolder: string): string => Submissions.open(sweepFolder).names.join(",");

describe("submissions", () => {
  it("are not used by a copy of the folder", async () => {
    const { folder: sweepFolder } = sweep({});
    const [first] = [Submissions.open(sweepFolder).add("plan", ["cell-0"]).submission.name];
    expect(names(sweepFolder)).toBe(first);
    const copy = path.join(folder, "copy");
    cpSync(sweepFolder, copy, { recursive: true });
    expect(names(copy)).toBe("");
    expect(Submissions.open(copy).add("plan", ["cell-0"]).submission.name).not.toBe(first);
  });
});
