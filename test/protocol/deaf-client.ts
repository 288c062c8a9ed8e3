/** @file A client that sends requests without reading, and counts how many answers the server stored for it. */
import { createConnection, createServer, type Socket } from "node:net";
import { Dealer } from "zeromq";
import { decodeHeader, encodeHeader } from "../../protocol/codec.js";
import type { WireMap } from "../../protocol/index.js";
import { closing } from "./peer.js";

/** A connection to the server on which nothing is read while it is held. */
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
/** The answers to all requests that may be under way, twice, plus what TCP's buffers and zeromq's batches hold. */
export const MOST_KEPT = 60;

/**
 * Sends 200 noops to each of `environments` without reading for `patience` milliseconds. Returns how many were answered,
 * and the answer to one more.
 */
export async function answersKept(
  endpoint: string,
  environments: number,
  want: string,
  patience = 1500,
): Promise<{ kept: number; last: WireMap; req: number }> {
  const way = await hold(endpoint);
  const client = closing(new Dealer({ linger: 0, receiveHighWaterMark: 1 }));
  client.connect(way.endpoint);
  let [req, sid] = [0, ""];
  const send = (fields: object): Promise<void> => client.send([encodeHeader({ v: 1, sid, req: ++req, ...fields })]);
  const receive = async (): Promise<WireMap> => decodeHeader((await client.receive())[0] ?? Buffer.alloc(0));
  const ops = (op: string): object[] => Array.from({ length: environments }, (_, env) => ({ env, op }));
  await send({ t: "hello", client: "deaf" });
  sid = String((await receive())["sid"]);
  await send({ t: "batch", ops: ops("reset"), want: [] });
  await receive();
  way.held(true);
  const ask = (): Promise<void> => send({ t: "batch", ops: ops("noop"), want: [want] });
  for (let i = 0; i < REQUESTS; i++) await ask();
  // By then the server has processed all of them.
  await quiet(patience);
  way.held(false);
  for (let kept = 0; ; kept++) {
    const received = receive();
    if ((await Promise.race([received, quiet(1500)])) !== "quiet") continue;
    await ask();
    return { kept, last: await received, req };
  }
}

const quiet = (milliseconds: number): Promise<"quiet"> =>
  new Promise((resolve) => setTimeout(() => resolve("quiet"), milliseconds));
