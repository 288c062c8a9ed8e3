/** @file How the loop tells what it is doing; who shows it (bar, lines, parent process) is not its business. */

export interface Progress {
  /** A phase of known length begins: "episodes", 640, "samples". */
  begin(phase: string, total: number, unit: string): void;
  /** So much of the phase is done. */
  advance(done: number): void;
  end(): void;
  /** A line for the user that stays: an iteration's result, a warning. */
  say(line: string): void;
}

export const silent: Progress = {
  begin: () => undefined,
  advance: () => undefined,
  end: () => undefined,
  say: () => undefined,
};
