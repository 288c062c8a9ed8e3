/** @file The package's Engine code, run on the stand-in for Unity's engine, passes the conformance suite. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { checkServer, Peer } from "../../protocol/conformance/index.js";
import { ServerProcess } from "../../protocol/index.js";
import { dotnetHostCommand } from "../../trainer/environments/dotnet-host.js";
import { BUILD_TIMEOUT, bound, closers, describeHost } from "./host.js";
import { standInProgram } from "./stand-in.js";

const main = path.resolve(import.meta.dirname, "../../trainer/cli/main.js");
/** Runs a command of rls3 that must succeed. */
const rls3 = (words: readonly string[]) => promisify(execFile)(process.execPath, [main, ...words]);

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

  it("serves a user's environment with physics and a camera: the sample's scene conforms", async () => {
    const sample = path.join(standInProgram.project, "../../../Packages/com.rls3.gym/Samples~/BallOnTray");
    const scene = ["--scene", path.join(sample, "BallOnTray.unity")];
    const { endpoint } = await bound(scene, 1, undefined, dotnetHostCommand(standInProgram));
    const peer = await Peer.open({ endpoint });
    closers.push(() => peer.close());
    const { checks } = await checkServer(peer, undefined);
    expect(checks.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(checks.find(({ name }) => name === "images.drawn")?.outcome).toBe("passed");
    expect(checks.find(({ name }) => name === "step.repeats")?.outcome).toBe("passed");
  });

  it("passes rls3 env check at the level of training", async () => {
    const { command, args } = dotnetHostCommand(standInProgram);
    const level = ["--level", "train", "--longest-silence", "0"];
    const { stdout } = await rls3(["env", "check", ...level, "--spawn", "--", command, ...args, "--envs", "2"]);
    expect(stdout).toMatch(/ [67]\d passed, 0 failed/);
  });

  it("can be trained on to the end of a short run, with no error in its log", { timeout: 240_000 }, async () => {
    const { endpoint } = await bound([], 8, undefined, dotnetHostCommand(standInProgram));
    const folder = await mkdtemp(path.join(tmpdir(), "rls3-unity-"));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    const out = path.join(folder, "run");
    await rls3(["train", "--quick", "--env", endpoint, "--out", out, "--device", "cpu"]);
    const metrics = await readFile(path.join(out, "metrics.csv"), "utf8");
    expect(
      metrics
        .trim()
        .split("\n")
        .map((line) => line.split(",")[0]),
    ).toEqual(["iteration", "0", "1", "2", "3"]);
  });
});
