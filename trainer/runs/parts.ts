/** @file Opens a run's agent and model, as its configuration names them. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { World } from "../environments/served-world.js";
import type { Progress } from "../progress.js";
import type { Agent } from "../sac/agent.js";
import { agentDefaults, agentReplayBytes, createAgent } from "../sac/create-agent.js";
import { type Configuration, stepsAtMost } from "../settings/configuration.js";
import { openModel } from "../vlm/index.js";
import type { VisionLanguageModel } from "../vlm/model.js";

const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const BUNDLED_MODEL = path.join(packageRoot, "trainer/vlm/bundled");

/** The model's directory; "bundled" is the small CLIP that ships. */
export const modelDirectory = (vlm: string): string => (vlm === "bundled" ? BUNDLED_MODEL : path.resolve(vlm));

export function openConfiguredModel(configuration: Configuration): Promise<VisionLanguageModel> {
  const { vlm, device, threads, fineTuning, loraRank, loraAlpha, learningRate, weightDecay, gradientClip } =
    configuration;
  return openModel(modelDirectory(vlm), {
    runtime: { device, threads },
    fineTuning: {
      method: fineTuning,
      rank: loraRank,
      alpha: loraAlpha,
      learningRate,
      weightDecay,
      gradientClip,
      warmupSteps: configuration.warmupSteps,
      seed: configuration.seed,
    },
  });
}

export async function openAgent(configuration: Configuration, world: World, progress: Progress): Promise<Agent> {
  const { agent, seed, learner, device, threads, replay, replayCapacity } = configuration;
  const {
    extrinsicWeight,
    discount,
    targetEntropy,
    hardnessCap,
    klBudget,
    proposals,
    heads,
    view,
    episodesPerIteration,
  } = configuration;
  const options = {
    ...agentDefaults(agent),
    world: world.agentWorld(configuration.features),
    seed,
    learner,
    device,
    threads,
    replay,
    replayCapacity,
    iterationSamples: episodesPerIteration * stepsAtMost(configuration),
    extrinsicWeight,
    gamma: discount,
    targetEntropy,
    hardnessCap,
    klBudget,
    proposals,
    heads,
    view,
  };
  const bytes = agentReplayBytes(agent, options);
  if (bytes > 0) progress.say(`replay: ${(bytes / 2 ** 20).toFixed(0)} MiB for ${replayCapacity} transitions`);
  const opened = await createAgent(agent, options);
  progress.say(`agent: ${opened.description}`);
  return opened;
}
