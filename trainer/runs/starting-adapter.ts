/** @file The adapter that a run starts from: its folder, and its digest when the run began. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { InputError } from "../errors.js";
import { readPlainFile } from "../files/plain-file.js";

/** PEFT's files. */
const FILES = ["adapter_config.json", "adapter_model.safetensors"] as const;

export const startingAdapterSchema = z.object({
  directory: z.string(),
  /** By file name. */
  sha256: z.record(z.string(), z.string()),
});
export type StartingAdapter = z.infer<typeof startingAdapterSchema>;

/** @throws InputError for a folder without PEFT's two files */
export function startingAdapter(directory: string): StartingAdapter {
  const folder = path.resolve(directory);
  if (!existsSync(folder)) throw new InputError(`--adapter ${directory}: there is no such folder`);
  const missing = FILES.find((name) => !existsSync(path.join(folder, name)));
  if (missing !== undefined) {
    throw new InputError(
      `--adapter ${directory}: ${missing} is missing; name the folder that PEFT's save_pretrained wrote`,
    );
  }
  return { directory: folder, sha256: Object.fromEntries(FILES.map((name) => [name, digestOf(folder, name)])) };
}

/**
 * Its directory, where it is unchanged since the run began.
 * @throws InputError where it has changed
 */
export function unchanged({ directory, sha256 }: StartingAdapter): string {
  for (const [name, digest] of Object.entries(sha256)) {
    const file = path.join(directory, name);
    if (!existsSync(file)) throw new InputError(`${file}: the run starts from it, and it is gone; put it back`);
    if (digestOf(directory, name) !== digest) {
      throw new InputError(`${file}: the run starts from it, and it was changed since; put it back as it was`);
    }
  }
  return directory;
}

const digestOf = (directory: string, name: string): string =>
  createHash("sha256")
    .update(readPlainFile(path.join(directory, name), Number.POSITIVE_INFINITY))
    .digest("hex");
