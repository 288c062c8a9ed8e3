/** @file `rls3/statistics`: the tests and intervals over seeds that reports use. */

// The generator for resampling: `Random.stream(0, "bootstrap")`.
export { Random } from "../random/random.js";
export { pairedPower, powerOf, seedsFor } from "../report/power.js";
// Paired differences, one per seed. Intervals are 95 %.
export {
  bootstrapInterval,
  holm,
  interquartileMean,
  meanInterval,
  pairedTTest,
  permutationTest,
  tTwoSided,
  wilson,
} from "../report/statistics.js";
