/** @file How many seeds it takes to find a difference: the power of the paired t-test, from the noncentral t distribution. */

import { mean } from "../mean.js";
import type { Power } from "../run-format/summary.js";
import { criticalT, SIGNIFICANCE } from "./statistics.js";

/** The wanted chance to find a true difference, at the level of the tests. */
export const WANTED_POWER = 0.8;

/** The standard normal distribution function: Abramowitz and Stegun 26.2.17, absolute error below 7.5e-8. */
function normal(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return x >= 0 ? 1 - tail : tail;
}

const INTERVALS = 1000;

/**
 * P(|T| > t) for the noncentral T = (Z + δ)/S, S = √(χ²/ν), both tails counted: the integral over S of the normal
 * tails, by Simpson's rule over all of S that has weight, divided by the same sum over the density alone.
 */
export function noncentralTails(t: number, degrees: number, noncentrality: number): number {
  const reach = 12 / Math.sqrt(degrees);
  const from = Math.max(0, 1 - reach);
  const width = (1 + reach - from) / INTERVALS;
  let tails = 0;
  let total = 0;
  for (let i = 0; i <= INTERVALS; i++) {
    const s = from + i * width;
    const logarithm = degrees === 1 ? 0 : (degrees - 1) * Math.log(s);
    const density = Math.exp(logarithm - (degrees * (s * s - 1)) / 2);
    const weight = (i === 0 || i === INTERVALS ? 1 : i % 2 === 1 ? 4 : 2) * density;
    total += weight;
    tails += weight * (normal(noncentrality - t * s) + normal(-noncentrality - t * s));
  }
  return tails / total;
}

/** The chance that a two-sided paired t-test over `seeds` finds a true difference of `effect` standard deviations. */
export const pairedPower = (seeds: number, effect: number, alpha = SIGNIFICANCE): number =>
  noncentralTails(criticalT(seeds - 1, alpha), seeds - 1, effect * Math.sqrt(seeds));

/** Beyond this many seeds t is normal to within a hundredth of a seed. */
const EXACT_UP_TO = 200;

/** The fewest seeds, at least 2, with a power of 80 %; beyond 200 by Guenther's (1981) normal approximation. */
export function seedsFor(effect: number): number | null {
  const magnitude = Math.abs(effect);
  if (!(magnitude > 0)) return null;
  if (pairedPower(EXACT_UP_TO, magnitude) < WANTED_POWER) {
    const [zAlpha, zPower] = [1.959963985, 0.841621234];
    return Math.ceil(((zAlpha + zPower) / magnitude) ** 2 + zAlpha ** 2 / 2);
  }
  let [tooFew, enough] = [1, EXACT_UP_TO];
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (pairedPower(middle, magnitude) < WANTED_POWER) tooFew = middle;
    else enough = middle;
  }
  return enough;
}

/** Null below two seeds, and if the seeds' differences have no spread: then there is no scale for the effect. */
export function powerOf(differences: readonly number[]): Power | null {
  const n = differences.length;
  if (n < 2) return null;
  const centre = mean(differences);
  const deviation = Math.sqrt(differences.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (n - 1));
  const largest = Math.max(...differences.map(Math.abs));
  if (deviation <= largest * 1e-12) return null;
  // What rounding leaves of differences that cancel out is none.
  const effect = Math.abs(centre) <= largest * 1e-12 ? 0 : centre / deviation;
  return { effect, power: pairedPower(n, effect), seedsNeeded: seedsFor(effect) };
}
