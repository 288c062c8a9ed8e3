/** @file `rls3 env check --level train` and `rls3 train` on servers that can be trained on, and on one that cannot. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary.js";

const main = path.resolve(import.meta.dirname, "../../trainer/cli/main.js");
const gridWorld = path.resolve(import.meta.dirname, "../../protocol/examples/grid-world.js");

const rls3 = (...args: readonly string[]) =>
  spawnSync(process.execPath, [main, ...args], { encoding: "utf8", timeout: 120_000 });

let server: ChildProcess | undefined;
afterEach(() => {
  server?.kill();
  server = undefined;
});

/** The endpoint of a running grid world. */
async function running(): Promise<string> {
  const child = spawn(process.execPath, [gridWorld, "--bind", "tcp://127.0.0.1:*"]);
  server = child;
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return String(line).split(" at ")[1] ?? "";
}

const LACKS =
  'the server "grid-world" is no RLS3 world. It needs a catalog, as unity-project/Packages/com.rls3.gym/Catalog~/README.md describes it (it sends none); ' +
  "actions float32 [6] from -1 to 1 (it takes int32 []); ";

describe("a server that is no world", { timeout: 240_000 }, () => {
  it("gets a list of all that it lacks first, and is still tested against the protocol", () => {
    const run = rls3(
      "env",
      "check",
      "--longest-silence",
      "1",
      "--level",
      "train",
      "--spawn",
      "--",
      process.execPath,
      gridWorld,
    );
    expect(run.stderr.startsWith(LACKS), run.stderr).toBe(true);
    const failures = run.stderr.split("\n").filter((line) => line.startsWith("FAIL "));
    expect(failures.map((line) => line.split(":")[0])).toEqual(
      ["catalog", "action", "objects", "scene"].map((name) => `FAIL train.${name}`),
    );
    expect(run.stderr).toContain("\nok   hello.welcome: ");
    expect(run.stdout).toMatch(/^grid-world .*: \d+ passed, 4 failed/);
    expect(run.status).toBe(1);
  });

  it("is refused by rls3 train in the same words, before a folder is made", async () => {
    const endpoint = await running();
    const out = path.join(temporaryFolder("no-world"), "run");
    const run = rls3("train", "--quick", "--device", "cpu", "--env", endpoint, "--out", out);
    expect(run.stderr).toContain(LACKS);
    expect(run.stderr).toContain('an observation "image" uint8 [64, 64, 3]');
    expect(run.status).toBe(3);
    expect(existsSync(out)).toBe(false);
    const drawn = rls3("train", "--quick", "--device", "cpu", "--env", endpoint, "--render", "embedded", "--out", out);
    expect(drawn.stderr).toContain(LACKS);
    expect(drawn.status).toBe(3);
    const checked = rls3("env", "check", "--longest-silence", "1", endpoint, "--level", "train", "--json", "--quiet");
    expect(JSON.parse(checked.stdout)).toMatchObject({ level: "train", failed: 4 });
  });
});

describe("a server of rooms", { timeout: 240_000 }, () => {
  it("passes after a trial like a run's", () => {
    const run = rls3("env", "check", "--longest-silence", "1", "--level", "train", "--spawn", "embedded");
    expect(run.stderr).not.toContain("FAIL");
    for (const name of ["catalog", "action", "objects", "scene", "images", "reset", "step", "picture"]) {
      expect(run.stderr).toContain(`ok   train.${name}: `);
    }
    expect(run.stdout).toMatch(/^rooms .* 0 failed/);
    expect(run.status).toBe(0);
  });
});
