/**
 * @file Gives a run a longer plan: more iterations or valid samples, and nothing else. Its results so far are those
 * that the longer plan would have given.
 */
import path from "node:path";
import { InputError } from "../errors.js";
import { writeDurably } from "../files/durable-file.js";
import type { Progress } from "../progress.js";
import { finishedBy } from "../rls3/loop.js";
import type { Configuration } from "../settings/configuration.js";
import { flagOf } from "../settings/settings.js";
import { newestState } from "./checkpoints.js";
import { GROWING } from "./followed-settings.js";
import { finishedState, planOf, type RunPlan } from "./run.js";
import { RunDirectory } from "./run-directory.js";

export type Growth = Partial<Pick<Configuration, (typeof GROWING)[number]>>;

/**
 * Writes the longer plan and its command into the run's config.json, and returns the plan.
 * @throws InputError where the plan would not be longer, or the run belongs to a comparison or a sweep
 */
export function lengthen(folder: string, growth: Growth, command: string, progress: Progress): RunPlan {
  const plan = planOf(folder);
  checkGrowth(plan, growth);
  const configuration = { ...plan.configuration, ...growth };
  const directory = RunDirectory.open(folder);
  try {
    directory.settle((line) => progress.warn(line));
    const { continued } = directory.config;
    const commands = [...(Array.isArray(continued) ? continued : []), command];
    const config = { ...directory.config, continued: commands, configuration };
    writeDurably(path.join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  } finally {
    directory.close();
  }
  return { ...plan, configuration };
}

function checkGrowth({ folder, configuration, shared }: RunPlan, growth: Growth): void {
  if (shared !== undefined) {
    throw new InputError(
      `${folder}: is one of the runs of a comparison or a sweep, whose plans are equal; it can't be made longer alone`,
    );
  }
  const grown = GROWING.filter((name) => growth[name] !== undefined);
  if (grown.length > 1) throw new InputError("--iterations and --valid-samples: one of them says how long; give that");
  if (growth.iterations !== undefined && configuration.validSamples > 0) {
    throw new InputError(
      `--iterations: ${folder} ends by its valid samples (${configuration.validSamples}); give --valid-samples`,
    );
  }
  for (const name of grown) {
    const [before, after] = [configuration[name], growth[name] ?? 0];
    if (after >= before) continue;
    throw new InputError(
      `${flagOf(name)} ${after}: ${folder} has a plan of ${before} already, and it can only grow; give more`,
    );
  }
  const ended = finishedState(folder);
  // A run may reach a plateau in the iteration that was its last anyway.
  if (ended !== null && finishedBy({ ...configuration, ...growth }, ended) === "validation plateau") {
    throw new InputError(
      `${folder}: ended on a validation plateau in iteration ${ended.iteration}, as it would with a longer plan; start a run with --no-early-stopping`,
    );
  }
  const state = newestState(folder);
  const valid = Number(state?.["valid"] ?? 0);
  if (growth.validSamples !== undefined && configuration.validSamples === 0 && growth.validSamples <= valid) {
    throw new InputError(`--valid-samples ${growth.validSamples}: ${folder} has ${valid} already; give more`);
  }
}
