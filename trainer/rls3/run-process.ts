/** @file Entry of a comparison's child process: one run, its progress told to the parent over IPC. */

import { InputError, UnavailableError } from "../errors.js";
import { Interrupted } from "./interrupted.js";
import type { Progress } from "./progress.js";
import { type RunPlan, run } from "./run.js";

export interface Order {
  readonly plan: RunPlan;
  readonly mode: "new" | "resume";
}

export type Message =
  | { readonly type: "begin"; readonly phase: string; readonly total: number; readonly unit: string }
  | { readonly type: "advance"; readonly done: number }
  | { readonly type: "end" }
  | { readonly type: "say"; readonly line: string }
  | { readonly type: "done" }
  | { readonly type: "failed"; readonly kind: "input" | "unavailable" | "fault"; readonly message: string };

const tell = (message: Message): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });

const progress: Progress = {
  begin: (phase, total, unit) => void tell({ type: "begin", phase, total, unit }),
  advance: (done) => void tell({ type: "advance", done }),
  end: () => void tell({ type: "end" }),
  say: (line) => void tell({ type: "say", line }),
};

function failure(error: unknown): Message {
  const kind = error instanceof InputError ? "input" : error instanceof UnavailableError ? "unavailable" : "fault";
  const message =
    error instanceof Error ? (kind === "fault" ? (error.stack ?? error.message) : error.message) : String(error);
  return { type: "failed", kind, message };
}

const stopping = new AbortController();
// The parent decides: a terminal sends Ctrl-C to the whole group, and a parent that died leaves nothing to work for.
process.on("SIGINT", () => stopping.abort(new Interrupted("interrupted")));
process.on("SIGTERM", () => stopping.abort(new Interrupted("interrupted")));
process.on("disconnect", () => process.exit(1));

process.once("message", (order: Order) => {
  run(order.plan, order.mode, { progress, signal: stopping.signal })
    .then(
      () => tell({ type: "done" }),
      (error: unknown) => tell(failure(error)),
    )
    .finally(() => process.exit(0));
});
