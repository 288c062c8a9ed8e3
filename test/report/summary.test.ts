/** @file summary.json from curves: hand-computed curves, and properties that any comparison must have. */
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import {
  type Comparison,
  firstReaches,
  interpolate,
  shareToReach,
  smooth,
  summarize,
} from "../../trainer/report/summary.js";
import { readSummary } from "../../trainer/run-format/readers.js";
import type { SeedRun } from "../../trainer/run-format/summary.js";

const curve = (values: readonly number[], step = 100) => values.map((value, i) => ({ x: i * step, y: value }));

/** A run whose curve has a point every `valid` valid samples, of which `rate` of the generated ones are. */
const run = (seed: number, values: readonly number[], rate: number, valid = 100): SeedRun => ({
  seed,
  curve: values.map((value, i) => ({
    generated: (i * valid) / rate,
    valid: i * valid,
    accuracy: { full: value, oneTerm: value },
  })),
  validRate: rate,
  feasibilitySteps: 1000,
});

const compare = (arms: Comparison["arms"]) =>
  summarize({
    arms,
    config: {},
    machine: "test",
    commit: "0",
    seeds: Object.values(arms)[0]?.map((r) => r.seed) ?? [],
  });

describe("a curve", () => {
  it("is linear between points and flat beyond its ends", () => {
    const points = curve([0.5, 0.7, 0.6]);
    expect(interpolate(points, 50)).toBeCloseTo(0.6, 12);
    expect(interpolate(points, 175)).toBeCloseTo(0.625, 12);
    expect([interpolate(points, -1), interpolate(points, 0), interpolate(points, 999)]).toEqual([0.5, 0.5, 0.6]);
  });

  it("is smoothed over three points, over two at its end, and not before any training", () => {
    const smoothed = smooth(curve([0, 0.6, 0.9, 0.3])).map((point) => point.y);
    for (const [i, value] of [0, 0.5, 0.6, 0.6].entries()) expect(smoothed[i]).toBeCloseTo(value, 12);
  });

  it("reaches a value where it first comes to it, between points", () => {
    expect(firstReaches(curve([0.5, 0.7, 0.6, 0.8]), 0.65)).toBeCloseTo(75, 9);
    expect(firstReaches(curve([0.5, 0.7]), 0.5)).toBe(0);
    expect(firstReaches(curve([0.5, 0.7]), 0.71)).toBeNull();
  });
});

describe("samples to reach", () => {
  it("is a's smoothed curve against the mean of b's last three points, by hand", () => {
    // b ends at mean(.6, .7, .8) = .7 after 400; a smoothed is .5, .6, .7, .8, .85 at 0, 50, …, so .7 at 100.
    const a = curve([0.5, 0.6, 0.7, 0.8, 0.9], 50);
    const b = curve([0.5, 0.5, 0.6, 0.7, 0.8], 100);
    expect(shareToReach(a, b)).toBeCloseTo(100 / 400, 12);
  });

  it("leaves out the point before any training", () => {
    // b ends at mean(.55, .61) = .58; a smoothed is .5, .62, .68 at 0, 100, 200, so .58 at 100 · .08 / .12.
    expect(shareToReach(curve([0.5, 0.62, 0.74]), curve([0.5, 0.55, 0.61]))).toBeCloseTo(1 / 3, 12);
    expect(shareToReach(curve([0.5]), curve([0.5]))).toBeNull();
  });

  it("is null where a never comes there", () => {
    expect(shareToReach(curve([0.5, 0.6, 0.6]), curve([0.5, 0.7, 0.9]))).toBeNull();
  });

  it("makes the mean null and says not reached when one seed never comes there", () => {
    const arms = {
      a: [run(1, [0.5, 0.8, 0.9, 0.9], 1), run(2, [0.5, 0.5, 0.5, 0.5], 1)],
      b: [run(1, [0.5, 0.6, 0.7, 0.8], 0.5), run(2, [0.5, 0.6, 0.7, 0.8], 0.5)],
    };
    const reached = compare(arms).pairs["a-b"]?.samplesToReach.valid;
    expect(reached).toMatchObject({ ratio: null, interval: null, verdict: "not reached" });
    expect(reached?.perSeed[0]).not.toBeNull();
    expect(reached?.perSeed[1]).toBeNull();
  });
});

