/** @file One process at a time writes to a folder; the lock of one that died is taken over. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
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
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = openSync(file, "wx");
      writeSync(handle, identity());
      closeSync(handle);
      return file;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      const owner = parseLock(readFileSync(file, "utf8"));
      // Whether a process of another machine lives can't be seen from here: a scheduler that starts a dead job again elsewhere relies on taking over.
      const mayLive = owner.pid !== process.pid && ownerLives(owner) === true;
      if (attempt > 0 || mayLive) {
        throw new InputError(`${folder}: process ${owner.pid} is writing to it; wait for it or end it`);
      }
      rmSync(file, { force: true });
    }
  }
}
