import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Router } from "zeromq";
import { decodeHeader, encodeHeader } from "../../protocol/codec.js";
import { type EnvironmentClient, EnvironmentServer, generateKeys } from "../../protocol/index.js";
import { connectToFree, type RemoteServer, remoteServers } from "../../trainer/environments/remote-servers.js";
import { silent } from "../../trainer/progress.js";
import { counterDefinition } from "../protocol/counter.js";

const LOCAL = "tcp://127.0.0.1:*";
const open: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const keys = [generateKeys("a token of enough characters"), generateKeys("another token, long enough")];
const files: string[] = [];
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "rls3-servers-"));
  for (const [i, { serverSecretKey: _secret, ...clientKeys }] of keys.entries()) {
    files[i] = path.join(folder, `${i}.json`);
    writeFileSync(files[i], JSON.stringify(clientKeys));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One server under each keys file, over CURVE. */
const twoServers = (): Promise<string[]> =>
  Promise.all(
    keys.map(async (serverKeys) => {
      const limits = { ping_period_ms: 200 };
      const server = await EnvironmentServer.bind(counterDefinition(), {
        endpoint: LOCAL,
        envCount: 1,
        keys: serverKeys,
        limits,
      });
      open.push(server);
      return server.endpoint;
    }),
  );

const lines: string[] = [];
async function connect(servers: readonly RemoteServer[] | null): Promise<EnvironmentClient> {
  const progress = { ...silent, say: (line: string) => void lines.push(line) };
  const client = await connectToFree(servers ?? [], { imageSize: 64, progress });
  open.push(client);
  return client;
}

describe("servers that already run", () => {
  it("are named by --env, separated by spaces, with a keys file for all or one for each", () => {
    expect(remoteServers("embedded", "")).toBeNull();
    expect(remoteServers("builds/my player.x86_64", "")).toBeNull();
    expect(remoteServers("tcp://a:1  tcp://b:2", "k")).toEqual([
      { endpoint: "tcp://a:1", keys: "k" },
      { endpoint: "tcp://b:2", keys: "k" },
    ]);
    expect(remoteServers("tcp://a:1 tcp://b:2", "k l")?.map((server) => server.keys)).toEqual(["k", "l"]);
    expect(() => remoteServers("tcp://a:1 tcp://b:2 tcp://c:3", "k l")).toThrow("names 2 files for 3 servers");
    expect(() => remoteServers("tcp://a:1 tcp://a:1", "")).toThrow("names tcp://a:1 twice");
    expect(() => remoteServers("tcp://a:1 embedded", "")).toThrow('"embedded" is no server');
    expect(() => remoteServers("embedded", "k")).toThrow("--keys k: is for --env tcp://HOST:PORT");
  });

  it("each take one client over CURVE; the next waits until one is free", async () => {
    const servers = remoteServers((await twoServers()).join(" "), files.join(" "));
    const [first] = await Promise.all([connect(servers), connect(servers)]);
    const third = connect(servers);
    await expect.poll(() => lines).toContain("all 2 servers are busy: waiting");
    await first?.close();
    expect((await third).welcome.envCount).toBe(1);
  });

  it("are waited for when alone, as long as a dead client keeps them busy, and no longer", async () => {
    const [endpoint = ""] = await twoServers();
    const [alone] = remoteServers(endpoint, files[0] ?? "") ?? [];
    if (alone === undefined) throw new Error("there is a server");
    const dies = await connect([alone]);
    dies.end(new Error("died"));
    const next = await connect([alone]);
    await expect(connect([alone])).rejects.toMatchObject({ code: "BUSY" });
    expect(next.welcome.envCount).toBe(1);
  });

  it("are waited for when they come late, and the user is told", async () => {
    const options = { endpoint: LOCAL, envCount: 1 };
    const gone = await EnvironmentServer.bind(counterDefinition(), options);
    const { endpoint } = gone;
    gone.close();
    await gone.closed;
    const client = connect(remoteServers(endpoint, ""));
    await expect.poll(() => lines, { timeout: 10_000 }).toContain(`waiting for the server at ${endpoint}`);
    open.push(await EnvironmentServer.bind(counterDefinition(), { ...options, endpoint }));
    expect((await client).welcome.envCount).toBe(1);
  });

  it("are named where one refuses: a token of another server", async () => {
    const [endpoint = "", other = ""] = await twoServers();
    const stranger = path.join(folder, "stranger.json");
    const { serverSecretKey: _secret, ...clientKeys } = keys[0] ?? generateKeys("none of these");
    writeFileSync(stranger, JSON.stringify({ ...clientKeys, token: "none that it would know" }));
    await connect(remoteServers(other, files[1] ?? ""));
    const servers = remoteServers(`${endpoint} ${other}`, `${stranger} ${files[1]}`);
    await expect(connect(servers)).rejects.toMatchObject({ code: "AUTH", message: expect.stringContaining(endpoint) });
  });

  it("that stay busy are given up, even if they do not say how long they may be", async () => {
    const socket = new Router({ linger: 0 });
    open.push(socket);
    await socket.bind(LOCAL);
    const answer = async (): Promise<void> => {
      for await (const [peer = Buffer.alloc(0), head = Buffer.alloc(0)] of socket) {
        const { req } = decodeHeader(head);
        const busy = { v: 1, t: "error", sid: "", req, code: "BUSY", message: "no", detail: {}, retryable: true };
        await socket.send([peer, encodeHeader(busy)]);
      }
    };
    void answer().catch(() => undefined); // closed
    await expect(connect([{ endpoint: socket.lastEndpoint ?? "", keys: "" }])).rejects.toMatchObject({ code: "BUSY" });
  }, 40_000);
});
