/** @file `rls3/run`: one run in a folder, or the algorithm's iterations without a folder, with your own parts. */

export { openEnvironments } from "../environments/open-environments.js";
export { drawingFrom } from "../environments/wander.js";
// Errors: exit codes 2 and 3 of the command line.
export { InputError, UnavailableError } from "../errors.js";
export { loadPlugin } from "../plugins/load.js";
export { pluginSource } from "../plugins/source.js";
export { type Progress, silent } from "../progress.js";
// The algorithm without a folder: `for await (const iteration of rls3(parts, settings, null))`.
export {
  type Found,
  type FoundSample,
  type Iteration,
  type Parts,
  type Pay,
  rls3,
  type Settings,
  type State,
} from "../rls3/loop.js";
// The files of a run.
export {
  type EpisodeRow,
  type MetricsRow,
  type RunConfig,
  readEpisodes,
  readMetrics,
  readRunConfig,
  readSamples,
  type SampleShard,
} from "../run-format/readers.js";
export { openAgent, openConfiguredModel } from "../runs/parts.js";
export { drawTestSets } from "../runs/preparation.js";
// A run in its folder: `run(plan, "new", { progress: silent })`.
export { type Mode, planOf, type RunOptions, type RunPlan, run } from "../runs/run.js";
export { randomTransitions } from "../runs/transitions.js";
// Settings: `resolveConfiguration([{ name: "mine", values: { beta: 4 } }])`.
export { type Configuration, resolveConfiguration, type Source } from "../settings/configuration.js";
export { SETTINGS } from "../settings/settings.js";
