import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { EnvironmentServer } from "../../protocol/index.js";
import { loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";
import { counterDefinition } from "./counter.js";

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

it("the first client says in one line what a server refuses, and leaves its session free for the next", async () => {
  const counter = counterDefinition();
  // It sends float32.
  const integers = { ...counter, action: { ...counter.action, dtype: "int32" as const } };
  await using server = await EnvironmentServer.bind(integers, { endpoint: "tcp://127.0.0.1:*", envCount: 1 });
  for (let i = 0; i < 2; i++) {
    await expect(run(server.endpoint)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^first-client: BAD_ACTION: .*\n$/),
    });
  }
});
