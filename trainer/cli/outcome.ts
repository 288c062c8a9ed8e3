/** @file How commands end: results on standard output, messages on standard error, and the exit code. */
import { endBy, ProtocolError } from "../../protocol/index.js";
import { InputError, UnavailableError } from "../errors.js";
import { Interrupted } from "../runs/interrupted.js";

export const EXIT = { done: 0, no: 1, input: 2, unavailable: 3, interrupted: 130 } as const;

/** The one JSON document of `--json`. */
export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

/** A reader that closes the pipe early (`rls3 report … | head`) is no error, and no reason to lose a run. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}

/**
 * The system's errors wherever they occur: a full disk, a folder without permission to write, a folder in place of a
 * file.
 */
function systemFailure(error: unknown): { readonly code: number; readonly message: string } | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const { path: from, dest } = error as { readonly path?: unknown; readonly dest?: unknown };
  const file = [dest, from].find((name) => typeof name === "string") ?? "a file";
  switch (error.code) {
    case "ENOSPC":
    case "EDQUOT":
      return { code: EXIT.unavailable, message: `the disk is full: ${file} was not written; make room and try again` };
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return { code: EXIT.unavailable, message: `${file} may not be used (${error.code}); choose another place` };
    case "EISDIR":
      return { code: EXIT.input, message: `${file} is a folder where a file is expected` };
    case "ENOTDIR":
      return { code: EXIT.input, message: `${file} goes through a file where a folder is expected` };
    default:
      return undefined;
  }
}

/** One line for a user's mistake or a missing part; the whole stack for a bug. */
export function exitCodeOf(error: unknown): { readonly code: number; readonly message: string } {
  if (error instanceof InputError) return { code: EXIT.input, message: error.message };
  if (error instanceof UnavailableError) return { code: EXIT.unavailable, message: error.message };
  if (error instanceof Interrupted) return { code: EXIT.interrupted, message: error.message };
  if (error instanceof ProtocolError) {
    const input = error.code === "CONFIGURATION";
    return { code: input ? EXIT.input : EXIT.unavailable, message: `environment server: ${error.message}` };
  }
  const system = systemFailure(error);
  if (system !== undefined) return system;
  return { code: EXIT.no, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** Aborts with `Interrupted` on the first Ctrl-C (or SIGTERM). The second ends the process at once, also with 130. */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) endBy("SIGINT");
    controller.abort(new Interrupted("interrupted"));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return controller.signal;
}
