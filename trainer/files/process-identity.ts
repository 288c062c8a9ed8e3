/** @file Identifies the process that wrote something, and tells whether it still lives. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** When the process was started (startOf), because the system reuses process numbers. Null: unknown. */
  readonly start: string | null;
}

export const thisProcess = (): ProcessIdentity => ({
  pid: process.pid,
  host: hostname(),
  start: startOf(process.pid),
});

/** Null where it cannot be told from here: a process on another machine. */
export function processLives({ pid, host, start }: ProcessIdentity): boolean | null {
  const here = host === hostname();
  if (!Number.isInteger(pid) || pid <= 0) return here ? false : null;
  if (start === null) return here ? isThere(pid) : null;
  // The machine's name may have changed since; the start time has not.
  if (isThere(pid) && startOf(pid) === start) return true;
  return here ? false : null;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * When a process was started: a word that no other process with this number shares. Null where the system does not
 * tell.
 */
export function startOf(pid: number): string | null {
  const boot = textOf("/proc/sys/kernel/random/boot_id").trim();
  // The command in parentheses may contain anything; the start time is the 20th word after it (proc_pid_stat(5)).
  const ticks = textOf(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ")[19];
  if (boot !== "") return ticks === undefined ? null : `${boot}:${ticks}`;
  if (process.platform === "win32") return null;
  const env = { ...process.env, LC_ALL: "C", TZ: "UTC" };
  const started = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", env });
  return started.status === 0 ? started.stdout.trim().replace(/\s+/g, "_") : null;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // not Linux, or the process has ended
  }
}
