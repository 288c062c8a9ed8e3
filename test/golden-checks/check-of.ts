/** @file The comparison for a folder of reference numbers: its own, by name, or that of a model directory. */
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isModelDirectory } from "../../trainer/vlm/architectures.js";
import type { GoldenCheck } from "./check.js";

const here = path.dirname(fileURLToPath(import.meta.url));

/** null: not implemented. */
export async function checkOf(folder: string): Promise<GoldenCheck | null> {
  const own = path.join(here, `${path.basename(folder)}.js`);
  const module = isModelDirectory(folder) ? path.join(here, "model-directory.js") : own;
  if (!existsSync(module)) return null;
  const { check } = (await import(pathToFileURL(module).href)) as { check: GoldenCheck };
  return check;
}
