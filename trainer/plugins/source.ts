/** @file Where a plugin's code is, and a digest of all of it: what a run follows from may not change between its start and its end. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { InputError } from "../errors.js";

/** A plugin by its code: plain data, which config.json and a run's order hold. */
export interface PluginSource {
  /** Absolute. */
  readonly file: string;
  /** Of the module and of what it imports by relative paths. */
  readonly sha256: string;
}

export const pluginSourceSchema: z.ZodType<PluginSource> = z.object({ file: z.string(), sha256: z.string() });

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)["'](\.{1,2}\/[^"']+)["']/g;

/** @throws InputError where there is no such file */
export function pluginSource(file: string): PluginSource {
  const entry = path.resolve(file);
  if (!existsSync(entry))
    throw new InputError(`--plugin ${file}: does not exist; give a JavaScript module, as ./mine.mjs`);
  if (!statSync(entry).isFile())
    throw new InputError(`--plugin ${file}: is no file; give a JavaScript module, as ./mine.mjs`);
  const hash = createHash("sha256");
  // By their place relative to the module, so that a plugin may be moved.
  for (const [name, bytes] of [...imported(entry)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return { file: entry, sha256: hash.digest("hex") };
}

/** The module and all that it imports by relative paths, by their places; the module's own is "". */
function imported(entry: string): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const name = path.relative(entry, file).split(path.sep).join("/");
    // What is not there is for the import itself to say.
    if (found.has(name) || !statSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    const bytes = readFileSync(file);
    found.set(name, bytes);
    for (const [, target = ""] of bytes.toString("utf8").matchAll(IMPORT)) {
      waiting.push(path.resolve(path.dirname(file), target));
    }
  }
  return found;
}

/** @throws InputError where the code is no longer that which `source` was made of */
export function refuseChangedPlugin({ file, sha256 }: PluginSource): void {
  const now = pluginSource(file);
  if (now.sha256 === sha256) return;
  throw new InputError(
    `--plugin ${file}: was changed since the run began (sha256 ${short(sha256)} then, ${short(now.sha256)} now), which would make it another run; put it back, or start a run of its own with it`,
  );
}

const short = (digest: string): string => `${digest.slice(0, 12)}…`;
