import { expect, it } from "vitest";
import { EnvironmentServer } from "../../protocol/index.js";
import { openEnvironments } from "../../trainer/environments/open-environments.js";
import { silent } from "../../trainer/progress.js";
import { loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";

const rooms = roomsDefinition(loadCatalog("rooms"), { imageSize: 64 });

it.each([
  [1, "serves 1 environment and"],
  [3, "serves 3 environments and"],
])("a server of %i environments is refused for more episodes, with what to start it with", async (envCount, served) => {
  await using server = await EnvironmentServer.bind(rooms, { endpoint: "tcp://127.0.0.1:*", envCount });
  const port = new URL(server.endpoint).port;
  const open = (env: string) => openEnvironments({ env, world: "rooms", count: 16, imageSize: 64 }, silent);
  await expect(open(server.endpoint)).rejects.toThrow(
    `--env ${server.endpoint}: ${served} E is 16; start it with --envs 16 or more, or lower --E`,
  );
  await expect(open(`editor:${port}`)).rejects.toThrow(
    `--env editor:${port}: ${served} E is 16; set Env Count of Gym Server to 16 or more, or lower --E`,
  );
});
