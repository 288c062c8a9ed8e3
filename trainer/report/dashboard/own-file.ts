/** @file Finds a file of a shown folder by name, and refuses a link that leads out of the folder. */
import { realpath } from "node:fs/promises";
import path from "node:path";
import { InputError } from "../../errors.js";

/**
 * The file's real path.
 * @throws InputError if that is outside its folder; the system's error if there is no file
 */
export async function ownFile(folder: string, name: string): Promise<string> {
  const [inside, file] = [await realpath(folder), await realpath(path.join(folder, name))];
  if (file.startsWith(inside + path.sep)) return file;
  throw new InputError(`${path.join(folder, name)} is a link out of its folder, which is not followed`);
}
