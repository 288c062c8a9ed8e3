/** @file One process at a time writes to a folder; the lock of one that died is taken over. */
import { randomUUID } from "node:crypto";
import { constants, copyFileSync, existsSync, linkSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { InputError } from "../errors.js";
import { readPlainFile } from "../files/plain-file.js";
import { type ProcessIdentity, processLives, startOf } from "../files/process-identity.js";
import { LOCK_FILE, parseLock } from "../run-format/run-lock.js";

/** This process, as its locks say it: once, since a machine's name may change while it runs. */
const identity = [process.pid, hostname(), startOf(process.pid)].filter((part) => part !== null).join(" ");

/** A folder that this process has taken. */
export class Lock {
  constructor(private readonly file: string) {}

  /**
   * Whether the folder is this process's still: where its machine was cut off, a scheduler has started another one elsewhere. A lock
   * that was removed is put back, since nobody has taken the folder.
   */
  held(): boolean {
    const text = readIfThere(this.file);
    if (text !== null) return text === identity;
    // Of a folder that is gone its files tell.
    if (!existsSync(path.dirname(this.file))) return true;
    const written = writeBeside(this.file);
    try {
      return tryLink(written, this.file);
    } finally {
      rmSync(written, { force: true });
    }
  }

  /** Lets go of the folder, unless another process has it. */
  close(): void {
    if (readIfThere(this.file) === identity) rmSync(this.file, { force: true });
  }
}

/**
 * Takes the folder for this process.
 * @throws InputError where another one that lives has it
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
      // Whether a process of another machine lives can't be seen from here: a scheduler that starts a dead job again elsewhere relies on taking over.
      const mayLive = owner.pid !== process.pid && processLives(owner) === true;
      if (attempt >= MOST_ATTEMPTS || mayLive) throw taken(folder, file, owner);
      removeDead(file, written, text);
    }
  } finally {
    rmSync(written, { force: true });
  }
}

function taken(folder: string, file: string, { pid, start }: ProcessIdentity): InputError {
  // A lock without a start is an earlier version's, or of a system that does not tell: the number may be another process's by now.
  const sure = start !== null;
  return new InputError(
    `${folder}: process ${pid} is writing to it; wait for it or end it${sure ? "" : `, or, if that is no rls3, remove ${file}`}`,
  );
}

/** Whole before it gets its name: an empty lock would look like a dead process's. */
function writeBeside(file: string): string {
  const written = `${file}.${randomUUID()}`;
  writeFileSync(written, identity);
  return written;
}

/** What processes that were killed while they took the lock have left beside it. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${LOCK_FILE}.`)) continue;
    const left = path.join(folder, name);
    const text = readIfThere(left);
    // One without a host is just being written.
    if (text?.includes(" ") && processLives(parseLock(text)) === false) rmSync(left, { force: true });
  }
}

/** Others may be taking over the same dead lock at the same time. */
const MOST_ATTEMPTS = 100;
const WAIT_MS = 5;

/** False where `file` is there already; of several that try at once, one succeeds. */
function tryLink(written: string, file: string): boolean {
  try {
    linkSync(written, file);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    // Without hard links (exFAT) what is left is a copy that refuses to overwrite.
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
 * Removes the lock that says `text`, unless another process has done so and put its own there. One at a time:
 * between looking again and removing, no one else may.
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
