/** @file `rls3/statistics`: tests and intervals over seeds, as reports have them. */

// The generator that resamples: `Random.stream(0, "bootstrap")`.
export { Random } from "../random/random.js";
export { pairedPower, powerOf, seedsFor } from "../report/power.js";
// Paired differences, one a seed.
// Intervals, 95 %.
export {
  bootstrapInterval,
  holm,
  interquartileMean,
  pairedTTest,
  permutationTest,
  tTwoSided,
  wilson,
} from "../report/statistics.js";
