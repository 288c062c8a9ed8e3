/** @file What a run's settings name outside of them, looked for before anything is said, opened or measured. */
import { checkEnvironment } from "../environments/open-environments.js";
import type { Configuration } from "../settings/configuration.js";
import { architectureIn } from "../vlm/architectures.js";
import { modelDirectory } from "./parts.js";

/**
 * Looks for the model, the world and the environment of each configuration, each once.
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
