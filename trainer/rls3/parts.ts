/** @file Opens what a run works with, as its configuration names it: the environment server, the agent, the model. */
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { followServer, spawnServer, type VectorEnvironment } from "../../protocol/index.js";
import { InputError, UnavailableError } from "../errors.js";
import { loadCatalog } from "../rooms/index.js";
import type { Agent } from "../sac/agent.js";
import { agentDefaults, agentReplayBytes, createAgent } from "../sac/create-agent.js";
import { openModel } from "../vlm/index.js";
import type { VisionLanguageModel } from "../vlm/model.js";
import { type Configuration, stepsAtMost } from "./configuration.js";
import { dotnetHostCommand } from "./dotnet-host.js";
import { EmbeddedPictures } from "./embedded-pictures.js";
import { EnvironmentLink } from "./environment-link.js";
import { playerCommand, playerFailure } from "./player.js";
import { PREPARATION_ENVIRONMENTS } from "./preparation.js";
import type { Progress } from "./progress.js";
import { connectToFree, remoteServers } from "./remote-servers.js";
import { World } from "./world.js";

const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const commandLine = path.join(packageRoot, "dist/trainer/cli/main.js");
const BUNDLED_MODEL = path.join(packageRoot, "trainer/vlm/bundled");
/** Where an Editor's server listens (protocol/README.md). */
const EDITOR_PORT = "5005";

export interface EnvironmentWish {
  readonly env: string;
  readonly world: string;
  readonly count: number;
  readonly imageSize: number;
  /** Whose images: the server's (the default), or the embedded renderer's of the server's states. */
  readonly render?: "server" | "embedded";
  /** Keys file for a server at tcp://HOST:PORT (or files, for several); none: "". */
  readonly keys?: string;
  /** Of the client (protocol/channel.ts). */
  readonly waitAwake?: boolean;
}

/** Starts or finds the server, and checks that it has what the loop needs. */
export async function openEnvironments(
  wish: EnvironmentWish,
  progress: Progress,
  signal?: AbortSignal,
): Promise<EnvironmentLink> {
  const server = await connect(wish, progress, signal);
  try {
    const client = wish.render === "embedded" ? new EmbeddedPictures(server, wish.imageSize) : server;
    const { welcome } = client;
    if (welcome.envCount < wish.count) {
      throw new InputError(
        `--env ${wish.env}: serves ${welcome.envCount} environments and E is ${wish.count}; start it with more, or lower --E`,
      );
    }
    const image = welcome.observations.find((spec) => spec.uid === "image");
    if (image === undefined || welcome.graphics === null) {
      throw new UnavailableError(
        `--env ${wish.env}: renders no images (no graphics device); run it with one, and without -nographics, or add --render embedded`,
      );
    }
    return new EnvironmentLink(client, World.of(welcome), welcome.envCount, signal);
  } catch (error) {
    await server.close();
    throw error;
  }
}

function connect(wish: EnvironmentWish, progress: Progress, signal?: AbortSignal): Promise<VectorEnvironment> {
  const { env, world, count, imageSize, keys = "", waitAwake = true } = wish;
  const remote = remoteServers(env, keys);
  const client = { imageSize, waitAwake };
  const onEvent = (message: string): void => progress.say(message);
  const spawned = (command: string, args: readonly string[]): Promise<VectorEnvironment> =>
    spawnServer({ command, args, client, onEvent, signal });
  // Enough for the preparation too, whatever E is.
  const envs = String(Math.max(count, PREPARATION_ENVIRONMENTS));
  const size = ["--envs", envs, "--image-size", String(imageSize)];
  if (env === "embedded") {
    loadCatalog(world); // what is wrong with it is better told here than by a server that does not start
    return spawned(process.execPath, [commandLine, "env", "serve", "--world", world, ...size]);
  }
  const editor = /^editor(?::(\d{1,5}))?$/.exec(env);
  if (editor !== null) return followEditor(editor[1] ?? EDITOR_PORT, imageSize, progress, signal);
  if (remote !== null) return connectToFree(remote, { imageSize, progress, signal });
  if (env === "dotnet") {
    const { command, args } = dotnetHostCommand();
    return spawned(command, [...args, "--world", world, "--envs", envs]);
  }
  if (!existsSync(env)) {
    throw new InputError(
      `--env ${env}: there is no such player; give embedded, dotnet, editor[:PORT], tcp://HOST:PORT or a path`,
    );
  }
  const player = playerCommand(env);
  return spawned(player.command, [...player.args, "--world", world, ...size]).catch((error: unknown) => {
    throw playerFailure(env, error);
  });
}

/**
 * The environment in a Unity Editor: waited for until Play, paused at Stop. The iteration that a Stop falls into goes on in memory with
 * the next Play; on disk is the end of the one before, from which a resumed run makes it again, to the same results as without a Stop.
 */
function followEditor(
  port: string,
  imageSize: number,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<VectorEnvironment> {
  const onEvent = (message: string): void => {
    progress.say(message);
    if (/is gone: paused/.test(message)) {
      progress.say(
        "Play goes on with the run; or end it here: --resume makes the iteration that was begun anew, equal to the bit",
      );
    }
  };
  return followServer({ endpoint: `tcp://127.0.0.1:${port}`, imageSize, onEvent, signal });
}

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
