/** @file Named tensors and a JSON note in one safetensors file, with a digest that detects damage. */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { at } from "../at.js";
import { InputError } from "../errors.js";
import { type ElementType, TENSOR_ARRAYS, type Tensor, type Tensors, tensorFault } from "../tensor.js";
import { MOST_AT_ONCE } from "./durable-file.js";
import { readStart, withPlainFile } from "./plain-file.js";
import { processLives, thisProcess } from "./process-identity.js";
import { layOut, parseEntry, readAt, type StoredType, writeLayout } from "./safetensors.js";

const STORED: Readonly<Record<ElementType, StoredType>> = {
  float32: "F32",
  int32: "I32",
  int64: "I64",
  uint8: "U8",
  bool: "BOOL",
};

const FORMAT = "rls3";

export interface TensorFile {
  readonly tensors: Tensors;
  readonly note: unknown;
}

/** Widest elements first, so that each tensor is aligned in the file. */
const width = (tensor: Tensor): number => tensor.data.BYTES_PER_ELEMENT;

/** Digest of the whole content: a change to any byte is found before anything is used. */
const digestOf = (entries: unknown, note: string, data: readonly Uint8Array[]): string => {
  const digest = createHash("sha256").update(JSON.stringify(entries)).update(note);
  for (const part of data) {
    for (let at = 0; at < part.length; at += MOST_AT_ONCE) digest.update(part.subarray(at, at + MOST_AT_ONCE));
  }
  return digest.digest("hex");
};

/** @throws RangeError for a tensor that no reader would understand, before anything is written */
export function writeTensorFile(file: string, tensors: Tensors, note: unknown): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    const fault = tensorFault(tensor);
    if (fault !== undefined) throw new RangeError(`${file}: tensor "${name}" ${fault}`);
  }
  const named = Object.entries(tensors).sort(([a, x], [b, y]) => width(y) - width(x) || (a < b ? -1 : 1));
  const layout = layOut(named.map(([name, { type, dims, data }]) => ({ name, type: STORED[type], shape: dims, data })));
  const text = JSON.stringify(note);
  writeLayout(file, { format: FORMAT, note: text, sha256: digestOf(layout.entries, text, layout.bodies) }, layout);
}

/**
 * Writes a file that several processes may write at once, with equal contents: each writes beside it, then renames a
 * whole file.
 */
export function writeSharedTensorFile(file: string, tensors: Tensors, note: unknown): void {
  const beside = besideOf(file);
  removeAbandoned(path.dirname(file));
  try {
    writeTensorFile(beside, tensors, note);
    renameSync(beside, file);
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Where this process writes until the file is whole; the name identifies the writer. */
export function besideOf(file: string): string {
  const { pid, host, start } = thisProcess();
  return `${file}.${[pid, host, start ?? ""].map(encodeURIComponent).join("~")}~${randomUUID()}`;
}

/** After this many milliseconds an unfinished file is abandoned, where its writer cannot be seen from here. */
const ABANDONED = 3_600_000;
/** In earlier versions, the name has no writer. */
const BESIDE =
  /\.safetensors\.(?:(\d+)~([^~]+)~([^~]*)~)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.unfinished)?$/;

/** Removes what killed processes have left beside the shared files of a folder. */
export function removeAbandoned(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder)) {
    const beside = BESIDE.exec(entry);
    if (beside === null) continue;
    const left = path.join(folder, entry);
    const lives = writerLives(beside);
    if (lives === false || (lives === null && isOld(left))) rmSync(left, { force: true });
  }
}

/** Null where it is unknown: on another machine, or from an earlier version. */
function writerLives([, pid, host, start]: readonly string[]): boolean | null {
  if (pid === undefined || host === undefined) return null;
  const started = decodeURIComponent(start ?? "");
  return processLives({ pid: Number(pid), host: decodeURIComponent(host), start: started === "" ? null : started });
}

function isOld(file: string): boolean {
  const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
  return Date.now() - written > ABANDONED;
}

