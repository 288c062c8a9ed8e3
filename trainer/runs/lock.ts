/** @file Lets one process at a time write to a folder, and takes over the lock of a dead process. */
import { randomUUID } from "node:crypto";
import { constants, copyFileSync, existsSync, linkSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { InputError } from "../errors.js";
import { readPlainFile } from "../files/plain-file.js";
import { type ProcessIdentity, processLives, startOf } from "../files/process-identity.js";
import { LOCK_FILE, parseLock } from "../run-format/run-lock.js";

/** This process as its locks identify it; computed once, since a machine's name may change while it runs. */
const identity = [process.pid, hostname(), startOf(process.pid)].filter((part) => part !== null).join(" ");

/** A folder that this process has locked. */
export class Lock {
  constructor(private readonly file: string) {}

  /**
   * Whether this process still has the folder: if its machine was cut off, a scheduler may have started another one
   * elsewhere. Puts a removed lock back, since nobody has taken the folder.
   */
  held(): boolean {
    const text = readIfThere(this.file);
    if (text !== null) return text === identity;
    // If the folder is gone, writing its files will fail anyway.
    if (!existsSync(path.dirname(this.file))) return true;
    const written = writeBeside(this.file);
    try {
      return tryLink(written, this.file);
    } finally {
      rmSync(written, { force: true });
    }
  }

  /** Unlocks the folder, unless another process has it. */
  close(): void {
    if (readIfThere(this.file) === identity) rmSync(this.file, { force: true });
  }
}

/**
 * Locks the folder for this process.
 * @throws InputError where another live process has it
 */
export function takeLock(folder: string): Lock {
  const file = path.join(folder, LOCK_FILE);
  const written = writeBeside(file);
  try {
    for (let attempt = 0; ; attempt++) {
      if (tryLink(written, file)) {
        removeAbandoned(folder);
        return new Lock(file);
      }
      const text = readIfThere(file);
      if (text === null) continue;
      const owner = parseLock(text);
      // It cannot be seen from here whether a process on another machine lives. Take over then: a scheduler that
      // restarts a dead job elsewhere relies on it.
      const mayLive = owner.pid !== process.pid && processLives(owner) === true;
      if (attempt >= MOST_ATTEMPTS || mayLive) throw taken(folder, file, owner);
      removeDead(file, written, text);
    }
  } finally {
    rmSync(written, { force: true });
  }
}

function taken(folder: string, file: string, { pid, start }: ProcessIdentity): InputError {
  // A lock without a start time comes from an earlier version or a system that does not tell; its process number may be
  // reused by now.
  const sure = start !== null;
  return new InputError(
    `${folder}: process ${pid} is writing to it; wait for it or end it${sure ? "" : `, or, if that is no rls3, remove ${file}`}`,
  );
}

/** Writes the lock whole before it gets its name: an empty lock would look like a dead process's. */
function writeBeside(file: string): string {
  const written = `${file}.${randomUUID()}`;
  writeFileSync(written, identity);
  return written;
}

/** Removes what processes left beside the lock when they were killed while taking it. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${LOCK_FILE}.`)) continue;
    const left = path.join(folder, name);
    const text = readIfThere(left);
    // A file without a host is still being written.
    if (text?.includes(" ") && processLives(parseLock(text)) === false) rmSync(left, { force: true });
  }
}

/** Other processes may be taking over the same dead lock at the same time. */
const MOST_ATTEMPTS = 100;
const WAIT_MS = 5;

/** False where `file` exists already; if several processes try at once, one succeeds. */
function tryLink(written: string, file: string): boolean {
  try {
    linkSync(written, file);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    // Without hard links (exFAT), fall back to a copy that refuses to overwrite.
    if (!LINKLESS.some((code) => isCode(error, code))) throw error;
  }
  try {
    copyFileSync(written, file, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

const LINKLESS = ["EPERM", "ENOTSUP", "ENOSYS", "EOPNOTSUPP"] as const;

/**
 * Removes the lock with content `text`, unless another process has replaced it by its own. One process at a time:
 * nobody else may act between the second look and the removal.
 */
function removeDead(file: string, written: string, text: string): void {
  const mine = `${file}.taking-over`;
  if (!tryLink(written, mine)) {
    const other = readIfThere(mine);
    if (other !== null && processLives(parseLock(other)) === false) rmSync(mine, { force: true });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
    return;
  }
  try {
    if (readIfThere(file) === text) rmSync(file, { force: true });
  } finally {
    rmSync(mine, { force: true });
  }
}

function readIfThere(file: string): string | null {
  try {
    return readPlainFile(file).toString("utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return null;
    throw error;
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;
