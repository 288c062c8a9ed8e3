/** @file The statistics against published tables and worked examples, and properties that hold for any data. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mean } from "../../trainer/mean.js";
import { Random } from "../../trainer/random/random.js";
import {
  bootstrapInterval,
  holm,
  interquartileMean,
  meanInterval,
  pairedTTest,
  permutationTest,
  tTwoSided,
} from "../../trainer/report/statistics.js";

/** Differences of shares of a test set: multiples of a thousandth. */
const differences = (minimum: number) =>
  fc
    .array(fc.integer({ min: -1000, max: 1000 }), { minLength: minimum, maxLength: 9 })
    .map((values) => values.map((value) => value / 1000));

/** Fisher, The Design of Experiments (1935), §17 and §21: Darwin's crossed less self-fertilised maize, eighths of an inch. */
const darwin = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48];
/** Student, The Probable Error of a Mean (1908): additional hours of sleep, second drug less first. */
const sleep = [1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4];

describe("Student's t", () => {
  it.each([
    [1, 0.05, 12.7062],
    [2, 0.05, 4.3027],
    [3, 0.05, 3.1824],
    [4, 0.05, 2.7764],
    [4, 0.01, 4.6041],
    [5, 0.05, 2.5706],
    [9, 0.05, 2.2622],
    [9, 0.01, 3.2498],
    [10, 0.001, 4.5869],
    [30, 0.05, 2.0423],
    [120, 0.05, 1.9799],
  ])("has %i degrees' two-sided %f point at %f, as in printed tables", (degrees, p, t) => {
    expect(tTwoSided(t, degrees)).toBeCloseTo(p, 5);
    expect(tTwoSided(-t, degrees)).toBe(tTwoSided(t, degrees));
  });

  it("falls as |t| grows and lies in [0, 1]", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0, max: 50, noNaN: true }),
        fc.double({ min: 0, max: 5, noNaN: true }),
        (degrees, t, more) => {
          const [near, far] = [tTwoSided(t, degrees), tTwoSided(t + more, degrees)];
          return near <= 1 && far >= 0 && far <= near + 1e-14;
        },
      ),
    );
  });

  it("refuses degrees of freedom that a paired test cannot have", () => {
    expect(() => tTwoSided(1, 0)).toThrow(RangeError);
    expect(() => tTwoSided(1, 2.5)).toThrow(RangeError);
  });
});

describe("the paired t-test", () => {
  it("gives the published p of Student's sleep data: t = 4.0621, p = .002833", () => {
    expect(pairedTTest(sleep)).toBeCloseTo(0.002833, 6);
  });

  it("gives the published p of Darwin's maize: t = 2.148, p = .0497", () => {
    expect(pairedTTest(darwin)).toBeCloseTo(0.0497, 4);
  });

  it("cannot judge a single pair, and judges pairs without any spread by their difference alone", () => {
    expect(pairedTTest([0.3])).toBeNull();
    expect(pairedTTest([0, 0, 0])).toBe(1);
    expect(pairedTTest([0.1, 0.1, 0.1])).toBe(0);
    expect(pairedTTest([0.3 - 0.1, 0.2, 0.5 - 0.3])).toBe(0);
  });

  it("does not depend on sign, order or scale", () => {
    fc.assert(
      fc.property(differences(2), fc.double({ min: 0.1, max: 100, noNaN: true }), (values, scale) => {
        const p = pairedTTest(values) ?? Number.NaN;
        const others = [values.map((v) => -v), [...values].reverse(), values.map((v) => v * scale)];
        for (const other of others) expect(pairedTTest(other)).toBeCloseTo(p, 6);
      }),
    );
  });
});

describe("the permutation test", () => {
  it("gives Fisher's count for Darwin's maize: 863 of 32,768 on each side", () => {
    expect(permutationTest(darwin, new Random(1))).toBe((2 * 863) / 32768);
  });

  it("is at its smallest, 2 of 2^n, where all signs agree", () => {
    expect(permutationTest([1, 2, 3, 4, 5, 6, 7, 8], new Random(1))).toBe(2 / 256);
  });

  it("is 1 without any difference, never 0, and draws signs above 16 pairs near the normal approximation", () => {
    expect(permutationTest([0, 0, 0, 0], new Random(1))).toBe(1);
    // 40 differences of ±1 that sum to 14: P(|sum| ≥ 14) = 2·P(Binomial(40, ½) ≥ 27) = .03848.
    const signs = Array.from({ length: 40 }, (_, i) => (i < 27 ? 1 : -1));
    expect(permutationTest(signs, new Random(1))).toBeCloseTo(0.0385, 2);
    expect(permutationTest(new Array<number>(60).fill(1), new Random(1))).toBeGreaterThan(0);
  });
});

describe("the interval of a mean", () => {
  it("is R's t.test(darwin)$conf.int and t.test(sleep)$conf.int", () => {
    const [low, high] = meanInterval(darwin);
    expect(low).toBeCloseTo(0.03119, 4);
    expect(high).toBeCloseTo(41.83548, 4);
    const [least, most] = meanInterval(sleep);
    expect(least).toBeCloseTo(0.7001142, 6);
    expect(most).toBeCloseTo(2.4598858, 6);
  });

  it("leaves 0 out exactly where the paired t-test has p < .05, and is the value where there is one", () => {
    fc.assert(
      fc.property(differences(2), (values) => {
        const [low, high] = meanInterval(values);
        const p = pairedTTest(values) ?? 1;
        if (Math.abs(p - 0.05) > 1e-9) expect(low > 0 || high < 0).toBe(p < 0.05);
      }),
    );
    expect(meanInterval([0.25])).toEqual([0.25, 0.25]);
  });

  it("holds the mean in 95 % of samples of few seeds", () => {
    const random = new Random(11);
    for (const n of [2, 5, 10]) {
      const held = Array.from({ length: 2000 }, () => {
        const [low, high] = meanInterval(Array.from({ length: n }, () => random.normal()));
        return low <= 0 && 0 <= high;
      });
      expect(Math.abs(held.filter(Boolean).length / held.length - 0.95)).toBeLessThan(0.015);
    }
  });
});

