/** @file How work reports its progress; it does not know who shows it (a bar, lines, a parent process). */

/** Receives reports of progress. Phases come one after another. */
export interface Progress {
  /** Starts a phase of known length: "episodes", 640, "samples". */
  begin(phase: string, total: number, unit: string): void;
  /** The amount of the phase that is done. */
  advance(done: number): void;
  /** Ends the phase. */
  end(): void;
  /** A line for the user that stays on the screen. */
  say(line: string): void;
  /** The same, for something that the user should check. */
  warn(line: string): void;
  /** The number of iterations that are complete and saved, not counting the evaluation before the first. */
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

/** The same, but throws at the next advance after the user has stopped the work. */
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
