/** @file The .NET host passes the conformance suite, whichever side binds, with and without CURVE. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { decodeHeader, encodeHeader } from "../../protocol/codec.js";
import { checkServer, Peer, type PeerOptions } from "../../protocol/conformance/index.js";
import { generateKeys, type Keys, ServerProcess } from "../../protocol/index.js";
import { BUILD_TIMEOUT, bound, closers, describeHost, hostCommand } from "./host.js";

async function failures(peer: Peer): Promise<string[]> {
  const report = await checkServer(peer, undefined);
  expect(report.checks.length).toBeGreaterThan(25);
  return report.checks.filter(({ outcome }) => outcome === "failed").map(({ name, detail }) => `${name}: ${detail}`);
}

/** The next message, however long a process takes to start. */
async function patient(peer: Peer): Promise<Buffer[]> {
  for (let tries = 0; ; tries++) {
    try {
      return await peer.receiveRaw();
    } catch (error) {
      if (tries === 30) throw error;
    }
  }
}

/** Binds to the address of a closed socket, which becomes free a moment later. */
async function reopened(endpoint: string, options: Partial<PeerOptions>): Promise<Peer> {
  for (let tries = 0; ; tries++) {
    try {
      return await Peer.open({ endpoint, ...options });
    } catch (error) {
      if (tries === 30) throw error;
      await sleep(100);
    }
  }
}

describeHost("the .NET host", () => {
  let folder = "";
  let keys: Keys;
  let keysFile = "";
  beforeAll(async () => {
    hostCommand();
    folder = await mkdtemp(path.join(tmpdir(), "rls3-host-"));
    keysFile = path.join(folder, "keys.json");
    keys = generateKeys("a token for the tests");
    await writeFile(keysFile, JSON.stringify(keys));
  }, BUILD_TIMEOUT);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(["without", "with"])("conforms when it binds, %s CURVE", async (curve) => {
    const secret = curve === "with";
    const { endpoint } = await bound(secret ? ["--keys", keysFile] : []);
    const peer = await Peer.open({ endpoint, ...(secret ? { keys } : {}) });
    closers.push(() => peer.close());
    expect(await failures(peer)).toEqual([]);
  });

  it.each(["without", "with"])("conforms when it connects, and ends with its session, %s CURVE", async (curve) => {
    const secret = curve === "with";
    const peer = await Peer.open({ endpoint: "tcp://127.0.0.1:*", bind: true, ...(secret ? { keys } : {}) });
    const { command, args } = hostCommand();
    const extra = secret ? ["--keys", keysFile] : [];
    const server = new ServerProcess({ command, args: [...args, "--envs", "2", ...extra, "--connect", peer.endpoint] });
    closers.push(() => server.kill());
    expect(await failures(peer)).toEqual([]);
    peer.close();
    expect(await server.ended).toMatch(/code 0/);
  });

  it("sends nothing unrequested after its client was away, and goes on with the session", async () => {
    const bind = { bind: true, patience: 1000 };
    let peer = await Peer.open({ endpoint: "tcp://127.0.0.1:*", ...bind });
    const { endpoint } = peer;
    const { command, args } = hostCommand();
    const server = new ServerProcess({ command, args: [...args, "--connect", endpoint] });
    closers.push(() => server.kill());
    await peer.sendRaw(peer.frames(peer.helloFields()));
    const { sid } = decodeHeader((await patient(peer))[0] ?? Buffer.alloc(0));
    for (let req = 2; req < 5; req++) {
      peer.close();
      peer = await reopened(endpoint, bind);
      await expect(peer.receiveRaw()).rejects.toThrow("no answer within 1 s");
      await peer.sendRaw([encodeHeader({ v: 1, t: "ping", sid, req })]);
      expect(decodeHeader((await patient(peer))[0] ?? Buffer.alloc(0))).toMatchObject({ t: "pong", sid, req });
    }
    peer.close();
  });

  it("refuses to listen beyond this machine without keys, in one line and with exit code 2", async () => {
    const { command, args } = hostCommand();
    const child = spawn(command, [...args, "--bind", "tcp://0.0.0.0:5005"], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const [code] = await once(child, "close");
    expect(code).toBe(2);
    expect(said).toMatch(/^tcp:\/\/0\.0\.0\.0:5005 is not a loopback address.*\n$/);
  });
});