/** The note alone, from the header; neither reads nor verifies the tensors. */
export function readTensorNote(file: string): unknown {
  try {
    const header = readStart(file, 8 + lengthIn(readStart(file, 8))).subarray(8);
    const parsed = headerSchema.parse(JSON.parse(header.toString("utf8")));
    return JSON.parse(parsed.__metadata__.note);
  } catch (error) {
    if (isSystemError(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(`${file}: is no file of rls3's own, or it was cut short (${why}); remove it and start again`);
  }
}

const headerSchema = z.looseObject({ __metadata__: z.looseObject({ note: z.string() }) });

function lengthIn(start: Buffer): number {
  return Number(start.readBigUInt64LE());
}

const isSystemError = (error: unknown): boolean => error instanceof Error && "syscall" in error;

/**
 * Reads and verifies the file.
 * @throws InputError that says what is wrong with it
 */
export function readTensorFile(file: string): TensorFile {
  if (!existsSync(file)) throw new InputError(`${file}: there is no such file`);
  return withPlainFile(file, Number.POSITIVE_INFINITY, (handle, size) => readWhole(file, handle, size));
}

/** Each tensor by itself: together they may be larger than a buffer can be. */
function readWhole(file: string, handle: number, size: number): TensorFile {
  const broken = (what: string): InputError =>
    new InputError(`${file}: ${what}; it was cut short or changed, so remove it and start again`);
  const headerLength = size < 8 ? Number.POSITIVE_INFINITY : lengthIn(Buffer.from(readAt(handle, 0, 8)));
  if (headerLength > size - 8) throw broken("shorter than its own header");
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder().decode(readAt(handle, 8, headerLength))) as Record<string, unknown>;
  } catch {
    throw broken("its header is not JSON");
  }
  const { __metadata__: metadata, ...entries } = header;
  const { format, note, sha256 } = (metadata ?? {}) as { format?: unknown; note?: unknown; sha256?: unknown };
  if (format !== FORMAT || typeof note !== "string") throw broken("it is not one of rls3's own");
  const places = Object.entries(entries)
    .map(([name, value]) => ({ name, ...parseEntry(file, name, value) }))
    .sort((one, other) => one.data_offsets[0] - other.data_offsets[0] || one.data_offsets[1] - other.data_offsets[1]);
  const base = 8 + headerLength;
  let end = 0;
  const parts = places.map(({ data_offsets: [first, last] }) => {
    if (first !== end || last < first || base + last > size) throw broken("its contents do not match its header");
    end = last;
    return readAt(handle, base + first, last - first);
  });
  if (base + end !== size || digestOf(entries, note, parts) !== sha256) {
    throw broken("its contents do not match its digest");
  }
  const tensors: Record<string, Tensor> = {};
  for (const [i, { name, dtype, shape }] of places.entries()) {
    const type = ELEMENT_TYPES.find((known) => STORED[known] === dtype);
    if (type === undefined) throw broken(`"${name}" has an unknown type ${dtype}`);
    const part = at(parts, i);
    const bytes = shape.reduce((product, length) => product * length, TENSOR_ARRAYS[type].BYTES_PER_ELEMENT);
    if (part.length !== bytes) throw broken(`"${name}" has ${part.length} bytes for ${dtype} [${shape.join(", ")}]`);
    tensors[name] = { type, dims: shape, data: new TENSOR_ARRAYS[type](part.buffer) };
  }
  return { tensors, note: JSON.parse(note) };
}

const ELEMENT_TYPES = Object.keys(STORED) as readonly ElementType[];

/**
 * The tensor's data as an array of the expected type.
 * @throws InputError for a wrong type: the file is damaged, or from another version
 */
export function floats(tensors: Tensors, name: string): Float32Array {
  const data = tensors[name]?.data;
  if (data instanceof Float32Array) return data;
  throw new InputError(`a file of tensors lacks "${name}" as 32-bit floats: it was written by another version of rls3`);
}
export function integers(tensors: Tensors, name: string): Int32Array {
  const data = tensors[name]?.data;
  if (data instanceof Int32Array) return data;
  throw new InputError(
    `a file of tensors lacks "${name}" as 32-bit integers: it was written by another version of rls3`,
  );
}
export function octets(tensors: Tensors, name: string): Uint8Array {
  const data = tensors[name]?.data;
  if (data instanceof Uint8Array) return data;
  throw new InputError(`a file of tensors lacks "${name}" as bytes: it was written by another version of rls3`);
}

/** Names with a prefix, so that one file can hold tensors of several owners. */
export const prefixed = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}/${name}`, tensor]));
export const unprefixed = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), tensor]] : [],
    ),
  );
