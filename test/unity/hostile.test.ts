/**
 * @file Strangers at the .NET host's port who never log in: the host survives them, and serves its client meanwhile.
 */
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { beforeAll, expect, it } from "vitest";
import { EnvironmentClient } from "../../protocol/index.js";
import { BUILD_TIMEOUT, bound, closers, describeHost, hostCommand } from "./host.js";

const STRANGERS = 400;

const greeting = (mechanism: string): Buffer => {
  const bytes = Buffer.alloc(64);
  bytes[0] = 0xff;
  bytes.set([0x7f, 3, 1], 9);
  bytes.write(mechanism, 12, "latin1");
  return bytes;
};
const command = (...parts: (string | readonly number[])[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));
  return Buffer.concat([Buffer.from([4, body.length]), body]);
};
const socketType = (length: readonly number[]): Buffer => command("\x05READY", "\x0bSocket-Type", length, "DEALER");

/** Each of these ended a host with NetMQ 4.0.4.5 as its transport. */
const ATTACKS: readonly [string, Buffer][] = [
  ["a property of 2^31 bytes", Buffer.concat([greeting("NULL"), socketType([0x80, 0, 0, 0])])],
  ["a property of 2^32 - 1 bytes", Buffer.concat([greeting("NULL"), socketType([255, 255, 255, 255])])],
  ["an empty command", Buffer.concat([greeting("NULL"), socketType([0, 0, 0, 6]), Buffer.from([4, 0])])],
];

describeHost("the .NET host", () => {
  beforeAll(() => void hostCommand(), BUILD_TIMEOUT);

  async function stranger(endpoint: string, bytes: Buffer): Promise<Socket> {
    const socket = createConnection(Number(endpoint.split(":").at(-1)), "127.0.0.1");
    socket.on("error", () => socket.destroy());
    closers.push(() => void socket.destroy());
    await once(socket, "connect");
    socket.resume();
    if (bytes.length > 0) socket.write(bytes);
    return socket;
  }

  async function served(client: EnvironmentClient, seed: number): Promise<void> {
    const { results } = await client.batch([{ env: 0, op: "reset", seed }], []);
    expect(results[0]).toMatchObject({ episode: seed });
  }

  it("ends the connection of a peer that does not speak ZMTP, and nothing else", async () => {
    const { endpoint } = await bound([]);
    const client = await EnvironmentClient.connect({ endpoint });
    closers.push(() => client.close());
    for (const [i, [what, bytes]] of ATTACKS.entries()) {
      const socket = await stranger(endpoint, bytes);
      if (!socket.destroyed) await once(socket, "close");
      expect(socket.destroyed, what).toBe(true);
      await served(client, i + 1);
    }
  });

  it.each([
    ["as many file descriptors as usual", undefined],
    ["fewer file descriptors than they would take", 120],
  ])(
    `serves its client beside ${STRANGERS} connections that say nothing or half a greeting, with %s`,
    async (_, descriptors) => {
      const { endpoint } = await bound([], 2, descriptors);
      const before = await EnvironmentClient.connect({ endpoint });
      closers.push(() => before.close());
      for (let i = 0; i < STRANGERS; i++) await stranger(endpoint, greeting("NULL").subarray(0, (i % 8) * 9));
      await served(before, 1);
      await before.close();
      const after = await EnvironmentClient.connect({ endpoint });
      closers.push(() => after.close());
      await served(after, 1);
    },
  );
});
