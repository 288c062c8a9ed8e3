/** @file A plugin's file and a digest of its code. The code must not change before the run has ended. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { InputError } from "../errors.js";

/** A plugin's code as plain data, for config.json and for child processes. */
export interface PluginSource {
  /** Absolute path. */
  readonly file: string;
  /** Over the module and the files that it imports by relative path. */
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
  // By path relative to the module, so that a plugin may be moved.
  for (const [name, bytes] of [...imported(entry)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return { file: entry, sha256: hash.digest("hex") };
}

/** The module and the files that it imports, by path relative to the module; the module's own path is "". */
function imported(entry: string): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const name = path.relative(entry, file).split(path.sep).join("/");
    // The import itself reports a missing file.
    if (found.has(name) || !statSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    const bytes = readFileSync(file);
    found.set(name, bytes);
    for (const [, target = ""] of bytes.toString("utf8").matchAll(IMPORT)) {
      waiting.push(path.resolve(path.dirname(file), target));
    }
  }
  return found;
}

/** @throws InputError where the code has changed since `source` was made */
export function refuseChangedPlugin({ file, sha256 }: PluginSource): void {
  const now = pluginSource(file);
  if (now.sha256 === sha256) return;
  throw new InputError(
    `--plugin ${file}: was changed since the run began (sha256 ${short(sha256)} then, ${short(now.sha256)} now), which would make it another run; put it back, or start a new run with it`,
  );
}

const short = (digest: string): string => `${digest.slice(0, 12)}…`;
