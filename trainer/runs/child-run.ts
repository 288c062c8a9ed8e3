/**
 * @file The child's side of a run in its own process: reports progress over IPC, or as lines where there is no parent;
 * handles signals and exit codes.
 */
import { endBy, keepIgnoringHangup } from "../../protocol/index.js";
import { InputError, UnavailableError } from "../errors.js";
import { type Progress, silent } from "../progress.js";
import { collectSeldom } from "./heap.js";
import { Interrupted } from "./interrupted.js";
import { type RunPlan, run } from "./run.js";

export interface Order {
  readonly plan: RunPlan;
  readonly mode: "new" | "resume";
}

/** Progress messages from a run's process. */
export type ProgressMessage =
  | { readonly type: "begin"; readonly phase: string; readonly total: number; readonly unit: string }
  | { readonly type: "advance"; readonly done: number }
  | { readonly type: "end" }
  | { readonly type: "say" | "warn"; readonly line: string }
  | { readonly type: "iterated"; readonly iterations: number };

export type Message =
  | ProgressMessage
  | { readonly type: "done" }
  | {
      readonly type: "failed";
      readonly kind: "input" | "unavailable" | "interrupted" | "fault";
      readonly message: string;
    };

/** Passes on the progress of a run in another process. */
export function retell(message: ProgressMessage, progress: Progress): void {
  if (message.type === "begin") progress.begin(message.phase, message.total, message.unit);
  else if (message.type === "advance") progress.advance(message.done);
  else if (message.type === "end") progress.end();
  else if (message.type === "iterated") progress.iterated(message.iterations);
  else progress[message.type](message.line);
}

const tell = (message: Message): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });

const toParent: Progress = {
  begin: (phase, total, unit) => void tell({ type: "begin", phase, total, unit }),
  advance: (done) => void tell({ type: "advance", done }),
  end: () => void tell({ type: "end" }),
  say: (line) => void tell({ type: "say", line }),
  warn: (line) => void tell({ type: "warn", line }),
  iterated: (iterations) => void tell({ type: "iterated", iterations }),
};

/** For a process started by hand, without a parent that listens: lines for people to read. */
const toLog: Progress = {
  ...silent,
  say: (line) => void process.stdout.write(`${line}\n`),
  warn: (line) => void process.stdout.write(`warning: ${line}\n`),
};

function failure(error: unknown): Extract<Message, { type: "failed" }> {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof InputError) return { type: "failed", kind: "input", message };
  if (error instanceof UnavailableError) return { type: "failed", kind: "unavailable", message };
  if (error instanceof Interrupted) return { type: "failed", kind: "interrupted", message };
  return { type: "failed", kind: "fault", message: error instanceof Error ? (error.stack ?? message) : message };
}

/** The exit codes of `rls3`. */
const EXIT = { input: 2, unavailable: 3, interrupted: 130, fault: 1 } as const;

/**
 * Ends this process with the outcome of `work`: a message to the parent, or a line on standard error where there is
 * none, and an exit code.
 */
async function tellOutcome(work: Promise<unknown>): Promise<never> {
  try {
    await work;
  } catch (error) {
    const failed = failure(error);
    await tell(failed);
    if (process.send === undefined) process.stderr.write(`${failed.message}\n`);
    process.exit(EXIT[failed.kind]);
  }
  await tell({ type: "done" });
  process.exit(0);
}

/**
 * Aborts when this process is asked to end. The state at the end of the last iteration is saved, and a later start goes
 * on from it.
 */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  // A terminal sends Ctrl-C to the whole process group, so this process gets it, too.
  process.on("SIGINT", () => stopping.abort(new Interrupted("interrupted")));
  process.on("SIGTERM", () => stopping.abort(new Interrupted("interrupted")));
  // Closing a terminal sends SIGHUP to the group. The parent decides; if it dies, there is nothing left to work for.
  if (process.send === undefined) keepIgnoringHangup();
  else process.on("SIGHUP", () => undefined);
  process.on("disconnect", () => endBy("SIGTERM"));
  return stopping.signal;
}

/** Runs the order, if there is one, and ends the process with the outcome. */
export function doRun(order: () => Promise<Order | null>): Promise<never> {
  collectSeldom();
  const signal = stopSignal();
  const progress = process.send === undefined ? toLog : toParent;
  return tellOutcome(
    order().then((ordered) => (ordered === null ? null : run(ordered.plan, ordered.mode, { progress, signal }))),
  );
}
