/**
 * @file Handles signals as a shell expects: a hangup ignored at the start stays ignored, and an immediate end is by the
 * signal itself.
 */
import { constants as files, readFileSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";

export type EndingSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/**
 * Whether the process was started with SIGHUP ignored, as by nohup. Node resets that before any JavaScript runs
 * (PlatformInit in its node.cc), so this looks for other signs: what nohup leaves behind, and a parent that ignores it
 * too.
 */
export function hangupIgnoredAtStart(): boolean {
  // Shells put the command that they start into "_", and nohup passes it on.
  if (path.basename(process.env["_"] ?? "") === "nohup") return true;
  return hasUnreadableInput() || ignoresHangup("self") || ignoresHangup(process.ppid);
}

/** Hexadecimal in /proc: bit n − 1 is signal n. */
function ignoresHangup(pid: number | "self"): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? "0";
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals.SIGHUP - 1)) & 1n) === 1n;
}

/** GNU nohup replaces a terminal by /dev/null, opened only for writing. */
function hasUnreadableInput(): boolean {
  const flags = /^flags:\s*(\d+)$/m.exec(textOf("/proc/self/fdinfo/0"))?.[1] ?? "0";
  return (Number.parseInt(flags, 8) & 0b11) === files.O_WRONLY;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return ""; // not Linux
  }
}

/** Ignores SIGHUP if the process was started that way. Call it first, while the parent still exists. */
export function keepIgnoringHangup(): void {
  if (hangupIgnoredAtStart()) process.on("SIGHUP", () => undefined);
}

/**
 * Ends the process at once: exit listeners, then the signal itself, which a shell shows as 128 + its number.
 * process.exit alone would stop threads inside onnxruntime, which then aborts.
 */
export function endBy(signal: EndingSignal): never {
  const code = 128 + constants.signals[signal];
  process.emit("exit", code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  return process.exit(code);
}
