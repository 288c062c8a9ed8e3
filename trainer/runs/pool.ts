/** @file Runs several runs at once, each in its own process: comparisons and sweeps start, watch and stop them here. */
import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { InputError, UnavailableError } from "../errors.js";
import { type Progress, silent } from "../progress.js";
import { iterationsPlanned } from "../settings/configuration.js";
import { type Message, type Order, retell } from "./child-run.js";
import { Interrupted } from "./interrupted.js";
import { finishedState, type RunPlan } from "./run.js";
import { iterationsIn } from "./run-directory.js";

/** Starts a run's process; the process gets its run over IPC or from its arguments. */
export type StartRun = (plan: RunPlan, progress: Progress, signal: AbortSignal) => Promise<void>;

const entry = path.join(path.dirname(fileURLToPath(import.meta.url)), "run-process.js");

/** Runs `jobs` runs at a time and skips finished ones; the first failure stops all. */
export async function inParallel(
  runs: readonly RunPlan[],
  jobs: number,
  start: StartRun,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const failed = new AbortController();
  const stop = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const waiting = runs.filter(({ folder }) => finishedState(folder) === null).map(counted);
  const total = waiting.reduce((sum, { left }) => sum + left, 0);
  const done = new Map<string, number>();
  if (waiting.length < runs.length) progress.say(`${runs.length - waiting.length} of ${runs.length} runs are finished`);
  progress.begin(waiting.length === 1 ? "1 run" : `${waiting.length} runs`, total, "iterations");
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { plan, before, left } = next;
      const count = (iterations: number): void => {
        done.set(plan.folder, Math.max(0, iterations - before));
        progress.advance([...done.values()].reduce((sum, n) => sum + n, 0));
      };
      await start(plan, reporter(path.basename(plan.folder), progress, count), stop);
      count(before + left);
    }
  };
  try {
    await Promise.all(
      Array.from({ length: Math.min(jobs, waiting.length) }, () =>
        worker().catch((error: unknown) => {
          failed.abort(error);
          throw error;
        }),
      ),
    );
  } finally {
    progress.end();
  }
}

/** Whether this many runs at once use all cores, so that each should stay on one. */
export const fillCores = (jobs: number, threads: number): boolean =>
  jobs > 1 && jobs * threads >= availableParallelism();

/** A run with the number of iterations that it has and lacks; the evaluation before the first counts as one. */
function counted(plan: RunPlan): { readonly plan: RunPlan; readonly before: number; readonly left: number } {
  const all = iterationsPlanned(plan.configuration) + 1;
  const before = Math.min(all, iterationsIn(plan.folder));
  return { plan, before, left: all - before };
}

/** Shows a run's progress in the whole: its lines with its name, and its iterations as a count. */
function reporter(name: string, progress: Progress, count: (iterations: number) => void): Progress {
  return {
    ...silent,
    say: (line) => progress.say(`${name}: ${line}`),
    warn: (line) => progress.warn(`${name}: ${line}`),
    iterated: (iterations) => count(iterations + 1),
  };
}

/** Resume where the folder has a run already; else new. */
export const modeOf = (plan: RunPlan): Order["mode"] =>
  existsSync(path.join(plan.folder, "config.json")) ? "resume" : "new";

/** Runs a child process that gets its run over IPC. */
export const runInProcess: StartRun = (plan, progress, signal) => {
  signal.throwIfAborted();
  const child = forkRun(entry, []);
  const ended = followRun(child, path.basename(plan.folder), progress, signal);
  child.send({ plan, mode: modeOf(plan) } satisfies Order);
  return ended;
};

/** The process of one run; `module` calls `doRun` of child-run.ts. */
export const forkRun = (module: string, args: readonly string[]): ChildProcess =>
  fork(module, args, { stdio: ["ignore", "ignore", "pipe", "ipc"], serialization: "advanced" });

/** Resolves when the run is done. An abort asks its process to stop, and rejects once it has. */
export function followRun(child: ChildProcess, name: string, progress: Progress, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let outcome: Message | undefined;
    let tail = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-4000);
    });
    const stop = (): void => void child.kill("SIGTERM");
    signal.addEventListener("abort", stop, { once: true });
    child.on("message", (message: Message) => {
      if (message.type === "done" || message.type === "failed") outcome = message;
      else retell(message, progress);
    });
    child.on("error", (error) => reject(new UnavailableError(`${name}: has no process: ${error.message}`)));
    child.on("exit", (code, killedBy) => {
      signal.removeEventListener("abort", stop);
      if (outcome?.type === "done") resolve();
      else if (signal.aborted) reject(signal.reason instanceof Error ? signal.reason : new Interrupted("interrupted"));
      else if (outcome?.type === "failed") reject(failureOf(name, outcome));
      else reject(new UnavailableError(`${name}: its process ${howEnded(code, killedBy)}${lastSaid(tail)}`));
    });
  });
}

function howEnded(code: number | null, killedBy: NodeJS.Signals | null): string {
  const how = killedBy === null ? `ended with exit code ${code}` : `was killed by ${killedBy}`;
  const why = killedBy === "SIGKILL" ? ", as the system does where memory runs out" : "";
  return `${how}${why}; its saved state stays: start the command again to go on (compare: --resume)`;
}

const lastSaid = (tail: string): string => (tail.trim() === "" ? "" : `. It last said:\n${tail.trimEnd()}`);

function failureOf(name: string, { kind, message }: Extract<Message, { type: "failed" }>): Error {
  if (kind === "input") return new InputError(`${name}: ${message}`);
  // Stopped by someone else: if this process had done it, it would know.
  if (kind === "interrupted") return new UnavailableError(`${name}: its process ${howEnded(null, "SIGTERM")}`);
  return kind === "unavailable" ? new UnavailableError(`${name}: ${message}`) : new Error(`${name}: ${message}`);
}
