/** @file The folder of a command's results when the user names none. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { Progress } from "../progress.js";
import { quoted } from "../sweep/command.js";

/** runs/<command>-<time>, in local time, to the second. */
export function defaultFolder(command: string, now = new Date()): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return path.join("runs", `${command}-${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`);
}

/** The command as typed, for config.json and reports. */
export const typedCommand = (): string => ["rls3", ...process.argv.slice(2).map(quoted)].join(" ");

/** A folder as a user would type it from the current one. */
export function shownPath(folder: string): string {
  const relative = path.relative(process.cwd(), folder);
  return relative.startsWith("..") ? folder : relative === "" ? "." : relative;
}

/** The same as a word of a command. */
export const typedPath = (folder: string): string => quoted(shownPath(folder));

/** On a terminal, tells how to watch the run. Scripts and logs have no use for that. */
export function sayLivePage(folder: string, progress: Progress): void {
  if (process.stderr.isTTY) progress.say(`live page, from another terminal: rls3 dashboard ${typedPath(folder)}`);
}

/** The message about an interrupted run: how to go on with it, if anything was saved. */
export const interruptedMessage = (command: string, folder: string): string =>
  existsSync(path.join(folder, "config.json"))
    ? `interrupted; state saved, go on with: rls3 ${command} --resume ${typedPath(folder)}`
    : "interrupted before anything was written";
