/**
 * @file Checks that the model, world and environment in a run's settings exist, before anything is printed, opened or
 * measured.
 */
import { checkEnvironment } from "../environments/open-environments.js";
import type { Configuration } from "../settings/configuration.js";
import { architectureIn } from "../vlm/architectures.js";
import { modelDirectory } from "./parts.js";

/**
 * Checks the model, the world and the environment of each configuration, each once.
 * @throws InputError for the first that is missing
 */
export function checkInputs(configurations: readonly Configuration[]): void {
  const seen = new Set<string>();
  for (const { vlm, env, world, keys } of configurations) {
    const inputs = JSON.stringify([vlm, env, world, keys]);
    if (seen.has(inputs)) continue;
    seen.add(inputs);
    architectureIn(modelDirectory(vlm));
    checkEnvironment({ env, world, keys });
  }
}
