/** @file Compares the files of two runs. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** Files with clock times; all other files of equal runs are equal to the bit. */
const CLOCK_TIMES = /^(log\.jsonl|timings\.csv|events\.out\.tfevents\..*)$/;

/** Digest of each file, by its path in the folder. */
export function digests(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !CLOCK_TIMES.test(entry.name))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
  return new Map(
    names.map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(path.join(folder, name)))
        .digest("hex"),
    ]),
  );
}

/** The first difference in words, or null. */
export function difference(reference: ReadonlyMap<string, string>, found: ReadonlyMap<string, string>): string | null {
  for (const [name, digest] of reference) {
    if (!found.has(name)) return `${name} is missing`;
    if (found.get(name) !== digest) return `${name} differs`;
  }
  for (const name of found.keys()) if (!reference.has(name)) return `${name} is left over`;
  return null;
}
