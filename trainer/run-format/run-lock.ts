/** @file Which process writes to a run's folder, from its lock file. */
import { hostname } from "node:os";
import type { ProcessIdentity } from "../files/process-identity.js";

/** In the run's folder. Holds "PID HOST START"; earlier versions wrote no START, or the PID alone. */
export const LOCK_FILE = ".lock";

/** A lock without a host belongs to this machine. */
export function parseLock(text: string): ProcessIdentity {
  const [pid = "", host = hostname(), start = null] = text.trim().split(" ");
  return { pid: /^\d+$/.test(pid) ? Number(pid) : Number.NaN, host, start };
}
