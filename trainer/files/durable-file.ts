/**
 * @file Writes files whole or not at all (written beside, flushed to disk, renamed), and flushes appended rows before
 * they count.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { UnavailableError } from "../errors.js";

type Chunk = string | Uint8Array;

/**
 * Writes `file` atomically. If the disk is full, the old file stays. A killed write leaves one unfinished file, which
 * the next write replaces.
 */
export function writeDurably(file: string, ...chunks: readonly Chunk[]): void {
  writeChunks(file, chunks);
}

/** The same for chunks produced one after another: they need not fit into memory together. */
export function writeChunks(file: string, chunks: Iterable<Chunk>): void {
  makeFolder(path.dirname(file));
  const unfinished = `${file}.unfinished`;
  try {
    const handle = openSync(unfinished, "w");
    try {
      for (const chunk of chunks) writeWhole(handle, chunk);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(unfinished, file);
  } catch (error) {
    removeQuietly(unfinished);
    throw writingError(file, error);
  }
  flushFolder(path.dirname(file));
}

/** Writes everything to an open file and flushes it to disk. */
export function flushed(handle: number, chunk: Chunk): void {
  writeWhole(handle, chunk);
  fsyncSync(handle);
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw writingError(folder, error);
  }
}

/** Only the error that stopped the writing matters, not a failure to remove its remains. */
function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // the next write replaces it
  }
}

/** One write, one read and one hash each take less than 2 GiB. */
export const MOST_AT_ONCE = 2 ** 30;

/** Writes everything to an open file; the system may accept less at a time. */
export function writeWhole(handle: number, chunk: Chunk): void {
  const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(handle, bytes, at, Math.min(bytes.length - at, MOST_AT_ONCE));
  }
}

/** A rename is durable only once its folder is flushed. Windows has no such call. */
function flushFolder(folder: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Whether the disk, or its user's quota, is full. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");

/** Turns the system's error of writing `file` into one that says what the user can do. */
export function writingError(file: string, error: unknown): Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (isDiskFull(error)) {
    return new UnavailableError(`the disk is full: ${file} was not written; make room and go on with --resume`);
  }
  if (code === "EACCES" || code === "EROFS" || code === "EPERM") {
    return new UnavailableError(`${file} may not be written (${code}); choose another folder with --out`);
  }
  return error instanceof Error ? error : new Error(String(error));
}
