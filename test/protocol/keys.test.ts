/** @file Keys, tokens and addresses that are refused before anything is opened. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { Peer } from "../../protocol/conformance/index.js";
import {
  EnvironmentClient,
  EnvironmentServer,
  generateKeys,
  readKeys,
  type ServeOptions,
} from "../../protocol/index.js";
import { counterDefinition } from "./counter.js";
import { ANYWHERE, closing } from "./peer.js";

describe("keys", () => {
  const good = generateKeys("a token of some length");
  const file = (keys: object): string => {
    const folder = mkdtempSync(path.join(tmpdir(), "rls3-"));
    closing({ close: () => rmSync(folder, { recursive: true }) });
    writeFileSync(path.join(folder, "keys.json"), JSON.stringify(keys));
    return path.join(folder, "keys.json");
  };

  it.each([" ", "~", '"', "é"])("with %j, which is not of Z85, are refused by file and key", (wrong) => {
    const bad = good.serverPublicKey.slice(0, 39) + wrong;
    const message = /keys\.json: serverPublicKey must be 40 characters of Z85; character 40 is none$/;
    expect(() => readKeys(file({ ...good, serverPublicKey: bad }))).toThrow(message);
    expect(() => readKeys(file({ ...good, serverSecretKey: bad }))).toThrow(/keys\.json: serverSecretKey must be/);
  });

  it("beyond four bytes for five characters are refused, and # is not", () => {
    const beyond = { ...good, serverPublicKey: "#".repeat(40) };
    expect(() => readKeys(file(beyond))).toThrow(/serverPublicKey is no key: its characters 1 to 5/);
    const hash = { ...good, serverPublicKey: `0000#${good.serverPublicKey.slice(5)}` };
    expect(readKeys(file(hash)).serverPublicKey).toBe(hash.serverPublicKey);
  });

  it("with a short token are refused wherever they come from", async () => {
    expect(() => generateKeys("short")).toThrow("token must be a string of at least 16 characters");
    const keys = { ...good, token: "short" };
    const refusal = { code: "CONFIGURATION", message: expect.stringContaining("at least 16 characters") };
    const bind = (options: Partial<ServeOptions>) =>
      EnvironmentServer.bind(counterDefinition(), { endpoint: ANYWHERE, ...options });
    await expect(bind({ keys })).rejects.toMatchObject(refusal);
    await expect(EnvironmentClient.connect({ endpoint: "tcp://127.0.0.1:9", keys })).rejects.toMatchObject(refusal);
    await expect(bind({ token: "" })).rejects.toMatchObject({ message: expect.stringContaining("token is empty") });
  });

  it("that are not the server's are named when nothing answers, after the time to connect alone", async () => {
    const { serverSecretKey: _, ...keys } = good;
    const begun = performance.now();
    const nobody = EnvironmentClient.connect({
      endpoint: "tcp://127.0.0.1:9",
      keys,
      timeouts: { connect: 300, hello: 20_000 },
    });
    const message = expect.stringMatching(/"connect" after 0\.3 s: .*, and is serverPublicKey the server's key\?$/);
    await expect(nobody).rejects.toMatchObject({ code: "TIMEOUT", message });
    expect(performance.now() - begun).toBeLessThan(5000);
  });
});

describe("an address to connect to", () => {
  it("has the number of a port", async () => {
    const refusal = { code: "CONFIGURATION", message: expect.stringContaining("write the port's number") };
    await expect(EnvironmentClient.connect({ endpoint: ANYWHERE })).rejects.toMatchObject(refusal);
    await expect(Peer.open({ endpoint: ANYWHERE })).rejects.toMatchObject(refusal);
    expect(() => EnvironmentServer.connect(counterDefinition(), { endpoint: ANYWHERE })).toThrow("port's number");
  });
});
