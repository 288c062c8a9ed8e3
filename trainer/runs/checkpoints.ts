/**
 * @file A run's checkpoints: their contents, which exist, which are undamaged; and the adapter that belongs to each.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import path from "node:path";
import { z } from "zod";
import { describeComplaint } from "../complaint.js";
import { InputError } from "../errors.js";
import { writingError } from "../files/durable-file.js";
import { readTensorFile, readTensorNote, writeTensorFile } from "../files/tensor-file.js";
import type { Tensors } from "../tensor.js";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** The adapter at a checkpoint: its iteration, and a digest of each of its files. */
const adapterSchema = z.object({ iteration: z.int().nonnegative(), files: z.record(z.string(), sha256) }).readonly();
export type KeptAdapter = z.infer<typeof adapterSchema>;

/** The note beside the tensors; the run knows the type of its state. */
const noteSchema = z.object({
  state: z.looseObject({ iteration: z.int().nonnegative() }),
  tables: z.record(z.string(), z.object({ size: z.int().nonnegative(), sha256 })),
  settings: z.record(z.string(), z.string()),
  adapter: adapterSchema.nullable(),
});
export type Note = z.infer<typeof noteSchema>;

export interface Checkpoint {
  readonly state: Note["state"];
  readonly tensors: Tensors;
}

/** A checkpoint as it was written, or what is wrong with it. */
export type ReadCheckpoint =
  | { readonly checkpoint: { readonly note: Note; readonly tensors: Tensors }; readonly problem: null }
  | { readonly checkpoint: null; readonly problem: string };

export const numbered = (iteration: number): string => String(iteration).padStart(4, "0");

const fileOf = (folder: string, iteration: number): string =>
  path.join(folder, "checkpoints", `${numbered(iteration)}.safetensors`);

/** A second copy of the adapter, because people take, move and remove the one in the run's folder. */
const copyOf = (folder: string, iteration: number): string =>
  path.join(folder, "checkpoints", `${numbered(iteration)}-adapter`);

/** Iterations of the matching files in the folder of checkpoints, newest first. */
function iterationsOf(folder: string, name: RegExp): number[] {
  const checkpoints = path.join(folder, "checkpoints");
  if (!existsSync(checkpoints)) return [];
  return readdirSync(checkpoints)
    .flatMap((entry) => (name.test(entry) ? [Number.parseInt(entry, 10)] : []))
    .sort((a, b) => b - a);
}

/** Iterations of the existing checkpoints, newest first. */
export const checkpointsIn = (folder: string): number[] => iterationsOf(folder, /^\d+\.safetensors$/);

export function writeCheckpoint(folder: string, iteration: number, tensors: Tensors, note: Note): void {
  writeTensorFile(fileOf(folder, iteration), tensors, note);
}

/**
 * Reads a checkpoint. A file that the system refuses to read is not a damaged one, so that error is thrown: another
 * checkpoint would not help.
 */
export function readCheckpoint(folder: string, iteration: number): ReadCheckpoint {
  const file = fileOf(folder, iteration);
  try {
    const { tensors, note } = readTensorFile(file);
    const parsed = parseNote(file, note);
    const adapter = parsed.adapter === null ? null : adapterProblem(folder, parsed.adapter);
    return adapter === null
      ? { checkpoint: { note: parsed, tensors }, problem: null }
      : { checkpoint: null, problem: adapter };
  } catch (error) {
    if (error instanceof InputError) return { checkpoint: null, problem: error.message };
    throw error;
  }
}

/**
 * The state in the newest checkpoint, read without its tensors and without changing anything; null where there is none.
 */
export function newestState(folder: string): Note["state"] | null {
  const [newest] = checkpointsIn(folder);
  if (newest === undefined) return null;
  const file = fileOf(folder, newest);
  // Parse only the state: the rest of the note may be an earlier version's.
  const parsed = noteSchema.pick({ state: true }).safeParse(readTensorNote(file));
  if (parsed.success) return parsed.data.state;
  throw new InputError(`${file}: is no checkpoint of a run; remove it, and go on from the one before`);
}

/** The whole note of the newest checkpoint; null where there is none, or where an earlier version wrote it. */
export function newestNote(folder: string): Note | null {
  const [newest] = checkpointsIn(folder);
  return newest === undefined ? null : (noteSchema.safeParse(readTensorNote(fileOf(folder, newest))).data ?? null);
}

