/** @file Who writes to a run's folder: what its lock file says. */
import { hostname } from "node:os";
import type { ProcessIdentity } from "../files/process-identity.js";

/** In the run's folder; "PID HOST START", of earlier versions without START or with PID alone. */
export const LOCK_FILE = ".lock";

/** A lock without a host is of this one. */
export function parseLock(text: string): ProcessIdentity {
  const [pid = "", host = hostname(), start = null] = text.trim().split(" ");
  return { pid: /^\d+$/.test(pid) ? Number(pid) : Number.NaN, host, start };
}
