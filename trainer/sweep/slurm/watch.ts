/**
 * @file Follows the cells in Slurm's queue: reads progress from their folders, and reports failures with the end of
 * their log.
 */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { InputError, UnavailableError } from "../../errors.js";
import type { Progress } from "../../progress.js";
import { finishedState } from "../../runs/run.js";
import { iterationsPlanned } from "../../settings/configuration.js";
import type { Cell } from "../executor.js";
import { lives, type Task } from "./scheduler.js";
import type { LogMessage, Submissions } from "./submissions.js";

/** Seconds that a shared file system may take to show here what a node has written. */
const SETTLING = 20;
/** Number of starts in a row without progress before a cell is given up. */
const FRUITLESS = 3;
/** The exit code of a process that SIGKILL ended. */
const KILLED = 128 + constants.signals.SIGKILL;
/** Lines of a log in an error. */
const SHOWN = 15;

interface Watched {
  readonly cell: Cell;
  readonly name: string;
  /** Rows of metrics.csv: one before the loop, one after each iteration. */
  rows: number;
  rowsAtStart: number;
  /** How much of its messages was passed on, in bytes. */
  messageBytes: number;
  /** Since when Slurm has had no living task of it. */
  goneSince: number | null;
  fruitless: number;
}

/** squeue's values where it knows no reason. */
const NO_REASON: readonly string[] = ["", "None"];
/** Ends of a task for which the cluster is responsible: the cell is submitted again. */
const AGAIN: ReadonlySet<string> = new Set(["TIMEOUT", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "REVOKED"]);

export class Watch {
  private readonly open: Map<string, Watched>;
  private readonly reasons = new Set<string>();
  private finishedIterations = 0;

  constructor(
    cells: readonly Cell[],
    private readonly submissions: Submissions,
    private readonly progress: Progress,
  ) {
    this.open = new Map(
      cells.map((cell) => {
        const name = path.basename(cell.folder);
        const rows = rowsOf(cell);
        const messageBytes = sizeOf(submissions.events(name));
        return [name, { cell, name, rows, rowsAtStart: rows, messageBytes, goneSince: null, fruitless: 0 }];
      }),
    );
    const total = cells.reduce((sum, { configuration }) => sum + iterationsPlanned(configuration) + 1, 0);
    progress.begin(`${cells.length} runs`, total, "iterations");
  }

  get done(): boolean {
    return this.open.size === 0;
  }

  close(): void {
    this.progress.end();
  }

  /**
   * Updates from squeue's answer. Cells in `waiting` were not submitted yet, or not again.
   * @returns cells to submit again: their tasks ended without finishing them
   * @throws the error of a failed cell
   */
  look(tasks: readonly Task[], waiting: ReadonlySet<string> = new Set()): Cell[] {
    // The newest task of a cell; an earlier submission's may still be listed after its end.
    const newest = new Map<string, Task>();
    for (const task of tasks) {
      const name = this.submissions.cellOf(task.name, task.index);
      const other = name === undefined ? undefined : newest.get(name);
      if (name !== undefined && (other === undefined || number(task) > number(other))) newest.set(name, task);
    }
    const lost: Cell[] = [];
    for (const watched of [...this.open.values()]) {
      const task = newest.get(watched.name);
      const alive = task !== undefined && lives(task);
      if (task?.state !== "PENDING") this.tellOn(watched);
      watched.rows = Math.max(watched.rows, rowsOf(watched.cell));
      if (isFinished(watched.cell.folder)) this.finish(watched);
      else if (alive || waiting.has(watched.name)) watched.goneSince = null;
      else if (this.isLost(watched, task)) lost.push(watched.cell);
    }
    const left = [...newest.values()].filter(lives);
    const [pending] = left;
    if (pending !== undefined && left.every(({ state }) => state === "PENDING")) this.tellReason(pending);
    const running = [...this.open.values()].reduce((sum, { rows }) => sum + rows, 0);
    this.progress.advance(this.finishedIterations + running);
    return lost;
  }

  private finish(watched: Watched): void {
    this.tellOn(watched);
    this.finishedIterations += iterationsPlanned(watched.cell.configuration) + 1;
    this.open.delete(watched.name);
  }

  /** Reports why nothing runs, each reason once. */
  private tellReason({ id, reason }: Task): void {
    if (NO_REASON.includes(reason) || this.reasons.has(reason)) return;
    this.reasons.add(reason);
    this.progress.say(`slurm: no job runs; ${id} waits for: ${reason}`);
  }

