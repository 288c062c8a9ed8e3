/** @file Shared by the tests of whole runs: the command line as a process, at a size that takes seconds. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const commandLine = path.join(root, "dist/trainer/cli/main.js");
/** A real CLIP with random weights: reads and learns like the bundled one, and is in every checkout. */
export const TINY_MODEL = path.join(root, "test/golden/clip-tiny");

/** Every part works, but briefly. */
export const tiny = (iterations = 3): string[] => [
  ...["--vlm", TINY_MODEL, "--device", "cpu", "--E", "3", "--T0", "10", "--batch-size", "8"],
  ...["--iterations", String(iterations)],
  ...["--feasibility-steps", "600", "--feasibility-updates", "20", "--updates-per-iteration", "20", "--epochs", "1"],
  ...["--test-images-per-relation", "1", "--validation-images-per-relation", "1", "--natural-images", "4"],
  ...["--replay-capacity", "4000"],
];

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves when standard error has shown this, or the process has ended. */
  said(text: string): Promise<void>;
  readonly ended: Promise<Ended>;
}

export const start = (...args: readonly string[]): Running => launch(args);

/** The same at the head of a process group, so that it can be killed with everything it has started. */
export const startGroup = (...args: readonly string[]): Running & { killGroup(): void } => {
  const running = launch(args, { detached: true });
  return { ...running, killGroup: () => void process.kill(-(running.child.pid ?? 0), "SIGKILL") };
};

export function launch(args: readonly string[], options: Pick<SpawnOptions, "detached" | "uid" | "gid"> = {}): Running {
  const child = spawn(process.execPath, [commandLine, ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    ...options,
  });
  let out = "";
  let err = "";
  const waiting = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    for (const check of waiting) check();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, out, err }));
  });
  const said = (text: string): Promise<void> =>
    Promise.race([
      ended.then(() => undefined),
      new Promise<void>((resolve) => {
        const check = (): void => {
          if (!err.includes(text)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    ]);
  return { child, said, ended };
}

export const rls3 = (...args: readonly string[]): Promise<Ended> => start(...args).ended;

/**
 * Every file that equal runs have equal, by name; without clock times, and without config.json, which has the command
 * as typed.
 */
export function resultFiles(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter((name) => !["log.jsonl", "timings.csv", "config.json", "report.html"].includes(name))
    .filter((name) => !name.includes("tfevents"))
    .sort();
  return new Map(names.map((name) => [name, readFileSync(path.join(folder, name)).toString("base64")]));
}
