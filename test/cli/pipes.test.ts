/** @file A pipe in place of an input file would block a command forever: each command refuses it instead. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { rls3 } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

const parent = temporaryFolder("pipes");

function folderWith(name: string, pipe: string): string {
  const folder = path.join(parent, name);
  mkdirSync(folder);
  expect(spawnSync("mkfifo", [path.join(folder, pipe)]).status).toBe(0);
  return folder;
}

describe.skipIf(process.platform === "win32")("a pipe", () => {
  it.each<[string, string, (folder: string) => string[]]>([
    ["train --resume", "config.json", (folder) => ["train", "--resume", folder]],
    ["compare --resume", "config.json", (folder) => ["compare", "--resume", folder]],
    ["sweep", "sweep.json", (folder) => ["sweep", "--out", folder, "--beta", "1,2", "--seeds", "1", "--dry-run"]],
    [
      "report of a run",
      "config.json",
      (folder) => {
        writeFileSync(path.join(folder, "metrics.csv"), "iteration,generated,valid,feasibilitySteps\n0,0,0,0\n");
        return ["report", folder];
      },
    ],
    ["report of a sweep", "sweep.json", (folder) => ["report", folder]],
  ])("in the place of what %s reads is refused: %s", async (name, pipe, words) => {
    const folder = folderWith(name.replaceAll(/\W/g, "-"), pipe);
    const { code, err } = await rls3(...words(folder));
    expect(err).toContain(`${pipe} is a pipe, a socket or a device where a file is expected`);
    expect(code).toBe(2);
  });

  it("in place of the lock is refused, and so is a socket", async () => {
    const folder = folderWith("lock", ".lock");
    writeFileSync(path.join(folder, "config.json"), "{}");
    const { code, err } = await rls3("train", "--resume", folder);
    expect([code, err]).toEqual([2, expect.not.stringMatching(/\n\s+at /)]);
    const socket = path.join(parent, "config.json");
    const server = createServer().listen(socket);
    const refused = await rls3("train", "--resume", parent);
    server.close();
    expect(refused.err).toContain("config.json is a pipe, a socket or a device where a file is expected");
  });
});
