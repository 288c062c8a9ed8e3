/** @file `rls3/compare`: arms × seeds on one shared preparation, and their statistics. */

// report.html as text.
export { renderReport } from "../report/html/report.js";
export { rebuildSummary } from "../report/rebuild.js";
export { type Comparison, summarize } from "../report/summary.js";
// summary.json, read from a folder or computed from curves.
export { readSummary } from "../run-format/readers.js";
export type {
  Accuracy,
  AccuracyAt,
  CurvePoint,
  Pair,
  SamplesToReach,
  SeedRun,
  Summary,
} from "../run-format/summary.js";
export { type ComparisonPlan, compare } from "../runs/compare.js";
