/** @file How long work tells what it is doing; who shows it (bar, lines, parent process) is not its business. */

/** Who is told how far the work is. Phases come one after another. */
export interface Progress {
  /** A phase of known length begins: "episodes", 640, "samples". */
  begin(phase: string, total: number, unit: string): void;
  /** So much of the phase is done. */
  advance(done: number): void;
  /** The phase is over. */
  end(): void;
  /** A line for the user that stays. */
  say(line: string): void;
  /** The same, of what the user should look into. */
  warn(line: string): void;
  /** So many iterations of a run are over and written down, beside the look before the first. */
  iterated(iterations: number): void;
}

/** Shows nothing: for programs and tests. */
export const silent: Progress = {
  begin: () => undefined,
  advance: () => undefined,
  end: () => undefined,
  say: () => undefined,
  warn: () => undefined,
  iterated: () => undefined,
};

/** The same, ending the work at the next advance after the user has stopped it. */
export function stoppable(progress: Progress, signal: AbortSignal | undefined): Progress {
  return {
    begin: (phase, total, unit) => progress.begin(phase, total, unit),
    advance: (done) => {
      signal?.throwIfAborted();
      progress.advance(done);
    },
    end: () => progress.end(),
    say: (line) => progress.say(line),
    warn: (line) => progress.warn(line),
    iterated: (iterations) => progress.iterated(iterations),
  };
}
