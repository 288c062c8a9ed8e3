import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { EnvironmentServer } from "../../protocol/index.js";
import { loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";

const example = path.resolve(import.meta.dirname, "../../protocol/examples/first-client.js");
const run = (endpoint: string) => promisify(execFile)(process.execPath, [example, endpoint], { timeout: 30_000 });

it("the first client of the specification plays ten steps and ends, and a second one gets the session that it closed", async () => {
  const definition = roomsDefinition(loadCatalog("rooms"), { imageSize: 64 });
  await using server = await EnvironmentServer.bind(definition, { endpoint: "tcp://127.0.0.1:*", envCount: 1 });
  for (let i = 0; i < 2; i++) {
    const { stdout } = await run(server.endpoint);
    const lines = stdout.trim().split("\n");
    expect(lines[0]).toBe("rooms: action action [6], observation state");
    expect(lines.filter((line) => /^\d+ -?1 \{"valid":(true|false),/.test(line))).toHaveLength(10);
    expect(lines.filter((line) => line === "  state [1,45], 180 bytes")).toHaveLength(10);
  }
});
