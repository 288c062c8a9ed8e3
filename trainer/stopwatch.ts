/** @file Seconds per phase of an iteration, for timings.csv. */
export class Stopwatch {
  private readonly begun = performance.now();
  private last = this.begun;
  private readonly seconds = new Map<string, number>();

  /** Adds the time since the last lap to this phase. */
  lap(phase: string): void {
    const now = performance.now();
    this.seconds.set(phase, (this.seconds.get(phase) ?? 0) + (now - this.last) / 1000);
    this.last = now;
  }

  row(iteration: number): Record<string, number> {
    const rounded = [...this.seconds].map(([phase, seconds]) => [phase, Math.round(seconds * 1000) / 1000]);
    const total = Math.round(performance.now() - this.begun) / 1000;
    return { iteration, ...Object.fromEntries(rounded), total };
  }
}
