/**
 * @file Reads files that others may have made or changed. Only regular files up to a size limit: a pipe or a device
 * would block the process forever.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { InputError } from "../errors.js";

/** No text file that a person or a run writes is larger. */
export const MOST_TEXT_BYTES = 256 * 1024 * 1024;

/** Opening a pipe for reading blocks until it has a writer, unless this flag is set. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * @throws InputError for anything but a regular file, and for more than `most` bytes; the system's error where the file
 * is missing
 */
export function readPlainFile(file: string, most = MOST_TEXT_BYTES): Buffer {
  return withPlainFile(file, most, (handle) => readFileSync(handle));
}

/** The file's first bytes; all of them where it has fewer. */
export function readStart(file: string, bytes: number): Buffer {
  return withPlainFile(file, Number.POSITIVE_INFINITY, (handle, size) => {
    const start = Buffer.alloc(Math.min(bytes, size));
    return start.subarray(0, readSync(handle, start, 0, start.length, 0));
  });
}

/** Opens a file for `read`, which gets its size in bytes; refuses what readPlainFile refuses. */
export function withPlainFile<T>(file: string, most: number, read: (handle: number, size: number) => T): T {
  const handle = withoutSockets(file, () => openSync(file, FLAGS));
  try {
    const stats = fstatSync(handle);
    refuseOdd(file, stats, most);
    return read(handle, stats.size);
  } finally {
    closeSync(handle);
  }
}

/** Like readPlainFile, but asynchronous. */
export async function readPlainFileLater(file: string, most = MOST_TEXT_BYTES): Promise<Buffer> {
  const handle = await openPlainFile(file, most);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** Opens a file for reading; refuses what readPlainFile refuses. */
export async function openPlainFile(file: string, most = MOST_TEXT_BYTES): Promise<FileHandle> {
  const handle = await open(file, FLAGS).catch((error: unknown) =>
    withoutSockets(file, () => {
      throw error;
    }),
  );
  try {
    refuseOdd(file, await handle.stat(), most);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function refuseOdd(file: string, stats: Stats, most: number): void {
  if (stats.isDirectory()) throw new InputError(`${file} is a folder where a file is expected`);
  if (!stats.isFile()) throw notPlain(file);
  if (stats.size > most) {
    throw new InputError(`${file} has ${stats.size} bytes, and at most ${most} are read: it is not what it should be`);
  }
}

/** A socket cannot even be opened. */
function withoutSockets<T>(file: string, opening: () => T): T {
  try {
    return opening();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENXIO") throw notPlain(file);
    throw error;
  }
}

const notPlain = (file: string): InputError =>
  new InputError(`${file} is a pipe, a socket or a device where a file is expected`);
