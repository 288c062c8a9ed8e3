/** @file Opens a run's agent and model, as its configuration names them. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { World } from "../environments/served-world.js";
import type { Progress } from "../progress.js";
import type { Agent } from "../sac/agent.js";
import { AGENT_SIZES, agentReplayBytes, createAgent } from "../sac/create-agent.js";
import { type Configuration, stepsAtMost } from "../settings/configuration.js";
import { fineTuningOf, phrasingOf } from "../vlm/fine-tuning.js";
import { openModel } from "../vlm/index.js";
import type { VisionLanguageModel } from "../vlm/model.js";

const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const BUNDLED_MODEL = path.join(packageRoot, "trainer/vlm/bundled");

/** The model's directory; "bundled" is the small CLIP that ships. */
export const modelDirectory = (vlm: string): string => (vlm === "bundled" ? BUNDLED_MODEL : path.resolve(vlm));

export function openConfiguredModel(configuration: Configuration): Promise<VisionLanguageModel> {
  const { vlm, device, threads } = configuration;
  return openModel(modelDirectory(vlm), {
    runtime: { device, threads },
    fineTuning: fineTuningOf(configuration),
    phrasing: phrasingOf(configuration),
  });
}

export async function openAgent(configuration: Configuration, world: World, progress: Progress): Promise<Agent> {
  const { agent, episodesPerIteration, features, replayCapacity } = configuration;
  const options = {
    ...configuration,
    ...AGENT_SIZES,
    world: world.agentWorld(features),
    iterationSamples: episodesPerIteration * stepsAtMost(configuration),
  };
  const bytes = agentReplayBytes(agent, options);
  if (bytes > 0) progress.say(`replay: ${(bytes / 2 ** 20).toFixed(0)} MiB for ${replayCapacity} transitions`);
  const opened = await createAgent(agent, options);
  progress.say(`agent: ${opened.description}`);
  return opened;
}
