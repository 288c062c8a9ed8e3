/** @file Starts or finds the environment server of a configuration, and checks that it offers what the loop needs. */
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { followServer, type SupervisorEvent, spawnServer, type VectorEnvironment } from "../../protocol/index.js";
import { InputError } from "../errors.js";
import type { Progress } from "../progress.js";
import { loadCatalog } from "../rooms/index.js";
import { dotnetHostCommand } from "./dotnet-host.js";
import { EmbeddedPictures } from "./embedded-pictures.js";
import { EnvironmentLink } from "./environment-link.js";
import { playerCommand, playerFailure } from "./player.js";
import { connectToFree, remoteServers } from "./remote-servers.js";
import { worldOf } from "./requirements.js";
import { PREPARATION_ENVIRONMENTS } from "./wander.js";

const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const commandLine = path.join(packageRoot, "dist/trainer/cli/main.js");
/** The port of an Editor's server (protocol/README.md). */
const EDITOR_PORT = "5005";
const EDITOR = /^editor(?::(\d{1,5}))?$/;

export interface EnvironmentOptions {
  readonly env: string;
  readonly world: string;
  readonly count: number;
  readonly imageSize: number;
  /** Who draws the images: the server (default), or the embedded renderer from the server's states. */
  readonly render?: "server" | "embedded";
  /** Keys file for a server at tcp://HOST:PORT, or several files for several servers; "" for none. */
  readonly keys?: string;
  /** Passed to the client (protocol/channel.ts). */
  readonly waitAwake?: boolean;
}

/** Starts or finds the server, and checks that it offers what the loop needs. */
export async function openEnvironments(
  options: EnvironmentOptions,
  progress: Progress,
  signal?: AbortSignal,
): Promise<EnvironmentLink> {
  const server = await connect(options, progress, signal);
  try {
    const { imageSize, render = "server" } = options;
    const { envCount } = server.welcome;
    const world = worldOf(server.welcome, imageSize, render);
    if (envCount < options.count) {
      const few = envCount === 1 ? "1 environment" : `${envCount} environments`;
      const more = EDITOR.test(options.env) ? "set Env Count of Gym Server to" : "start it with --envs";
      throw new InputError(
        `--env ${options.env}: serves ${few} and E is ${options.count}; ${more} ${options.count} or more, or lower --E`,
      );
    }
    const client = render === "embedded" ? new EmbeddedPictures(server, imageSize) : server;
    return new EnvironmentLink(client, world, envCount, signal);
  } catch (error) {
    await server.close();
    throw error;
  }
}

/**
 * Checks `--env`, `--world` and `--keys` as far as possible without a server.
 * @throws InputError that says what is missing
 */
export function checkEnvironment({ env, world, keys = "" }: Pick<EnvironmentOptions, "env" | "world" | "keys">): void {
  const remote = remoteServers(env, keys);
  if (env === "embedded") loadCatalog(world);
  else if (remote === null && env !== "dotnet" && !EDITOR.test(env) && !existsSync(env)) {
    throw new InputError(
      `--env ${env}: there is no such player; give embedded, dotnet, editor[:PORT], tcp://HOST:PORT or a path`,
    );
  }
}

function connect(options: EnvironmentOptions, progress: Progress, signal?: AbortSignal): Promise<VectorEnvironment> {
  const { env, world, count, imageSize, keys = "", waitAwake = true } = options;
  checkEnvironment(options);
  const remote = remoteServers(env, keys);
  const client = { imageSize, waitAwake };
  const onEvent = ({ message }: SupervisorEvent): void => progress.say(message);
  const spawned = (command: string, args: readonly string[]): Promise<VectorEnvironment> =>
    spawnServer({ command, args, client, onEvent, signal });
  // Enough for preparation too, whatever E is.
  const envs = String(Math.max(count, PREPARATION_ENVIRONMENTS));
  const size = ["--envs", envs, "--image-size", String(imageSize)];
  if (env === "embedded") {
    return spawned(process.execPath, [commandLine, "env", "serve", "--world", world, ...size]);
  }
  const editor = EDITOR.exec(env);
  if (editor !== null) return followEditor(editor[1] ?? EDITOR_PORT, imageSize, progress, signal);
  if (remote !== null) return connectToFree(remote, { imageSize, progress, signal });
  if (env === "dotnet") {
    const { command, args } = dotnetHostCommand();
    return spawned(command, [...args, "--world", world, "--envs", envs]);
  }
  const player = playerCommand(env);
  return spawned(player.command, [...player.args, "--world", world, ...size]).catch((error: unknown) => {
    throw playerFailure(env, error);
  });
}

/**
 * The environment in a Unity Editor: waits for Play, pauses at Stop. An iteration that Stop interrupts goes on in
 * memory with the next Play. On disk is the end of the iteration before; a resumed run repeats the iteration from
 * there, with the same results.
 */
function followEditor(
  port: string,
  imageSize: number,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<VectorEnvironment> {
  const onEvent = ({ kind, message }: SupervisorEvent): void => {
    progress.say(message);
    if (kind === "paused") {
      progress.say(
        "Play goes on with the run; or end it here: --resume makes the iteration that was begun anew, equal to the bit",
      );
    }
  };
  return followServer({ endpoint: `tcp://127.0.0.1:${port}`, imageSize, onEvent, signal });
}
