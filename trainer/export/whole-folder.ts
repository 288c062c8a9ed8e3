/** @file Writes a folder whole or not at all: fills it beside its place, flushes it, and renames it. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import path from "node:path";
import { UnavailableError } from "../errors.js";
import { flushed, isDiskFull, writeWhole } from "../files/durable-file.js";
import { LOCK_FILE } from "../run-format/run-lock.js";
import { takeLock } from "../runs/lock.js";
import { refuseFilled } from "../runs/run-directory.js";

/** A folder that is being filled. */
export interface OpenFolder {
  /** Writes a file with the given bytes; makes the folders above it. */
  put(name: string, bytes: Uint8Array | string): void;
  /** Opens a file that grows. It is closed with the folder. */
  grow(name: string): GrowingFile;
}

export interface GrowingFile {
  write(bytes: Uint8Array | string): void;
}

/**
 * Lets `fill` fill the folder. If it throws (also for an interruption), nothing stays. A killed process leaves
 * FOLDER.unfinished, which the next one removes.
 * @throws InputError for a folder that is not empty; UnavailableError where the disk is full
 */
export async function writeFolder<T>(folder: string, fill: (open: OpenFolder) => Promise<T>): Promise<T> {
  refuseFilled(folder);
  const place = path.resolve(folder);
  const unfinished = `${place}.unfinished`;
  mkdirSync(unfinished, { recursive: true });
  const lock = takeLock(unfinished);
  const files = new Map<string, number>();
  try {
    for (const left of readdirSync(unfinished)) {
      if (!left.startsWith(LOCK_FILE)) rmSync(path.join(unfinished, left), { recursive: true });
    }
    const result = await fill(openFolder(unfinished, files));
    for (const handle of files.values()) fsyncSync(handle);
    closeAll(files);
    lock.close();
    // Remove an empty folder in its place: not every system renames onto one.
    if (existsSync(place)) rmdirSync(place);
    renameSync(unfinished, place);
    return result;
  } catch (error) {
    closeAll(files);
    rmSync(unfinished, { recursive: true, force: true });
    if (!isDiskFull(error)) throw error;
    throw new UnavailableError(`the disk is full: ${folder} was not written; make room and try again`);
  }
}

function closeAll(files: Map<string, number>): void {
  for (const handle of files.values()) closeSync(handle);
  files.clear();
}

function openFolder(folder: string, files: Map<string, number>): OpenFolder {
  const made = new Set<string>();
  const place = (name: string): string => {
    const file = path.join(folder, name);
    const parent = path.dirname(file);
    if (!made.has(parent)) mkdirSync(parent, { recursive: true });
    made.add(parent);
    return file;
  };
  return {
    put: (name, bytes) => {
      const handle = openSync(place(name), "wx");
      try {
        flushed(handle, bytes);
      } finally {
        closeSync(handle);
      }
    },
    grow: (name) => {
      const handle = openSync(place(name), "wx");
      files.set(name, handle);
      return { write: (bytes) => writeWhole(handle, bytes) };
    },
  };
}
