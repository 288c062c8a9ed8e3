/**
 * @file `--env editor`, with the host as the Editor: it waits for Play, pauses at Stop with its state saved, and goes
 * on at the next Play.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { type Running, resultFiles, start, tiny } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";
import { BUILD_TIMEOUT, closers, describeHost, hostCommand } from "./host.js";

const folder = temporaryFolder("editor");
const ITERATIONS = 2;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

/** Presses Play: starts a server like the Editor's, at its port. */
function play(port: number): ChildProcess {
  const { command, args } = hostCommand();
  const serve = ["--bind", `tcp://127.0.0.1:${port}`, "--envs", "16"];
  const editor = spawn(command, [...args, ...serve], { stdio: "ignore" });
  closers.push(() => void editor.kill("SIGKILL"));
  return editor;
}

/** Presses Stop: closes every socket and ends the session. */
async function stop(editor: ChildProcess): Promise<void> {
  editor.kill("SIGTERM");
  await once(editor, "exit");
}

function train(port: number, out: string): Running {
  const environment = ["--env", `editor:${port}`, "--render", "embedded"];
  const run = start("train", ...tiny(ITERATIONS), "--seed", "3", ...environment, "--out", out);
  closers.push(() => void run.child.kill("SIGKILL"));
  return run;
}

/** A run whose Editor is stopped in the middle of the first iteration. */
async function paused(name: string): Promise<{ run: Running; port: number; out: string }> {
  const out = path.join(folder, name);
  const port = await freePort();
  const editor = play(port);
  const run = train(port, out);
  await run.said("iteration 0/");
  await stop(editor);
  await run.said("paused until it is back");
  return { run, port, out };
}

describeHost("rls3 train --env editor", () => {
  const whole = path.join(folder, "whole");
  beforeAll(async () => {
    hostCommand();
    const port = await freePort();
    const run = train(port, whole);
    // The run is there first, and waits.
    await run.said("waiting for the environment");
    const editor = play(port);
    const { code, err } = await run.ended;
    await stop(editor);
    expect(code, err).toBe(0);
  }, BUILD_TIMEOUT);

  it("killed while paused in the middle of an iteration and then resumed, has the files of an undisturbed run", async () => {
    const { run, port, out } = await paused("killed");
    run.child.kill("SIGKILL");
    expect((await run.ended).signal).toBe("SIGKILL");
    play(port);
    const resumed = start("train", "--resume", out);
    const { code, err } = await resumed.ended;
    expect(code, err).toBe(0);
    const [before, after] = [resultFiles(whole), resultFiles(out)];
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [name, bytes] of after) expect(bytes === before.get(name), name).toBe(true);
  }, 120_000);

  it("goes on in the same process at the next Play, and makes every iteration", async () => {
    const { run, port, out } = await paused("paused");
    play(port);
    const { code, err } = await run.ended;
    expect(code, err).toBe(0);
    expect(err).toContain("--resume");
    const rows = readFileSync(path.join(out, "metrics.csv"), "utf8").trimEnd().split("\n");
    expect(rows).toHaveLength(1 + 1 + ITERATIONS);
  }, 120_000);
});
