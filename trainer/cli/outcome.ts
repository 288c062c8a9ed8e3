/** @file How commands end: results on standard output, messages on standard error, and the exit code that scripts rely on. */
import { ProtocolError } from "../../protocol/index.js";
import { InputError, UnavailableError } from "../errors.js";
import { Interrupted } from "../rls3/interrupted.js";

export const EXIT = { done: 0, no: 1, input: 2, unavailable: 3, interrupted: 130 } as const;

/** The one JSON document of `--json`. */
export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

/** One line for a user's mistake or a missing part; the whole stack for a fault of ours. */
export function exitCodeOf(error: unknown): { readonly code: number; readonly message: string } {
  if (error instanceof InputError) return { code: EXIT.input, message: error.message };
  if (error instanceof UnavailableError) return { code: EXIT.unavailable, message: error.message };
  if (error instanceof Interrupted) return { code: EXIT.interrupted, message: error.message };
  if (error instanceof ProtocolError) {
    const input = error.code === "CONFIGURATION";
    return { code: input ? EXIT.input : EXIT.unavailable, message: `environment server: ${error.message}` };
  }
  return { code: EXIT.no, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** Aborts with `Interrupted` on the first Ctrl-C (or SIGTERM); the second ends the process at once. */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort(new Interrupted("interrupted"));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return controller.signal;
}