  /** Passes on its new messages, with its name. */
  private tellOn(watched: Watched): void {
    const text = readFrom(this.submissions.events(watched.name), watched.messageBytes);
    const end = text.lastIndexOf("\n") + 1;
    watched.messageBytes += Buffer.byteLength(text.slice(0, end));
    for (const message of text.slice(0, end).split("\n").slice(0, -1)) {
      const { type, line } = messageIn(message);
      this.progress[type](`${watched.name}: ${line}`);
    }
  }

  /** Whether the cell must be submitted again. */
  private isLost(watched: Watched, task: Task | undefined): boolean {
    const outcome = this.submissions.outcome(watched.name);
    if (outcome !== null) throw failed(watched.name, outcome, this.ending(watched, task));
    watched.goneSince ??= Date.now();
    if (Date.now() - watched.goneSince < SETTLING * 1000) return false;
    const state = task?.state ?? "gone from the queue";
    if (task !== undefined && !AGAIN.has(task.state)) throw this.ended(watched, task);
    const progressed = watched.rows > watched.rowsAtStart;
    watched.fruitless = progressed ? 0 : watched.fruitless + 1;
    if (watched.fruitless >= FRUITLESS) {
      throw new UnavailableError(
        `${watched.name}: started ${FRUITLESS} times and ended each time (${state}) before an iteration was done; ` +
          `${state === "TIMEOUT" ? "raise --slurm-time" : "see its log"}${this.ending(watched, task)}`,
      );
    }
    this.progress.warn(`${watched.name}: its job ended (${state}); submitted again`);
    watched.goneSince = null;
    watched.rowsAtStart = watched.rows;
    return true;
  }

  private ended(watched: Watched, task: Task): Error {
    const { name } = watched;
    const ending = this.ending(watched, task);
    if (task.state === "CANCELLED") {
      return new UnavailableError(
        `${name}: job ${task.id} was cancelled; give the same command again to go on with it${ending}`,
      );
    }
    const advice = task.state === "OUT_OF_MEMORY" ? "; raise --slurm-mem" : "";
    const reason = NO_REASON.includes(task.reason) ? "" : ` (${task.reason})`;
    return new UnavailableError(`${name}: job ${task.id} ended as ${task.state}${reason}${advice}${ending}`);
  }

  /** The end of what the cell and Slurm wrote, for an error. */
  private ending(watched: Watched, task: Task | undefined): string {
    const files = [
      this.submissions.log(watched.name),
      ...(task === undefined ? [] : [this.submissions.jobLog(task.id)]),
    ];
    return files.map(lastLines).join("");
  }
}

const number = ({ id }: Task): number => Number.parseInt(id, 10);

function failed(
  name: string,
  { code, message }: { readonly code: number; readonly message: string },
  ending: string,
): Error {
  const last = message.slice(message.lastIndexOf("\n") + 1);
  if (code === 2) return new InputError(`${name}: ${last}`);
  if (code === 3) return new UnavailableError(`${name}: ${last}`);
  if (code === KILLED)
    return new UnavailableError(`${name}: was killed, probably for lack of memory: raise --slurm-mem${ending}`);
  return new Error(`${name}: its process ended with exit code ${code}${ending}`);
}

function lastLines(file: string): string {
  if (sizeOf(file) === 0) return "";
  const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(-SHOWN);
  return `\n${file} ends:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

const sizeOf = (file: string): number => (existsSync(file) ? readFileSync(file).length : 0);

/** Number of rows in its metrics.csv, without the header. */
function rowsOf({ folder }: Cell): number {
  const file = path.join(folder, "metrics.csv");
  return existsSync(file) ? Math.max(0, readFileSync(file, "utf8").split("\n").length - 2) : 0;
}

function readFrom(file: string, start: number): string {
  if (!existsSync(file)) return "";
  const handle = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(handle).size - start));
    return bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, start)).toString("utf8");
  } finally {
    closeSync(handle);
  }
}

/** False for the moment where a checkpoint is replaced, which a network disk may show to other machines later. */
function isFinished(folder: string): boolean {
  try {
    return finishedState(folder) !== null;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESTALE")) return false;
    throw error;
  }
}

/** A line that is no message, as a full disk leaves it, is shown as it is. */
function messageIn(text: string): LogMessage {
  try {
    return JSON.parse(text) as LogMessage;
  } catch {
    return { type: "say", line: text };
  }
}
