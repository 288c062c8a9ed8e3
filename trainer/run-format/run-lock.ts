/** @file Who writes to a run's folder: what its lock file says, and whether that process lives. */
import { hostname } from "node:os";

/** In the run's folder; "PID HOST". */
export const LOCK_FILE = ".lock";

export interface LockOwner {
  readonly pid: number;
  readonly host: string;
}

/** A lock without a host is of this one. */
export function parseLock(text: string): LockOwner {
  const [pid = "", host = hostname()] = text.trim().split(" ");
  return { pid: Number.parseInt(pid, 10), host };
}

/** Null where it can't be seen from here: a process of another machine. */
export function ownerLives({ pid, host }: LockOwner): boolean | null {
  if (host !== hostname()) return null;
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
