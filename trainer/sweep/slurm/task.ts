/**
 * @file The process of one task of a job array: `node dist/trainer/sweep/slurm/task.js SUBMISSION` runs the cell of
 * SLURM_ARRAY_TASK_ID as a child process, writes its log, and puts the job back into the queue when the time limit is
 * near.
 */
import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { constants, hostname } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../../errors.js";
import { newestState } from "../../runs/checkpoints.js";
import type { Message } from "../../runs/child-run.js";
import { parseSweepFile } from "../plan-file.js";
import { requeue } from "./scheduler.js";
import { eventsFile, type LogMessage, logFile, readSubmission, writeOutcome } from "./submissions.js";

const CELL = path.join(path.dirname(fileURLToPath(import.meta.url)), "../cell.js");
/** Stopped with its state saved, or stopped before it handled signals. */
const INTERRUPTED: readonly number[] = [130, 128 + constants.signals.SIGTERM];
/** How much of a process's last output to remember, in characters. */
const TAIL = 4000;

/** Iterations in the newest checkpoint; −1 before the first, and where it is damaged: the cell takes the one before it. */
function saved(folder: string): number {
  try {
    return newestState(folder)?.iteration ?? -1;
  } catch (error) {
    if (error instanceof InputError) return -1;
    throw error;
  }
}

async function main(file: string | undefined): Promise<number> {
  const task = Number(process.env["SLURM_ARRAY_TASK_ID"]);
  const job = `${process.env["SLURM_ARRAY_JOB_ID"]}_${task}`;
  if (file === undefined || !Number.isInteger(task)) throw new InputError("a task takes SUBMISSION, in a job array");
  const { planFile, cells } = readSubmission(file);
  const name = cells[task];
  const cell = parseSweepFile(planFile).cells.find((one) => one.name === name);
  if (cell === undefined) throw new InputError(`${planFile}: has no cell ${name ?? task}, which ${file} asks for`);

  let child: ChildProcess | undefined;
  let [stopping, timeIsUp] = [false, false];
  const stop = (): void => {
    stopping = true;
    child?.kill("SIGTERM");
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // Slurm sends it a minute before the time limit (sbatch --signal), to this process alone; other ends of a job send
  // SIGTERM.
  process.on("SIGUSR2", () => {
    timeIsUp = true;
    stop();
  });

  const folder = path.dirname(file);
  const log = openSync(logFile(folder, cell.name), "a");
  const events = openSync(eventsFile(folder, cell.name), "a");
  const tell = (message: LogMessage): void => {
    writeSync(log, `${message.type === "warn" ? "warning: " : ""}${message.line}\n`);
    writeSync(events, `${JSON.stringify(message)}\n`);
  };
  const say = (line: string): void => tell({ type: "say", line });
  const restarts = Number(process.env["SLURM_RESTART_COUNT"] ?? 0);
  say(`job ${job} on ${process.env["SLURMD_NODENAME"] ?? hostname()}${restarts > 0 ? `, start ${restarts + 1}` : ""}`);

  const before = saved(cell.folder);
  const cellProcess = fork(CELL, [planFile, String(cell.index)], {
    stdio: ["ignore", log, "pipe", "ipc"],
    serialization: "advanced",
  });
  child = cellProcess;
  if (stopping) stop();
  let tail = "";
  const lastWords = (text: string): void => {
    say(text.trimEnd());
    tail = (tail + text).slice(-TAIL);
  };
  cellProcess.stderr?.setEncoding("utf8").on("data", lastWords);
  cellProcess.on("message", (message: Message) => {
    if (message.type === "say" || message.type === "warn") tell({ type: message.type, line: message.line });
    else if (message.type === "failed") lastWords(`${message.message}\n`);
  });
  const code = await new Promise<number>((resolve, reject) => {
    cellProcess.on("error", reject);
    cellProcess.on("close", (exit, signal) => resolve(exit ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });

  if (timeIsUp && INTERRUPTED.includes(code)) {
    const now = saved(cell.folder);
    if (now > before) {
      say(`time is up: saved after iteration ${now}, and back into the queue`);
      // Slurm ends this process once it has requeued the job.
      if (await requeue(job)) await new Promise((resolve) => setTimeout(resolve, 60_000));
    } else {
      const message = "no iteration ended within the time limit: raise --slurm-time";
      say(message);
      writeOutcome(folder, cell.name, { job, code: 3, message });
      return 3;
    }
  }
  if (code !== 0 && !INTERRUPTED.includes(code)) writeOutcome(folder, cell.name, { job, code, message: tail.trim() });
  for (const file of [log, events]) closeSync(file);
  return code;
}

main(process.argv[2]).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(
      `${error instanceof InputError ? error.message : error instanceof Error ? error.stack : error}\n`,
    );
    process.exit(error instanceof InputError ? 2 : 1);
  },
);
