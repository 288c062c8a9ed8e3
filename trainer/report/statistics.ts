/**
 * @file The statistics of a comparison over seeds: paired t-test and the interval that belongs to it, sign-flip permutation test,
 * Holm's correction, interquartile mean, bootstrap intervals.
 */
import { quantileSorted } from "d3-array";
import { mean } from "../mean.js";
import type { Random } from "../random/random.js";
import type { Interval } from "../run-format/summary.js";

/** What is significant, wherever it is said. */
export const SIGNIFICANCE = 0.05;

/**
 * P(|T| > |t|) for Student's t with a whole number of degrees of freedom, by the finite series of Abramowitz and Stegun
 * (26.7.3 and 26.7.4). In a paired test the degrees of freedom are always whole, so no incomplete beta function is needed;
 * the absolute error is that of a few additions in double precision.
 */
export function tTwoSided(t: number, degrees: number): number {
  if (!Number.isInteger(degrees) || degrees < 1) {
    throw new RangeError(`degrees of freedom are a whole number from 1 on, not ${degrees}`);
  }
  if (Number.isNaN(t)) throw new RangeError("t is not a number");
  const magnitude = Math.abs(t);
  if (magnitude === Number.POSITIVE_INFINITY) return 0;
  const theta = Math.atan(magnitude / Math.sqrt(degrees));
  const cosine = Math.cos(theta);
  const odd = degrees % 2 === 1;
  let term = odd ? cosine : 1;
  let series = degrees === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= (cosine * cosine * (k - 1)) / k;
    series += term;
  }
  const inside = odd ? (2 / Math.PI) * (theta + Math.sin(theta) * series) : Math.sin(theta) * series;
  return Math.min(1, Math.max(0, 1 - inside));
}

/** The t that a two-sided test at `alpha` has to pass, to double precision. */
export function criticalT(degrees: number, alpha: number): number {
  let [low, high] = [0, 1];
  while (tTwoSided(high, degrees) > alpha) high *= 2;
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2;
    if (tTwoSided(middle, degrees) > alpha) low = middle;
    else high = middle;
  }
  return high;
}

/** The standard error of a mean; NaN below two values. */
function standardError(values: readonly number[], centre: number): number {
  const n = values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (n - 1) / n);
}

/**
 * 95 % interval of a mean, by Student's t: of differences it leaves 0 out exactly where the paired t-test has p < .05.
 * A single value has an interval of width 0: it has no spread to judge by.
 */
export function meanInterval(values: readonly number[]): Interval {
  const centre = mean(values);
  if (values.length < 2) return [centre, centre];
  const half = criticalT(values.length - 1, SIGNIFICANCE) * standardError(values, centre);
  return [centre - half, centre + half];
}

/**
 * Two-sided paired t-test of the hypothesis that the differences have mean zero. Null below two pairs, because there is no
 * spread to judge by. Differences without any spread give 1 if they are all zero, else 0.
 */
export function pairedTTest(differences: readonly number[]): number | null {
  const n = differences.length;
  if (n < 2) return null;
  const centre = mean(differences);
  const error = standardError(differences, centre);
  // Differences that are equal up to rounding have no spread: t would be a ratio of rounding errors.
  const largest = Math.max(...differences.map(Math.abs));
  if (error <= largest * 1e-12) return Math.abs(centre) <= largest * 1e-12 ? 1 : 0;
  return tTwoSided(centre / error, n - 1);
}

/** Wilson's 95 % interval of a share: valid near 0 and 1 and for small counts, where the normal approximation is not. */
export function wilson(count: number, of: number): Interval {
  if (of === 0) return [0, 1];
  const z = 1.959964;
  const share = count / of;
  const centre = (share + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z / (1 + (z * z) / of)) * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

const EXACT_UP_TO = 16;
const RANDOM_FLIPS = 100_000;

/**
 * Two-sided permutation test for pairs: under the hypothesis each difference is as likely to have the other sign. Exact over
 * all 2^n signs up to 16 pairs; above, 100,000 random ones with the observed one counted in, so that it is never 0.
 */
export function permutationTest(differences: readonly number[], random: Random): number {
  const n = differences.length;
  const observed = Math.abs(differences.reduce((sum, value) => sum + value, 0));
  const tolerance = 1e-12 * differences.reduce((sum, value) => sum + Math.abs(value), 0);
  const extreme = (negative: (index: number) => boolean): boolean => {
    let sum = 0;
    for (const [index, value] of differences.entries()) sum += negative(index) ? -value : value;
    return Math.abs(sum) >= observed - tolerance;
  };
  let count = 0;
  if (n <= EXACT_UP_TO) {
    for (let signs = 0; signs < 2 ** n; signs++) if (extreme((index) => ((signs >> index) & 1) === 1)) count++;
    return count / 2 ** n;
  }
  for (let draw = 0; draw < RANDOM_FLIPS; draw++) if (extreme(() => random.below(2) === 1)) count++;
  return (count + 1) / (RANDOM_FLIPS + 1);
}

const RESAMPLES = 10_000;

function average(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** With fewer pairs there are too few signs to flip. */
const PERMUTATION_FROM = 8;

/** The t-test and, from 8 pairs on, the permutation test. */
export const pairedTests = (differences: readonly number[], random: Random) => ({
  p: pairedTTest(differences),
  ...(differences.length >= PERMUTATION_FROM && { pPermutation: permutationTest(differences, random) }),
});

/**
 * Mean of the middle half: a quarter of the values, rounded down, is left out at each end, as in scipy.stats.trim_mean(…, 0.25),
 * which Agarwal et al. (Deep RL at the Edge of the Statistical Precipice, 2021) use. Below four values it is the mean.
 */
export const interquartileMean = (values: ArrayLike<number>): number => middleHalf(Float64Array.from(values));

/** The same for values that it may sort in place. */
export function middleHalf(values: Float64Array): number {
  values.sort();
  const cut = Math.floor(values.length / 4);
  return average(values.subarray(cut, values.length - cut));
}

/**
 * 95 % percentile bootstrap interval of a statistic, by default the mean. Too narrow over few values (of ten normal ones it
 * holds the mean in 90 % of cases, of two in 50 %): for a mean take `meanInterval`. A single value has an interval of width 0.
 */
export function bootstrapInterval(
  values: readonly number[],
  random: Random,
  resamples = RESAMPLES,
  statistic: (drawn: Float64Array) => number = average,
): Interval {
  const n = values.length;
  const drawn = new Float64Array(n);
  const statistics = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    for (let draw = 0; draw < n; draw++) drawn[draw] = values[random.below(n)] as number;
    statistics[resample] = statistic(drawn);
  }
  const sorted = Array.from(statistics.sort());
  return [quantileSorted(sorted, 0.025) ?? Number.NaN, quantileSorted(sorted, 0.975) ?? Number.NaN];
}

/**
 * Holm's (1979) step-down correction of the p-values of one family: the chance of even one false "p < α" among all of them
 * stays below α. A test that could not be made (null) does not count.
 */
export function holm(probabilities: readonly (number | null)[]): (number | null)[] {
  const corrected: (number | null)[] = probabilities.map(() => null);
  const tests = probabilities.flatMap((p, index) => (p === null ? [] : [{ p, index }]));
  const ascending = tests.sort((a, b) => a.p - b.p);
  let least = 0;
  for (const [rank, { p, index }] of ascending.entries()) {
    least = Math.max(least, Math.min(1, p * (ascending.length - rank)));
    corrected[index] = least;
  }
  return corrected;
}
