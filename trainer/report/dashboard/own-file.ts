/** @file A file of a folder that is shown, by its name: not one that a link in its place leads to elsewhere. */
import { realpath } from "node:fs/promises";
import path from "node:path";
import { InputError } from "../../errors.js";
import { type RunConfig, readRunConfig } from "../../run-format/readers.js";

/**
 * Where the file really is.
 * @throws InputError where that is outside its folder; the system's error where there is none
 */
export async function ownFile(folder: string, name: string): Promise<string> {
  const [inside, file] = [await realpath(folder), await realpath(path.join(folder, name))];
  if (file.startsWith(inside + path.sep)) return file;
  throw new InputError(`${path.join(folder, name)} is a link out of its folder, which is not followed`);
}

/** A run's configuration, from a file of its own. */
export async function readOwnConfig(folder: string): Promise<RunConfig> {
  // Where there is none, the reader says so.
  await ownFile(folder, "config.json").catch((error: unknown) => {
    if (error instanceof InputError) throw error;
  });
  return readRunConfig(folder);
}
