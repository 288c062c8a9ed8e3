/** @file Signals to a run, with real processes: hangups under nohup, and immediate ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary.js";
import { root, start, tiny } from "./runs.js";

const commandLine = path.join(root, "dist/trainer/cli/main.js");
const parent = temporaryFolder("signals");
const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Prints the id of the process that it starts, and how a shell reports its end. */
const SHELL = '"$@" & echo "process $!"; wait $!; echo "code $?"';

/** Resolves with all output once it has matched, or the process has ended. */
function printed(child: ChildProcess, match: RegExp): Promise<string> {
  let text = "";
  return new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        if (match.test(text)) resolve(text);
      });
    }
    child.on("close", () => resolve(text));
  });
}

/** A run in a shell: how the shell reports its end after `signals`, some milliseconds apart, once the run iterates. */
async function endOf(name: string, signals: readonly NodeJS.Signals[]): Promise<string> {
  const run = [process.execPath, commandLine, "train", ...tiny(200), "--out", path.join(parent, name)];
  const shell = spawn("sh", ["-c", SHELL, "sh", ...run], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = printed(shell, /^code/m);
  const pid = Number(/process (\d+)/.exec(await printed(shell, /iteration 1\//))?.[1]);
  for (const signal of signals) {
    await sleep(80 * Math.random());
    process.kill(pid, signal);
  }
  return /code \d+/.exec(await ended)?.[0] ?? "none";
}

describe("a run that is to end at once, its threads in the middle of their work,", () => {
  it("ends with 129 at a hangup", async () => {
    for (let round = 0; round < 4; round++) expect(await endOf(`hangup${round}`, ["SIGHUP"])).toBe("code 129");
  }, 120_000);

  it("ends with 130 at the second Ctrl-C", async () => {
    for (let round = 0; round < 2; round++) {
      expect(await endOf(`twice${round}`, ["SIGINT", "SIGINT"])).toBe("code 130");
    }
  }, 120_000);
});

describe("a run goes on through hangups", () => {
  const args = (name: string): string[] => ["train", ...tiny(2), "--agent", "random", "--out", path.join(parent, name)];

  /** Sends hangups before and after the server is started; then waits for the run's end. */
  async function hangUp(child: ChildProcess, process_: () => number | undefined): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    await printed(child, /agent:/);
    for (let times = 0; times < 2; times++) {
      process.kill(process_() ?? 0, "SIGHUP");
      await sleep(50);
    }
    return ended;
  }

  it("under nohup", async () => {
    // Like bash and zsh, which put the command's name into "_".
    const env = { ...process.env, _: "/usr/bin/nohup" };
    const child = spawn("nohup", [process.execPath, commandLine, ...args("nohup")], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    expect(await hangUp(child, () => child.pid)).toBe(0);
  });

  it.runIf(existsSync("/proc/self/fdinfo"))(
    "of which the only trace is an input that nohup made unreadable",
    async () => {
      const { _, ...env } = process.env;
      const child = spawn(process.execPath, [commandLine, ...args("input")], {
        env,
        stdio: [openSync("/dev/null", "w"), "ignore", "pipe"],
      });
      expect(await hangUp(child, () => child.pid)).toBe(0);
    },
  );

  it.runIf(existsSync("/proc/self/status"))("that the script it is started by ignores", async () => {
    const child = spawn("sh", ["-c", `trap "" HUP; ${SHELL}`, "sh", process.execPath, commandLine, ...args("script")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let pid: number | undefined;
    child.stdout.on("data", (text) => {
      pid ??= Number(/process (\d+)/.exec(String(text))?.[1]);
    });
    const last = printed(child, /^code/m);
    await hangUp(child, () => pid);
    expect(await last).toContain("code 0");
  });

  it("in each process of a comparison, too", async () => {
    const folder = path.join(parent, "comparison");
    const env = { ...process.env, _: "/usr/bin/nohup" };
    const words = ["compare", ...tiny(2), "--seeds", "1", "--arms", "random", "--jobs", "1", "--out", folder];
    const child = spawn("nohup", [process.execPath, commandLine, ...words], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    while (!existsSync(path.join(folder, "runs/random-0/metrics.csv")) && child.exitCode === null) await sleep(10);
    process.kill(-(child.pid ?? 0), "SIGHUP");
    expect(await ended).toBe(0);
  });

  it("but not without nohup", async () => {
    const run = start(...args("plain"));
    await run.said("agent:");
    run.child.kill("SIGHUP");
    expect((await run.ended).signal).toBe("SIGHUP");
  });
});
