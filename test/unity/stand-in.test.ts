/** @file The package's Engine code, run on the stand-in for Unity's engine, holds every rule of the protocol. */
import { beforeAll, expect, it } from "vitest";
import { checkServer, Peer } from "../../protocol/conformance/index.js";
import { ServerProcess } from "../../protocol/index.js";
import { dotnetHostCommand } from "../../trainer/environments/dotnet-host.js";
import { BUILD_TIMEOUT, bound, closers, describeHost } from "./host.js";
import { standInProgram } from "./stand-in.js";

/** The names of the checks that failed, and how many passed. */
async function check(peer: Peer): Promise<{ failed: string[]; passed: Map<string, string> }> {
  const report = await checkServer(peer, undefined);
  const failed = report.checks.filter(({ outcome }) => outcome === "failed");
  const passed = report.checks.filter(({ outcome }) => outcome === "passed");
  return {
    failed: failed.map(({ name, detail }) => `${name}: ${detail}`),
    passed: new Map(passed.map(({ name, detail }) => [name, detail ?? ""])),
  };
}

describeHost("Gym Server on the stand-in for Unity's engine", () => {
  beforeAll(() => void dotnetHostCommand(standInProgram), BUILD_TIMEOUT);

  it("conforms without graphics, and ends with no error in its log", async () => {
    const { endpoint } = await bound(["--nographics"], 2, undefined, dotnetHostCommand(standInProgram));
    const peer = await Peer.open({ endpoint });
    closers.push(() => peer.close());
    const { failed, passed } = await check(peer);
    expect(failed).toEqual([]);
    expect(passed.size).toBeGreaterThan(25);
  });

  it("conforms when it connects, and ends with its session", async () => {
    const peer = await Peer.open({ endpoint: "tcp://127.0.0.1:*", bind: true });
    const { command, args } = dotnetHostCommand(standInProgram);
    const extra = ["--nographics", "--envs", "2", "--connect", peer.endpoint];
    const server = new ServerProcess({ command, args: [...args, ...extra] });
    closers.push(() => server.kill());
    expect((await check(peer)).failed).toEqual([]);
    peer.close();
    expect(await server.ended).toMatch(/code 0/);
  });
});
