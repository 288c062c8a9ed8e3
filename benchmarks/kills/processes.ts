/** @file Finds the processes that a trial has started, by a mark in their environment. Linux. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PROGRAM } from "./commands.js";

/** Every descendant process inherits it, however it is started and whoever becomes its parent. */
const MARK = "RLS3_KILLS";

export interface Marked {
  readonly pid: number;
  readonly command: string;
}

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // has ended meanwhile, or belongs to another user
  }
};

/** Living processes with this mark, or one that begins with it. */
export function marked(mark: string): Marked[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const has = read(`/proc/${name}/environ`)
      .split("\0")
      .some((entry) => entry === `${MARK}=${mark}` || entry.startsWith(`${MARK}=${mark}/`));
    if (!has) return [];
    return [{ pid: Number(name), command: read(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim() }];
  });
}

/** Processes of single runs, which a comparison or a sweep starts. */
export const runProcesses = (mark: string): Marked[] =>
  marked(mark).filter(({ command }) => /run-process\.js|sweep\/cell\.js/.test(command));

/** Ends all processes with the mark, and waits until none is left. */
export async function endAll(mark: string): Promise<void> {
  for (let left = marked(mark); left.length > 0; left = marked(mark)) {
    for (const { pid } of left) send(pid, "SIGKILL");
    await sleep(50);
  }
}

/** False where the process no longer exists. */
export function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Started {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/**
 * Starts `rls3 WORDS` in `place`, at the head of a process group. Its output is appended to a file there; its temporary
 * files go there, too.
 */
export function start(words: readonly string[], place: string): Started {
  const temporary = path.join(place, "tmp");
  mkdirSync(temporary, { recursive: true });
  const output = openSync(outputOf(place), "a");
  const child = spawn(process.execPath, [PROGRAM, ...words], {
    cwd: place,
    detached: true,
    stdio: ["ignore", output, output],
    env: { ...process.env, TMPDIR: temporary, [MARK]: place },
  });
  closeSync(output);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve({ code, signal }));
  });
  return { pid: child.pid ?? 0, child, ended };
}

export const outputOf = (place: string): string => path.join(place, "output.txt");
