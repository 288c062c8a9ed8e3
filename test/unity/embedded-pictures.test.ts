/** @file A server without graphics plus the trainer's renderer gives the same as the embedded environment. */
import { beforeAll, expect, it } from "vitest";
import { type BatchResult, EnvironmentClient, EnvironmentServer, type Op, spawnServer } from "../../protocol/index.js";
import { EmbeddedPictures } from "../../trainer/environments/embedded-pictures.js";
import { Random } from "../../trainer/random/random.js";
import { loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";
import { BUILD_TIMEOUT, describeHost, hostCommand } from "./host.js";

const ENVIRONMENTS = 4;
const IMAGE_SIZE = 64;

describeHost("states of the .NET host with pictures of the embedded renderer", () => {
  beforeAll(() => void hostCommand(), BUILD_TIMEOUT);

  it("are the embedded environment's, observation by observation", async () => {
    const { command, args } = hostCommand();
    const definition = roomsDefinition(loadCatalog("rooms"), { imageSize: IMAGE_SIZE });
    await using server = await EnvironmentServer.bind(definition, {
      endpoint: "tcp://127.0.0.1:*",
      envCount: ENVIRONMENTS,
    });
    await using embedded = await EnvironmentClient.connect({ endpoint: server.endpoint });
    await using host = await spawnServer({ command, args: [...args, "--envs", String(ENVIRONMENTS)] });
    const pictured = new EmbeddedPictures(host, IMAGE_SIZE);
    expect(pictured.welcome.observations).toEqual(embedded.welcome.observations);

    const want = embedded.welcome.observations.map(({ uid }) => uid);
    const random = Random.stream(3, "embedded pictures");
    const action = (): number[] => Array.from({ length: 6 }, () => random.uniform(-1, 1));
    const all = Array.from({ length: ENVIRONMENTS }, (_, env) => env);
    for (let step = 0; step < 30; step++) {
      const ops = all.map(
        (env): Op =>
          step % 10 === 0 ? { env, op: "reset", seed: 10 * step + env } : { env, op: "step", action: action() },
      );
      const [a, b] = await Promise.all([pictured.batch(ops, want), embedded.batch(ops, want)]);
      same(a, b);
    }
    // A row without an observation has no picture either, and nothing comes that was not requested.
    const refused = await pictured.batch([{ env: 0, op: "step", action: [2, 0, 0, 0, 0, 0] }], ["image"]);
    expect(refused.results[0]?.error?.code).toBe("BAD_ACTION");
    expect(refused.tensors["image"]?.data.every((value) => value === 0)).toBe(true);
    expect(Object.keys(refused.tensors)).toEqual(["image"]);
  });
});

function same(a: BatchResult, b: BatchResult): void {
  expect(a.results).toEqual(b.results);
  expect(Object.keys(a.tensors).sort()).toEqual(Object.keys(b.tensors).sort());
  for (const [uid, { shape, data }] of Object.entries(a.tensors)) {
    const other = b.tensors[uid];
    expect(shape).toEqual(other?.shape);
    expect(data.findIndex((value, i) => value !== other?.data[i])).toBe(-1);
  }
}
