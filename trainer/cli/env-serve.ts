/** @file `rls3 env serve`: runs the embedded environment as a server; it waits for clients or connects to one. */

import type { CommandModule } from "yargs";
import {
  type DefinitionSource,
  type EnvironmentDefinition,
  EnvironmentServer,
  ProtocolError,
  readKeys,
  type ServeOptions,
  type SessionWishes,
} from "../../protocol/index.js";
import { InputError, UnavailableError } from "../errors.js";
import { DEFAULT_IMAGE_SIZE, loadCatalog, roomsDefinition, SHIPPED_WORLDS } from "../rooms/index.js";
import { WORLD_MEANING } from "./options.js";
import { plain } from "./plain.js";

interface Arguments {
  world: string;
  envs: number;
  "image-size": number;
  bind: string | undefined;
  connect: string | undefined;
  keys: string | undefined;
  token: string | undefined;
  once: boolean;
  json: boolean;
}

export const command: CommandModule<object, Arguments> = {
  command: "serve",
  describe: "serve the embedded environment over the protocol",
  builder: (yargs) =>
    plain<Arguments>(yargs, {
      world: { type: "string", default: SHIPPED_WORLDS[0], describe: WORLD_MEANING },
      envs: { type: "number", default: 1, describe: "environments in this process" },
      "image-size": { type: "number", default: DEFAULT_IMAGE_SIZE, describe: "side of images, 32 to 512 pixels" },
      bind: { type: "string", describe: "wait for clients here; port * takes a free one", conflicts: "connect" },
      connect: { type: "string", describe: "connect to a client that has bound, and end with its session" },
      keys: { type: "string", describe: "keys file (CURVE keys and token); needed beyond loopback" },
      token: { type: "string", describe: "require this token, on loopback too", conflicts: "keys" },
      once: { type: "boolean", default: false, describe: "end after the first session" },
    }),
  handler: serve,
};

async function serve(args: Arguments): Promise<void> {
  const catalog = loadCatalog(args.world);
  const imageSize = args["image-size"];
  const { name } = roomsDefinition(catalog, { imageSize });
  // A client gets images of the size in its hello, if they can be drawn.
  const definition = ({ imageSize: wished }: SessionWishes): EnvironmentDefinition =>
    roomsDefinition(catalog, { imageSize: wished !== undefined && wished >= 32 && wished <= 512 ? wished : imageSize });
  const options = {
    envCount: args.envs,
    ...(args.keys === undefined ? {} : { keys: readKeys(args.keys) }),
    ...(args.token === undefined ? {} : { token: args.token }),
  };
  const opened = (): EnvironmentServer | Promise<EnvironmentServer> => {
    if (args.connect !== undefined) {
      return EnvironmentServer.connect(definition, { ...options, endpoint: args.connect });
    }
    if (args.bind !== undefined) return bind(definition, { ...options, endpoint: args.bind, once: args.once });
    throw new InputError("say where: --bind tcp://127.0.0.1:5005 to wait for clients, or --connect ENDPOINT");
  };
  const server = await opened();
  // A signal ends the server like the end of its session.
  const stop = (): void => server.close();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const { endpoint } = server;
  process.stdout.write(
    args.json
      ? `${JSON.stringify({ endpoint, world: name, envs: args.envs })}\n`
      : `serving ${name}, environments: ${args.envs}, at ${endpoint}\n`,
  );
  await server.closed;
  process.removeListener("SIGINT", stop);
  process.removeListener("SIGTERM", stop);
}

async function bind(definition: DefinitionSource, options: ServeOptions): Promise<EnvironmentServer> {
  try {
    return await EnvironmentServer.bind(definition, options);
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof InputError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new UnavailableError(`${options.endpoint} cannot be bound: ${why}; take another port, or * for a free one`);
  }
}
