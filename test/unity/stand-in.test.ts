/** @file The package's Engine code, run on the stand-in for Unity's engine, holds every rule of the protocol. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { checkServer, Peer } from "../../protocol/conformance/index.js";
import { ServerProcess } from "../../protocol/index.js";
import { dotnetHostCommand } from "../../trainer/environments/dotnet-host.js";
import { BUILD_TIMEOUT, bound, closers, describeHost } from "./host.js";
import { standInProgram } from "./stand-in.js";

describeHost("Gym Server on the stand-in for Unity's engine", () => {
  beforeAll(() => void dotnetHostCommand(standInProgram), BUILD_TIMEOUT);

  it.each([
    ["under a scriptable pipeline", []],
    ["under the built-in pipeline", ["--built-in"]],
    ["without graphics", ["--nographics"]],
  ])("conforms %s, and ends with no error in its log", async (_, extra) => {
    const { endpoint } = await bound(extra, 2, undefined, dotnetHostCommand(standInProgram));
    const peer = await Peer.open({ endpoint });
    closers.push(() => peer.close());
    const { checks } = await checkServer(peer, undefined);
    expect(
      checks.filter(({ outcome }) => outcome === "failed").map(({ name, detail }) => `${name}: ${detail}`),
    ).toEqual([]);
    const images = checks.filter(({ name, outcome }) => /^(images|graphics)\./.test(name) && outcome === "passed");
    const drawn = ["graphics.size", "images.drawn"];
    expect(images.map(({ name }) => name)).toEqual(extra.includes("--nographics") ? [] : drawn);
  });

  it("conforms when it connects, and ends with its session", async () => {
    const peer = await Peer.open({ endpoint: "tcp://127.0.0.1:*", bind: true });
    const { command, args } = dotnetHostCommand(standInProgram);
    const server = new ServerProcess({ command, args: [...args, "--envs", "2", "--connect", peer.endpoint] });
    closers.push(() => server.kill());
    const { checks } = await checkServer(peer, undefined);
    expect(checks.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    peer.close();
    expect(await server.ended).toMatch(/code 0/);
  });

  it("passes rls3 env check at the level of training", () => {
    const { command, args } = dotnetHostCommand(standInProgram);
    const main = path.resolve(import.meta.dirname, "../../trainer/cli/main.js");
    const level = ["--level", "train", "--longest-silence", "0"];
    const words = ["env", "check", ...level, "--spawn", "--", command, ...args, "--envs", "2"];
    const { status, stdout } = spawnSync(process.execPath, [main, ...words], { encoding: "utf8", timeout: 60_000 });
    expect(stdout).toMatch(/ [67]\d passed, 0 failed/);
    expect(status).toBe(0);
  });
});