function parseNote(file: string, note: unknown): Note {
  const parsed = noteSchema.safeParse(note);
  if (parsed.success) return parsed.data;
  throw new InputError(
    `${file}: was written by another version of rls3 (${describeComplaint(parsed.error, note)}); go on with it in that version`,
  );
}

/** Copies the adapter from the run's folder to the checkpoints. */
export function keepAdapter(folder: string, iteration: number): KeptAdapter {
  const [adapter, copy] = [path.join(folder, "adapter"), copyOf(folder, iteration)];
  const names = readdirSync(adapter, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(adapter, path.join(entry.parentPath, entry.name)))
    .sort();
  copyFiles(adapter, copy, names);
  return { iteration, files: Object.fromEntries(names.map((name) => [name, digestOf(path.join(copy, name))])) };
}

/** What is wrong with both copies of an adapter; null where one is undamaged. */
export function adapterProblem(folder: string, kept: KeptAdapter): string | null {
  const places = [copyOf(folder, kept.iteration), path.join(folder, "adapter")];
  return places.some((place) => isWhole(place, kept)) ? null : `${places.join(" and ")} are lost or damaged`;
}

/** Restores the adapter, or its copy, where it differs from the one at the checkpoint. */
export function mendAdapter(folder: string, kept: KeptAdapter, warn: (line: string) => void): void {
  const [copy, adapter] = [copyOf(folder, kept.iteration), path.join(folder, "adapter")];
  const names = Object.keys(kept.files);
  if (!isWhole(adapter, kept)) {
    warn(`${adapter} was not as at the checkpoint (lost, damaged or newer), and is written again from ${copy}`);
    copyFiles(copy, adapter, names);
  } else if (!isWhole(copy, kept)) copyFiles(adapter, copy, names);
}

const isWhole = (place: string, { files }: KeptAdapter): boolean =>
  Object.entries(files).every(([name, digest]) => {
    const file = path.join(place, name);
    return existsSync(file) && statSync(file).isFile() && digestOf(file) === digest;
  });

/** Copies each file whole or not at all; other files in the folder stay. */
function copyFiles(from: string, to: string, names: readonly string[]): void {
  for (const name of names) {
    const file = path.join(to, name);
    const unfinished = `${file}.unfinished`;
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      copyFileSync(path.join(from, name), unfinished, constants.COPYFILE_FICLONE);
      flush(unfinished);
      renameSync(unfinished, file);
    } catch (error) {
      if (error instanceof Error && "code" in error && (error.code === "EEXIST" || error.code === "ENOTDIR")) {
        throw new InputError(`${to}: ${path.dirname(file)} is a file where a folder is expected; move it away`);
      }
      throw writingError(file, error);
    }
  }
}

function flush(file: string): void {
  const handle = openSync(file, "r+");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

const CHUNK_BYTES = 4 * 1024 * 1024;

/** Reads in pieces: a fully fine-tuned model is larger than a buffer may be. */
function digestOf(file: string): string {
  const hash = createHash("sha256");
  const piece = Buffer.alloc(CHUNK_BYTES);
  const handle = openSync(file, "r");
  try {
    for (let bytes = readSync(handle, piece); bytes > 0; bytes = readSync(handle, piece)) {
      hash.update(piece.subarray(0, bytes));
    }
  } finally {
    closeSync(handle);
  }
  return hash.digest("hex");
}

/** Removes checkpoints older than the `newest` ones up to `current`, and adapters that none of those use. */
export function prune(folder: string, newest: number, current = Number.POSITIVE_INFINITY): void {
  const saved = checkpointsIn(folder).filter((iteration) => iteration <= current);
  const oldest = saved[newest - 1];
  if (oldest === undefined) return;
  for (const old of saved.slice(newest)) {
    const file = fileOf(folder, old);
    // A folder of that name is not the run's to remove.
    if (lstatSync(file, { throwIfNoEntry: false })?.isDirectory() !== true) rmSync(file, { force: true });
  }
  // The oldest checkpoint uses the newest adapter that is not newer than itself.
  const [, ...unused] = iterationsOf(folder, /^\d+-adapter$/).filter((iteration) => iteration <= oldest);
  for (const old of unused) rmSync(copyOf(folder, old), { recursive: true, force: true });
}