describe("the bootstrap interval", () => {
  it("lies within the data and around the mean, and repeats with the same stream", () => {
    fc.assert(
      fc.property(differences(1), (values) => {
        const [low, high] = bootstrapInterval(values, new Random(7));
        const centre = mean(values);
        expect(low).toBeGreaterThanOrEqual(Math.min(...values) - 1e-12);
        expect(high).toBeLessThanOrEqual(Math.max(...values) + 1e-12);
        expect(low).toBeLessThanOrEqual(centre + 1e-12);
        expect(high).toBeGreaterThanOrEqual(centre - 1e-12);
        expect(bootstrapInterval(values, new Random(7))).toEqual([low, high]);
      }),
      { numRuns: 20 },
    );
  });

  it("has the exact quantiles where they can be counted: two values have means low, middle, high with ¼, ½, ¼", () => {
    expect(bootstrapInterval([0, 1], new Random(3))).toEqual([0, 1]);
    const [low, high] = bootstrapInterval(
      Array.from({ length: 100 }, (_, i) => i),
      new Random(3),
    );
    // Mean 49.5, standard error 28.87/10: the normal interval is 43.84 to 55.16.
    expect(low).toBeCloseTo(43.84, 0);
    expect(high).toBeCloseTo(55.16, 0);
  });
});

describe("the interquartile mean", () => {
  it("gives the published mean of twelve numbers' middle six, 6.5 (Wikipedia, Interquartile mean), and R's mean(…, trim = .25)", () => {
    expect(interquartileMean([5, 8, 4, 38, 8, 6, 9, 7, 7, 3, 1, 6])).toBeCloseTo(6.5, 12);
    expect(interquartileMean([2, 3, 5, 7, 11, 13, 17, 19, 23])).toBeCloseTo(10.6, 12);
    expect(interquartileMean([1, 2, 3, 4, 100])).toBe(3);
  });

  it("is the mean below four values, lies between the quartiles and does not see how far the ends are", () => {
    expect(interquartileMean([1, 2, 6])).toBe(3);
    fc.assert(
      fc.property(differences(4), fc.integer({ min: 1, max: 1000 }), (values, far) => {
        const sorted = [...values].sort((a, b) => a - b);
        const pulled = [...sorted.slice(0, -1), (sorted.at(-1) ?? 0) + far];
        expect(interquartileMean(pulled)).toBeCloseTo(interquartileMean(values), 12);
        expect(interquartileMean(values)).toBeGreaterThanOrEqual((sorted[1] ?? 0) - 1e-12);
        expect(interquartileMean(values)).toBeLessThanOrEqual((sorted.at(-2) ?? 0) + 1e-12);
      }),
    );
  });

  it("has an interval that one odd seed widens less than the mean's", () => {
    const values = [0.81, 0.82, 0.8, 0.83, 0.82, 0.81, 0.8, 0.4];
    const [low] = bootstrapInterval(values, new Random(5), undefined, interquartileMean);
    expect(low).toBeGreaterThan(bootstrapInterval(values, new Random(5))[0]);
  });
});

describe("Holm's correction", () => {
  const expectAll = (found: readonly (number | null)[], wanted: readonly number[]) => {
    for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, 12);
    expect(found).toHaveLength(wanted.length);
  };

  it('gives what R\'s p.adjust(…, "holm") gives', () => {
    expectAll(holm([0.01, 0.02, 0.03, 0.04, 0.05]), [0.05, 0.08, 0.09, 0.09, 0.09]);
    expectAll(holm([0.0021, 0.8, 0.04, 0.012, 0.04]), [0.0105, 0.8, 0.12, 0.048, 0.12]);
  });

  it("rejects the first and the last of the four published p-values .01, .04, .03, .005 (Wikipedia, Holm–Bonferroni method)", () => {
    const corrected = holm([0.01, 0.04, 0.03, 0.005]);
    expect(corrected.map((p) => p !== null && p < 0.05)).toEqual([true, false, false, true]);
  });

  it("leaves one alone, does not count what was not tested, keeps the order and never falls below p or Bonferroni's bound", () => {
    expect(holm([0.03])).toEqual([0.03]);
    expect(holm([null, 0.03, null])).toEqual([null, 0.03, null]);
    const probabilities = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(probabilities, (values) => {
        const corrected = holm(values).map((p) => p ?? Number.NaN);
        for (const [i, p] of values.entries()) {
          expect(corrected[i]).toBeGreaterThanOrEqual(p);
          expect(corrected[i]).toBeLessThanOrEqual(Math.min(1, p * values.length));
          for (const [j, other] of values.entries()) {
            if (p < other) expect(corrected[i]).toBeLessThanOrEqual(corrected[j] ?? Number.NaN);
          }
        }
      }),
    );
  });
});
