/** @file Unread answers are stored only up to a limit; a client that reads again is served again. */
import { describe, expect, it } from "vitest";
import { type EnvironmentDefinition, EnvironmentServer } from "../../protocol/index.js";
import { answersKept, MOST_KEPT } from "./deaf-client.js";
import { ANYWHERE, closing } from "./peer.js";

const MIB = 2 ** 20;

/** Each noop is answered with 1 MiB. */
const definition: EnvironmentDefinition = {
  name: "heavy",
  action: { uid: "action", dtype: "float32", shape: [1], low: -1, high: 1 },
  observations: [{ uid: "block", dtype: "uint8", shape: [MIB], low: 0, high: 255 }],
  graphics: null,
  create: () => ({
    reset: () => ({}),
    step: () => ({ reward: 0, terminated: false, truncated: false, info: {} }),
    observe: (_uid, out) => void out.fill(1),
  }),
};

describe("answers that a client does not read", () => {
  it("are dropped beyond the number that may be under way, and the client is served again once it reads", async () => {
    const server = closing(await EnvironmentServer.bind(definition, { endpoint: ANYWHERE }));
    const { kept, last, req } = await answersKept(server.endpoint, 1, "block");
    expect(last).toMatchObject({ t: "batch_result", req });
    expect(kept).toBeLessThan(MOST_KEPT);
    expect(kept).toBeGreaterThan(0);
  }, 60_000);
});
