/** @file Collects comparisons of tensors: their number, and a line for each that differs by more than its tolerance. */
import { at } from "../../at.js";

export interface Verification {
  /** Number of compared tensors or texts. */
  readonly compared: number;
  /** One line for each that differs by more than its tolerance. */
  readonly failures: readonly string[];
}

type Numbers = ArrayLike<number>;

export class Comparison {
  private compared = 0;
  private readonly failures: string[] = [];

  /** One comparison: every element within the tolerance (or within its own, where a function is given). */
  close(what: string, actual: Numbers, expected: Numbers, tolerance: number | ((index: number) => number)): void {
    const limit = typeof tolerance === "number" ? () => tolerance : tolerance;
    this.compared++;
    if (actual.length !== expected.length) {
      this.fail(`${what}: ${actual.length} values instead of ${expected.length}`);
      return;
    }
    let worst = 0;
    let count = 0;
    for (let i = 0; i < expected.length; i++) {
      const difference = Math.abs((actual[i] ?? Number.NaN) - (expected[i] ?? Number.NaN));
      if (difference <= limit(i)) continue;
      count++;
      worst = Number.isNaN(difference) ? difference : Math.max(worst, difference);
    }
    if (count > 0) this.fail(`${what}: ${count} of ${expected.length} values differ, by up to ${worst}`);
  }

  /** Within an absolute tolerance plus one relative to the expected value. */
  gradient(
    what: string,
    actual: Numbers,
    expected: Numbers,
    { absolute, relative }: { absolute: number; relative: number },
  ): void {
    this.close(what, actual, expected, (i) => absolute + relative * Math.abs(at(expected, i)));
  }

  fail(line: string): void {
    this.failures.push(line);
  }

  get result(): Verification {
    return { compared: this.compared, failures: this.failures };
  }
}
