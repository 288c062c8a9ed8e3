/** @file One process at a time writes to a folder; the lock of one that died is taken over. */
import { randomUUID } from "node:crypto";
import { constants, copyFileSync, linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { InputError } from "../errors.js";
import { LOCK_FILE, ownerLives, parseLock } from "../run-format/run-lock.js";

const identity = (): string => `${process.pid} ${hostname()}`;

/** Whether the lock is this process's still: where its machine was cut off, a scheduler has started another one elsewhere. */
export function holdsLock(file: string): boolean {
  try {
    return readFileSync(file, "utf8") === identity();
  } catch {
    return false;
  }
}

/** The lock's file, to be removed when the writing is over. */
export function takeLock(folder: string): string {
  const file = path.join(folder, LOCK_FILE);
  // Written whole before it gets its name: an empty lock would look like a dead process's.
  const written = path.join(folder, `${LOCK_FILE}.${randomUUID()}`);
  writeFileSync(written, identity());
  try {
    for (let attempt = 0; ; attempt++) {
      if (tryLink(written, file)) return file;
      const text = readIfThere(file);
      if (text === null) continue;
      const owner = parseLock(text);
      // Whether a process of another machine lives can't be seen from here: a scheduler that starts a dead job again elsewhere relies on taking over.
      const mayLive = owner.pid !== process.pid && ownerLives(owner) === true;
      if (attempt >= MOST_ATTEMPTS || mayLive) {
        throw new InputError(`${folder}: process ${owner.pid} is writing to it; wait for it or end it`);
      }
      removeDead(file, written, text);
    }
  } finally {
    rmSync(written, { force: true });
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
    if (other !== null && ownerLives(parseLock(other)) === false) rmSync(mine, { force: true });
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
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return null;
    throw error;
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;
