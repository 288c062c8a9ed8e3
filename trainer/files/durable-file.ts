/** @file Files that are there whole or not at all: written beside, flushed to the disk, renamed; and appended rows flushed before they count. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { UnavailableError } from "../errors.js";

type Chunk = string | Uint8Array;

/** Writes `file` atomically. A full disk leaves what was there before; a killed write one unfinished file, which the next one takes over. */
export function writeDurably(file: string, ...chunks: readonly Chunk[]): void {
  writeChunks(file, chunks);
}

/** The same of chunks that are made one after another: they need not fit into memory together. */
export function writeChunks(file: string, chunks: Iterable<Chunk>): void {
  mkdirSync(path.dirname(file), { recursive: true });
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
    rmSync(unfinished, { force: true });
    throw diskError(file, error);
  }
  flushFolder(path.dirname(file));
}

/** Appends and flushes. */
export function appendDurably(file: string, text: string): void {
  try {
    const handle = openSync(file, "a");
    try {
      writeWhole(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw diskError(file, error);
  }
}

function writeWhole(handle: number, chunk: Chunk): void {
  const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at, bytes.length - at);
}

/** A rename is durable once its folder is flushed; Windows has no such call. */
function flushFolder(folder: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function diskError(file: string, error: unknown): Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new UnavailableError(`the disk is full: ${file} was not written; make room and go on with --resume`);
  }
  if (code === "EACCES" || code === "EROFS" || code === "EPERM") {
    return new UnavailableError(`${file} may not be written (${code}); choose another folder with --out`);
  }
  return error instanceof Error ? error : new Error(String(error));
}
