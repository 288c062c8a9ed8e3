/** @file `rls3/sweep`: settings from a grid, a list or random draws, times seeds. */

// Where cells run; implement this interface for your own cluster.
export type { Cell, ExecutionContext, Executor } from "../sweep/executor.js";
export { planSweep, type SweepPlan, type SweepRequest } from "../sweep/plan.js";
export { readSweepFile, type SweepFile } from "../sweep/plan-file.js";
export { runSweep, type SweepOptions, type SweepResult } from "../sweep/sweep.js";
export { type SweepRow, type SweepTable, sweepTable } from "../sweep/table.js";
