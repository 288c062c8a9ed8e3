/** @file Opens the agent and the model that a run's configuration names. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { EnvironmentLink } from "../environments/environment-link.js";
import type { World } from "../environments/served-world.js";
import { drawingFrom } from "../environments/wander.js";
import { InputError } from "../errors.js";
import { drawNamedPictures, namesKnown, namingWarning } from "../evaluation/naming.js";
import type { LoadedPlugin } from "../plugins/loaded.js";
import type { Progress } from "../progress.js";
import type { Agent } from "../sac/agent.js";
import { AGENT_SIZES, type AgentOptions, agentReplayBytes, createAgent } from "../sac/create-agent.js";
import { type Configuration, stepsAtMost } from "../settings/configuration.js";
import { fineTuningOf, phrasingOf } from "../vlm/fine-tuning.js";
import { openModel } from "../vlm/index.js";
import type { VisionLanguageModel } from "../vlm/model.js";
import { type StartingAdapter, unchanged } from "./starting-adapter.js";

const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
/** The models that ship: a small CLIP, and a small PaliGemma. */
const BUNDLED_MODELS: readonly string[] = ["bundled", "bundled-paligemma"];

/** The model's directory; models that ship are found by name. */
export const modelDirectory = (vlm: string): string =>
  BUNDLED_MODELS.includes(vlm) ? path.join(packageRoot, "trainer/vlm", vlm) : path.resolve(vlm);

/** What a run's model starts from, besides its settings. */
export interface ModelStart {
  /** An adapter in PEFT's format, to train further. */
  readonly adapter?: StartingAdapter;
  /** The base model's name in the adapter that the run writes; default: the model's directory. */
  readonly baseName?: string;
}

/** @throws InputError for a model or an adapter that cannot be opened, or where the two do not fit */
export async function openConfiguredModel(
  configuration: Configuration,
  { adapter, baseName }: ModelStart = {},
  plugin: LoadedPlugin | null = null,
  warn?: (line: string) => void,
): Promise<VisionLanguageModel> {
  const { vlm, device, threads } = configuration;
  const model = await openModel(modelDirectory(vlm), {
    runtime: { device, threads },
    fineTuning: fineTuningOf(configuration),
    phrasing: phrasingOf(configuration, plugin?.vocabulary),
    ...(adapter === undefined ? {} : { adapter: unchanged(adapter) }),
    ...(baseName === undefined ? {} : { baseName }),
    ...(warn === undefined ? {} : { warn }),
  });
  if (configuration.scoreFrom === "flips" || model.phrasing.prompt !== null) return model;
  await model.close();
  throw new InputError(
    `--score-from ${configuration.scoreFrom}: ${vlm} is a ${model.description.architecture} model, which ranks captions; it has flips alone`,
  );
}

/**
 * Opens the agent that the settings name, for a served world. The caller closes it.
 * @throws InputError where `--agent plugin` has no plugin
 */
export async function openAgent(
  configuration: Configuration,
  world: World,
  progress: Progress,
  plugin: LoadedPlugin | null = null,
): Promise<Agent> {
  const { agent, episodesPerIteration, features, replayCapacity } = configuration;
  const options = {
    ...configuration,
    ...AGENT_SIZES,
    world: world.agentWorld(features),
    iterationSamples: episodesPerIteration * stepsAtMost(configuration),
  };
  const bytes = agent === "plugin" ? 0 : agentReplayBytes(agent, options);
  if (bytes > 0) progress.say(`replay: ${(bytes / 2 ** 20).toFixed(0)} MiB for ${replayCapacity} transitions`);
  const opened = await (agent === "plugin" ? pluginAgent(plugin, options) : createAgent(agent, options));
  progress.say(`agent: ${opened.description}`);
  return opened;
}

function pluginAgent(plugin: LoadedPlugin | null, options: AgentOptions): Promise<Agent> {
  if (plugin !== null) return plugin.openAgent(options);
  throw new InputError("--agent plugin: needs --plugin FILE, a module with an agent");
}

/** Warns before a run where the model does not know the world's objects: the run would train at chance. */
export async function warnOfNames(
  model: VisionLanguageModel,
  environments: EnvironmentLink,
  { testSeed, world, scenes }: Configuration,
  progress: Progress,
): Promise<void> {
  const pictures = await drawNamedPictures(drawingFrom(environments, progress, scenes), testSeed);
  const names = environments.world.catalog.objects.map(({ name }) => name);
  const warning = namingWarning(await namesKnown(model, names, pictures), world);
  if (warning !== null) progress.warn(warning);
}
