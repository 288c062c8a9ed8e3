/** @file `rls3 env check` as people and scripts call it. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { CheckResult } from "../../protocol/conformance/index.js";
import { EnvironmentServer, generateKeys } from "../../protocol/index.js";
import { counterDefinition } from "./counter.js";

describe("rls3 env check", () => {
  const main = path.resolve(import.meta.dirname, "../../trainer/cli/main.js");

  function rls3(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [main, "env", "check", "--longest-silence", "1", ...args]);
      const out = { stdout: "", stderr: "" };
      child.stdout.on("data", (data) => {
        out.stdout += data;
      });
      child.stderr.on("data", (data) => {
        out.stderr += data;
      });
      child.on("close", (code) => resolve({ code, ...out }));
    });
  }

  it("checks a server that it starts, and prints one JSON document", async () => {
    const { code, stdout, stderr } = await rls3(
      "--json",
      "--spawn",
      "--",
      process.execPath,
      path.join(import.meta.dirname, "counter-server.js"),
    );
    const report = JSON.parse(stdout) as { failed: number; passed: number; protocol: number; checks: CheckResult[] };
    expect(report.checks.filter((check) => check.outcome === "failed")).toEqual([]);
    expect(report).toMatchObject({
      server: expect.stringMatching(/^counter \(rls3\/\d+\.\d+\.\d+\)$/),
      protocol: 1,
      level: "claimed",
      failed: 0,
    });
    expect(stderr).toContain("ok   hello.welcome");
    expect(code).toBe(0);
  });

  it("passes the embedded environment with every capability", async () => {
    const { code, stdout, stderr } = await rls3("--spawn", "embedded", "--level", "full");
    expect(stderr).not.toContain("FAIL");
    expect(stdout).toMatch(/^rooms .*, 0 failed, 6 not tried$/m);
    expect(code).toBe(0);
  });

  it("checks a server beyond loopback with its keys file, and its token too", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "rls3-"));
    const keys = generateKeys("a token of some length");
    const { serverSecretKey: _, ...shared } = keys;
    const file = path.join(folder, "keys.json");
    await writeFile(file, JSON.stringify(shared));
    await using server = await EnvironmentServer.bind(counterDefinition(), { endpoint: "tcp://0.0.0.0:*", keys });
    const { code, stderr } = await rls3(server.endpoint.replace("0.0.0.0", "127.0.0.1"), "--keys", file);
    expect(stderr).toContain("ok   hello.token");
    expect(stderr).not.toContain("FAIL");
    expect(code).toBe(0);
    await writeFile(file, JSON.stringify({ ...shared, token: "short" }));
    const short = await rls3(server.endpoint, "--keys", file);
    expect(short.stderr).toContain("token must be a string of at least 16 characters");
    expect(short.code).toBe(2);
    await rm(folder, { recursive: true });
  });

  it("passes the example of a user's environment at level core", async () => {
    const example = path.resolve(import.meta.dirname, "../../protocol/examples/grid-world.js");
    const { code, stdout, stderr } = await rls3(
      "--level",
      "core",
      "--spawn",
      "--",
      process.execPath,
      example,
      "--envs",
      "2",
    );
    expect(stderr).not.toContain("FAIL");
    expect(stdout).toMatch(/^grid-world .*, 0 failed, \d+ not tried$/m);
    expect(code).toBe(0);
  });

  it("ends with 2 on bad input and 3 where there is no server, each in one line", async () => {
    const keyless = await rls3("tcp://192.0.2.1:5005");
    expect(keyless.stderr).toContain("CURVE keys and a token");
    expect(keyless.code).toBe(2);
    expect((await rls3()).code).toBe(2);
    expect((await rls3("--spawn", "/no/such/player")).code).toBe(2);
    const dead = await rls3(
      "--spawn",
      "--",
      process.execPath,
      path.join(import.meta.dirname, "counter-server.js"),
      "--fail",
    );
    expect(dead.stderr).toContain("no engine found in /nowhere");
    expect(dead.code).toBe(3);
    const nobody = await rls3("tcp://127.0.0.1:9", "--timeout", "0.5");
    expect(nobody.stderr).toContain("nothing answers");
    expect(nobody.code).toBe(3);
  });
});
