/** @file Answers that nobody reads are not kept without a bound; who reads again is served again. */
import { createConnection, createServer, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { Dealer } from "zeromq";
import { decodeHeader, encodeHeader } from "../../protocol/codec.js";
import { type EnvironmentDefinition, EnvironmentServer } from "../../protocol/index.js";
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

/** A way to the server on which nothing is read while it is held. */
async function hold(endpoint: string): Promise<{ endpoint: string; held: (held: boolean) => void }> {
  const port = Number(endpoint.split(":").at(-1));
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = createConnection(port, "127.0.0.1");
    near.pipe(far);
    far.on("data", (data) => near.write(data));
    for (const socket of [near, far]) socket.on("error", () => socket.destroy());
    sockets.push(far);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  const address = server.address();
  const held = (isHeld: boolean): void => {
    for (const far of sockets) {
      if (isHeld) far.pause();
      else far.resume();
    }
  };
  return { endpoint: `tcp://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, held };
}

const REQUESTS = 200;
/** Those to all requests that may be under way, twice, and what TCP's buffers and zeromq's batches hold. */
const MOST_KEPT = 60;

describe("answers that a client does not read", () => {
  it("are dropped beyond those that it may wait for, and it is served again once it reads", async () => {
    const server = closing(await EnvironmentServer.bind(definition, { endpoint: ANYWHERE }));
    const way = await hold(server.endpoint);
    const client = closing(new Dealer({ linger: 0, receiveHighWaterMark: 1 }));
    client.connect(way.endpoint);
    let req = 1;
    await client.send([encodeHeader({ v: 1, t: "hello", req, client: "deaf" })]);
    const [welcome = Buffer.alloc(0)] = await client.receive();
    const { sid } = decodeHeader(welcome);
    await client.send([encodeHeader({ v: 1, t: "batch", sid, req: ++req, ops: [{ env: 0, op: "reset" }], want: [] })]);
    await client.receive();
    way.held(true);
    const ask = (): Promise<void> =>
      client.send([
        encodeHeader({ v: 1, t: "batch", sid, req: ++req, ops: [{ env: 0, op: "noop" }], want: ["block"] }),
      ]);
    for (let i = 0; i < REQUESTS; i++) await ask();
    // A stranger's answer comes after all of those have been made.
    const stranger = closing(new Dealer({ linger: 0 }));
    stranger.connect(server.endpoint);
    await stranger.send([encodeHeader({ v: 1, t: "ping", sid: "none", req: 1 })]);
    await stranger.receive();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    way.held(false);
    let answers = 0;
    for (let silence = false; !silence; ) {
      const received = client.receive();
      const timer = new Promise<"silence">((resolve) => setTimeout(() => resolve("silence"), 1500));
      silence = (await Promise.race([received, timer])) === "silence";
      received.catch(() => undefined);
      if (!silence) answers++;
      else {
        await ask();
        const [header = Buffer.alloc(0)] = await received;
        expect(decodeHeader(header)).toMatchObject({ t: "batch_result", req });
      }
    }
    expect(answers).toBeLessThan(MOST_KEPT);
    expect(answers).toBeGreaterThan(0);
  }, 60_000);
});
