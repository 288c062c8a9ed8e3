/**
 * @file Shared by these tests: servers and clients that are closed after each test, and a connection that can be cut.
 */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { afterEach } from "vitest";
import { Dealer, Router } from "zeromq";
import { decodeHeader, encodeHeader } from "../../protocol/codec.js";
import { Peer, type PeerOptions } from "../../protocol/conformance/index.js";
import { type ClientOptions, EnvironmentClient, EnvironmentServer, type ServeOptions } from "../../protocol/index.js";
import { counterDefinition } from "./counter.js";

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

export function closing<T extends { close(): unknown }>(one: T): T {
  opened.push(one);
  return one;
}

export const ANYWHERE = "tcp://127.0.0.1:*";

export async function serve(
  options: Partial<ServeOptions> = {},
  graphics: string | null = "software",
): Promise<EnvironmentServer> {
  return closing(
    await EnvironmentServer.bind(counterDefinition(graphics), { endpoint: ANYWHERE, envCount: 2, ...options }),
  );
}

export async function connect(endpoint: string, options: Partial<ClientOptions> = {}): Promise<EnvironmentClient> {
  return closing(await EnvironmentClient.connect({ endpoint, ...options }));
}

/** A low-level client with an open session. */
export async function raw(endpoint: string, options: Partial<PeerOptions> = {}): Promise<Peer> {
  const peer = closing(await Peer.open({ endpoint, patience: 5000, ...options }));
  await peer.hello();
  return peer;
}

/** A TCP proxy whose connections can be cut, at once or after the request has gone through but before its answer comes back. */
export class Wire {
  private readonly sockets = new Set<Socket>();
  /** While set, everything that the server sends is discarded. */
  deaf = false;

  private constructor(
    private readonly server: Server,
    readonly endpoint: string,
  ) {}

  static async to(endpoint: string): Promise<Wire> {
    const port = Number(endpoint.split(":").at(-1));
    let wire: Wire | undefined;
    const server = createServer((near) => {
      const far = createConnection(port, "127.0.0.1");
      for (const socket of [near, far]) {
        wire?.sockets.add(socket);
        socket.on("close", () => {
          wire?.sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
        socket.on("error", () => socket.destroy());
      }
      near.on("data", (data) => far.write(data));
      far.on("data", (data) => {
        if (wire?.deaf !== true) near.write(data);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    wire = new Wire(server, `tcp://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
    return closing(wire);
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy();
    this.deaf = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}

/**
 * A proxy that cannot read messages with the option or token `unreadable`: it answers them without a number, and the
 * server never sees them. First it sends `stray` such answers without a request.
 */
export async function shortSighted(endpoint: string): Promise<{ readonly endpoint: string; stray: number }> {
  const [front, back] = [closing(new Router({ linger: 0 })), closing(new Dealer({ linger: 0 }))];
  await front.bind("tcp://127.0.0.1:*");
  back.connect(endpoint);
  const reader = { endpoint: front.lastEndpoint ?? "", stray: 0 };
  const complaint = encodeHeader({
    ...{ v: 1, t: "error", sid: "", req: 0, code: "BAD_MESSAGE", message: "the integer at byte 5 is too large" },
    ...{ detail: {}, retryable: false },
  });
  const forward = async (): Promise<void> => {
    for await (const [id = Buffer.alloc(0), ...frames] of front) {
      const header = JSON.stringify(decodeHeader(frames[0] ?? Buffer.alloc(0)));
      const isUnreadable = /"unreadable":true|"token":"unreadable"/.test(header);
      for (; reader.stray > 0; reader.stray--) await front.send([id, complaint]);
      if (!isUnreadable) await back.send(frames);
      await front.send([id, ...(isUnreadable ? [complaint] : await back.receive())]);
    }
  };
  // Closing the sockets ends it.
  forward().catch(() => undefined);
  return reader;
}
