/** @file The interface of a performance measurement: one file per area, exporting `benchmarks`. */

import { at } from "../../../trainer/at.js";

export interface Measurement {
  /** A rate per second: the best of several repetitions. */
  readonly value: number;
  /** The rate of the floor, measured in the same run, alternating with the value. */
  readonly floor?: number;
  readonly note?: string;
  /** The shapes of a floor of matrix products. Only in the JSON document. */
  readonly shapes?: readonly string[];
}

export interface Benchmark {
  readonly name: string;
  /** What `value` counts, such as "updates" or "images"; printed as "<what>/s". */
  readonly counts: string;
  measure(): Promise<Measurement>;
}

/** The best rate of `repetitions`. Each runs `work` for `seconds`; `work` returns how much it did. */
export async function bestRate(work: () => number | Promise<number>, seconds = 1, repetitions = 5): Promise<number> {
  let best = 0;
  await work();
  for (let repetition = 0; repetition < repetitions; repetition++) {
    let done = 0;
    const start = performance.now();
    let elapsed = 0;
    while (elapsed < seconds * 1000) {
      done += await work();
      elapsed = performance.now() - start;
    }
    best = Math.max(best, (done * 1000) / elapsed);
  }
  return best;
}

/** Value and floor alternate, so that a noisy machine slows both alike. */
export async function bestPair(
  work: () => number | Promise<number>,
  floor: () => number | Promise<number>,
  seconds = 1,
  repetitions = 5,
): Promise<{ value: number; floor: number }> {
  const rates = await bestOfEach([work, floor], seconds, repetitions);
  return { value: at(rates, 0), floor: at(rates, 1) };
}

/** The best rate of each; repetitions alternate. */
export async function bestOfEach(
  works: readonly (() => number | Promise<number>)[],
  seconds = 1,
  repetitions = 5,
): Promise<number[]> {
  const best = works.map(() => 0);
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const [i, work] of works.entries()) best[i] = Math.max(at(best, i), await bestRate(work, seconds, 1));
  }
  return best;
}