describe("a comparison", () => {
  const rls3 = [1, 2, 3, 4, 5].map((seed) => run(seed, [0.5, 0.7 + seed / 1000, 0.8, 0.85 + seed / 500], 0.8));
  const random = [1, 2, 3, 4, 5].map((seed) => run(seed, [0.5, 0.6, 0.7 - seed / 1000, 0.8], 0.4));

  it("compares over generated samples where the faster arm ends, over valid ones at their common number", () => {
    const [generated, valid] = compare({ rls3, random }).pairs["rls3-random"]?.accuracyAt ?? [];
    expect([generated?.axis, generated?.samples]).toEqual(["generated", 375]);
    expect([valid?.axis, valid?.samples]).toEqual(["valid", 300]);
    expect(generated?.a.mean).toBeCloseTo(0.856, 12);
    // random has 375 generated between its points at 250 (.6) and 500 (.7 − seed/1000): half-way.
    expect(generated?.b.mean).toBeCloseTo(0.65 - 0.0015, 12);
    expect(generated?.difference).toBeCloseTo(0.856 - 0.6485, 12);
    expect([generated?.wins, generated?.seeds]).toEqual([5, 5]);
    expect(generated?.pPermutation).toBeUndefined();
  });

  it("says better, worse with the arms exchanged, and no difference of an arm with itself", () => {
    const better = { generated: "better", valid: "better" };
    expect(compare({ rls3, random }).pairs["rls3-random"]?.verdict).toEqual(better);
    const worse = { generated: "worse", valid: "worse" };
    expect(compare({ random, rls3 }).pairs["random-rls3"]?.verdict).toEqual(worse);
    const none = { generated: "no difference", valid: "no difference" };
    expect(compare({ rls3, again: rls3 }).pairs["rls3-again"]?.verdict).toEqual(none);
  });

  it("has no p and no verdict from one seed", () => {
    const pair = compare({ rls3: rls3.slice(0, 1), random: random.slice(0, 1) }).pairs["rls3-random"];
    expect(pair?.accuracyAt[0]?.p).toBeNull();
    expect(pair?.verdict.generated).toBe("no difference");
  });

  it("adds the permutation test from 8 seeds on", () => {
    const eight = (base: number, rate: number) =>
      Array.from({ length: 8 }, (_, seed) => run(seed, [0.5, base + seed / 1000], rate));
    const row = compare({ a: eight(0.8, 1), b: eight(0.7, 1) }).pairs["a-b"]?.accuracyAt[0];
    expect(row?.pPermutation).toBe(2 / 256);
  });

  it("pairs by seed, whatever the order of the runs, and every arm with every later one", () => {
    const shuffled = [...random].reverse();
    expect(compare({ rls3, random: shuffled }).pairs).toEqual(compare({ rls3, random }).pairs);
    expect(Object.keys(compare({ rls3, paper: rls3, random }).pairs)).toEqual([
      "rls3-paper",
      "rls3-random",
      "paper-random",
    ]);
  });

  it("has no pair of arms without a common seed", () => {
    const { pairs } = compare({ rls3, paper: rls3, random: [run(9, [0.5, 0.6], 1)] });
    expect(Object.keys(pairs)).toEqual(["rls3-paper"]);
  });

  it("refuses empty curves and samples that go down, and names them", () => {
    expect(() => compare({ rls3: [run(4, [], 1)] })).toThrow(InputError);
    expect(() => compare({ rls3: [run(4, [], 1)] })).toThrow('arm "rls3", seed 4: its curve has no point');
    expect(() => compare({ x: [run(4, [0.5, 0.6], -1)] })).toThrow("samples go down at point 1");
  });

  it("is antisymmetric, and equal for equal curves down to the intervals", () => {
    const values = fc
      .array(fc.integer({ min: 0, max: 1000 }), { minLength: 2, maxLength: 5 })
      .map((all) => all.map((v) => v / 1000));
    const arm = (rate: number) =>
      fc.array(values, { minLength: 2, maxLength: 2 }).map((seeds) => seeds.map((v, seed) => run(seed, v, rate)));
    fc.assert(
      fc.property(arm(0.9), arm(0.5), (a, b) => {
        const forth = compare({ a, b });
        const back = compare({ b, a });
        expect(compare({ a, b })).toEqual(forth);
        for (const i of [0, 1]) {
          const [there, here] = [forth.pairs["a-b"]?.accuracyAt[i], back.pairs["b-a"]?.accuracyAt[i]];
          expect(there?.difference).toBeCloseTo(-(here?.difference ?? Number.NaN), 12);
          expect(there?.samples).toBe(here?.samples);
          expect(there?.p).toBeCloseTo(here?.p ?? Number.NaN, 9);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("beside the t-test", () => {
  const rising = (seed: number, end: number) => run(seed, [0.5, end], 0.5);
  const arms = {
    a: [0.9, 0.84, 0.88, 0.86, 0.4].map((end, i) => rising(i, end)),
    b: [0.8, 0.78, 0.77, 0.79, 0.76].map((end, i) => rising(i, end)),
  };

  it("stand interquartile means over seeds, which the odd seed does not move", () => {
    const at = compare(arms).pairs["a-b"]?.accuracyAt[1];
    expect(at?.a.mean).toBeCloseTo(0.776, 12);
    expect(at?.iqm?.a.value).toBeCloseTo(0.86, 12);
    expect(at?.iqm?.b.value).toBeCloseTo(0.78, 12);
    expect(at?.iqm?.difference.value).toBeCloseTo((0.06 + 0.07 + 0.1) / 3, 12);
  });

  it("stands how many seeds the difference would take; nothing tells with one seed", () => {
    const calm = { ...arms, a: arms.a.slice(0, 4), b: arms.b.slice(0, 4) };
    const power = compare(calm).pairs["a-b"]?.accuracyAt[1]?.power;
    // Differences .1, .06, .11, .07: mean .085, standard deviation .0238.
    expect(power?.effect).toBeCloseTo(0.085 / 0.0238048, 4);
    expect(power?.seedsNeeded).toBe(3);
    const one = { a: arms.a.slice(0, 1), b: arms.b.slice(0, 1) };
    expect(compare(one).pairs["a-b"]?.accuracyAt[1]?.power).toBeNull();
  });

  it("stands Holm's correction where several pairs are tested at once, each axis a family of its own", () => {
    expect(compare(arms).pairs["a-b"]?.accuracyAt[1]).not.toHaveProperty("pHolm");
    const c = [0.7, 0.69, 0.72, 0.71, 0.7].map((end, i) => rising(i, end));
    const { pairs } = compare({ ...arms, c });
    for (const row of [0, 1]) {
      const p = Object.values(pairs).map((pair) => pair.accuracyAt[row]?.p ?? Number.NaN);
      const smallest = Math.min(...p);
      const corrected = Object.values(pairs).map((pair) => pair.accuracyAt[row]?.pHolm);
      expect(corrected[p.indexOf(smallest)]).toBeCloseTo(3 * smallest, 12);
      for (const [i, value] of p.entries()) expect(corrected[i]).toBeGreaterThanOrEqual(value);
    }
  });
});

describe("committed comparisons", () => {
  const results = path.resolve(import.meta.dirname, "../../../benchmarks/results");
  const fieldsOf = (known: unknown, found: unknown): unknown => {
    if (Array.isArray(known) && Array.isArray(found)) return found.map((value, i) => fieldsOf(known[i], value));
    if (typeof known !== "object" || known === null || typeof found !== "object" || found === null) return found;
    return Object.fromEntries(
      Object.entries(found).flatMap(([key, value]) =>
        key in known ? [[key, fieldsOf((known as Record<string, unknown>)[key], value)]] : [],
      ),
    );
  };

  it.each(["npm-start", "rls3-vs-random"])("%s is read, and comes out of its curves again to the bit", async (name) => {
    const committed = await readSummary(path.join(results, name));
    if (committed === null) throw new Error(`no summary.json in ${name}`);
    // Whatever has been added since is in the new one alone.
    expect(fieldsOf(committed, summarize(committed))).toEqual(committed);
  });
});
