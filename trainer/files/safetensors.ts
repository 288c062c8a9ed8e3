/** @file The safetensors file format: reads tensors one at a time by position, and writes files whole or not at all. */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { z } from "zod";
import { InputError } from "../errors.js";
import { MOST_AT_ONCE, writeChunks, writeDurably } from "./durable-file.js";

const ELEMENT_BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;

export type StoredType = keyof typeof ELEMENT_BYTES;

export interface StoredTensor {
  readonly type: StoredType;
  readonly shape: readonly number[];
  /** The position of its bytes in the file. */
  readonly offset: number;
  readonly bytes: number;
}

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.number().int().nonnegative()),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/**
 * The `length` bytes at `position`, fewer where the file ends before them. Reads in parts, because one read may
 * return less than it is asked for.
 */
export function readAt(descriptor: number, position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, Math.min(length - done, MOST_AT_ONCE), position + done);
    if (count === 0) return bytes.subarray(0, done);
    done += count;
  }
  return bytes;
}

/** Whether no value is NaN or infinite. */
export function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (const value of values) sum += value * 0;
  return sum === 0;
}

/**
 * @throws InputError that names the tensor, where a value is NaN or infinite: the model's results would be meaningless
 */
export function checkFinite(file: string, name: string, values: Float32Array): void {
  if (!allFinite(values)) {
    throw new InputError(`${file}: ${name} holds values that are no finite numbers: download or train it again`);
  }
}

export class SafetensorsFile {
  private constructor(
    readonly path: string,
    readonly tensors: ReadonlyMap<string, StoredTensor>,
    /** Names of tensors with unsupported types → the type. */
    readonly foreign: ReadonlyMap<string, string>,
  ) {}

  /**
   * Reads and checks the header.
   * @throws InputError where the file is missing, truncated, or not safetensors
   */
  static open(path: string): SafetensorsFile {
    if (!existsSync(path)) throw new InputError(`no file ${path}`);
    if (!statSync(path).isFile()) throw new InputError(`${path} is a folder where a file is expected`);
    const size = statSync(path).size;
    const descriptor = openSync(path, "r");
    try {
      const start = readAt(descriptor, 0, 8);
      const headerLength = start.length < 8 ? -1 : Number(new DataView(start.buffer).getBigUint64(0, true));
      if (headerLength < 2 || headerLength > 100_000_000 || headerLength + 8 > size) {
        throw new InputError(`${path} is not a safetensors file, or is truncated (${size} bytes): download it again`);
      }
      const header = parseHeader(path, new TextDecoder().decode(readAt(descriptor, 8, headerLength)));
      const base = 8 + headerLength;
      const tensors = new Map<string, StoredTensor>();
      const foreign = new Map<string, string>();
      const places: Place[] = [];
      for (const [name, value] of Object.entries(header)) {
        if (name === "__metadata__") continue;
        const { dtype, shape, data_offsets } = parseEntry(path, name, value);
        const [start, end] = data_offsets;
        if (base + end > size) {
          throw new InputError(
            `${path} is truncated: tensor ${name} ends at byte ${base + end}, the file at ${size}: download it again`,
          );
        }
        places.push({ name, start, end });
        const type = storedType(dtype);
        if (type === null) foreign.set(name, dtype);
        else tensors.set(name, stored(path, name, { type, shape, offset: base + start, bytes: end - start }));
      }
      checkPlaces(path, places, size - base);
      return new SafetensorsFile(path, tensors, foreign);
    } finally {
      closeSync(descriptor);
    }
  }

  /** The tensor's bytes as stored. */
  read(name: string): Uint8Array {
    const { offset, bytes } = this.entry(name);
    const descriptor = openSync(this.path, "r");
    try {
      return readAt(descriptor, offset, bytes);
    } finally {
      closeSync(descriptor);
    }
  }

  /** The tensor as float32, whatever its stored float type. */
  readFloats(name: string): Float32Array {
    const { type } = this.entry(name);
    const bytes = this.read(name);
    switch (type) {
      case "F32":
        return new Float32Array(bytes.buffer);
      case "F64":
        return new Float32Array(new Float64Array(bytes.buffer));
      case "F16":
        return widenHalf(new Uint16Array(bytes.buffer));
      case "BF16":
        return widenBrain(new Uint16Array(bytes.buffer));
      default:
        throw new InputError(`tensor ${name} of ${this.path} is ${type}, not a float type (F32, F16, BF16)`);
    }
  }

  /**
   * The tensor as int32: from I32, U8, BOOL, or I64.
   * @throws InputError for another type, and for a value that does not fit
   */
  readIntegers(name: string): Int32Array {
    const { type } = this.entry(name);
    const bytes = this.read(name);
    switch (type) {
      case "I32":
        return new Int32Array(bytes.buffer);
      case "I64":
        return Int32Array.from(new BigInt64Array(bytes.buffer), (value) => {
          if (BigInt.asIntN(32, value) === value) return Number(value);
          throw new InputError(`tensor ${name} of ${this.path} holds ${value}, which does not fit 32 bits`);
        });
      case "U8":
      case "BOOL":
        return Int32Array.from(bytes);
      default:
        throw new InputError(`tensor ${name} of ${this.path} is ${type}, not an integer type`);
    }
  }

  shape(name: string): readonly number[] {
    return this.entry(name).shape;
  }

  /**
   * A tensor's position, type and shape.
   * @throws InputError where there is no tensor of that name
   */
  entry(name: string): StoredTensor {
    const entry = this.tensors.get(name);
    if (entry !== undefined) return entry;
    const type = this.foreign.get(name);
    if (type === undefined) throw new InputError(`${this.path} has no tensor ${name}`);
    throw new InputError(
      `${this.path}: tensor ${name} has type ${type}; known are ${Object.keys(ELEMENT_BYTES).join(", ")}`,
    );
  }
}

function parseHeader(path: string, text: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch {
    throw new InputError(`${path} is not a safetensors file: its header is not JSON`);
  }
}

/** @throws InputError where the header's entry for a tensor has no type, shape or place */
export function parseEntry(path: string, name: string, value: unknown): z.infer<typeof entrySchema> {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) throw new InputError(`${path}: the header's entry for ${name} is malformed`);
  return parsed.data;
}

const storedType = (dtype: string): StoredType | null =>
  Object.hasOwn(ELEMENT_BYTES, dtype) ? (dtype as StoredType) : null;

/** @throws InputError where shape and type do not give that many bytes */
function stored(path: string, name: string, tensor: StoredTensor): StoredTensor {
  const { type, shape, bytes } = tensor;
  if (bytes === product(shape) * ELEMENT_BYTES[type]) return tensor;
  throw new InputError(`${path}: tensor ${name} of shape [${shape.join(", ")}] and type ${type} has ${bytes} bytes`);
}

/** A tensor's position in bytes, counted from the end of the header. */
interface Place {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The format stores tensors back to back, with nothing between or after them.
 * @throws InputError where two tensors share bytes, or bytes belong to none: the file was written wrongly, or changed
 * since
 */
function checkPlaces(path: string, places: readonly Place[], bytes: number): void {
  let end = 0;
  let before = "the header";
  for (const place of [...places].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (place.start !== end || place.end < place.start) {
      const what = place.start < end ? "shares bytes with" : "does not follow";
      throw new InputError(`${path}: tensor ${place.name} ${what} ${before}: download or write the file again`);
    }
    ({ end, name: before } = place);
  }
  if (end !== bytes) {
    throw new InputError(`${path}: ${bytes - end} bytes follow the last tensor: download or write the file again`);
  }
}

let halfTable: Float32Array | undefined;

/** IEEE half to single precision, by a table of all 65,536 values, made once. */
function widenHalf(bits: Uint16Array): Float32Array {
  halfTable ??= Float32Array.from({ length: 65536 }, (_, half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  const table = halfTable;
  return filled(new Float32Array(bits.length), (i) => table[bits[i] as number] as number);
}

/**
 * Fills an array by index. `from` with a function would first list all elements as JavaScript numbers: an embedding of
 * half a billion does not fit there.
 */
function filled<T extends Float32Array | Uint32Array | Uint16Array>(to: T, value: (i: number) => number): T {
  for (let i = 0; i < to.length; i++) to[i] = value(i);
  return to;
}

/** bfloat16 is the upper half of a float32. */
function widenBrain(bits: Uint16Array): Float32Array {
  const words = filled(new Uint32Array(bits.length), (i) => (bits[i] as number) << 16);
  return new Float32Array(words.buffer);
}

/** Single precision to IEEE half: to nearest, ties to even. */
export function toHalf(values: Float32Array): Uint16Array {
  return filled(new Uint16Array(values.length), (i) => {
    const value = values[i] as number;
    const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
    const size = Math.abs(value);
    if (Number.isNaN(value)) return 0x7e00;
    if (size >= 65520) return sign | 0x7c00;
    const exponent = Math.max(Math.floor(Math.log2(size)), -14);
    const step = 2 ** (exponent - 10);
    const quotient = size / step;
    let units = Math.floor(quotient);
    const rest = quotient - units;
    if (rest > 0.5 || (rest === 0.5 && units % 2 === 1)) units++;
    // Adding the units to the exponent's base handles subnormals, normals, and a carry into the next exponent alike.
    return sign | (size < 2 ** -14 ? units : ((exponent + 14) << 10) + units);
  });
}

export interface WritableTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;
}

/** Uint16Array holds half-precision floats. */
function typeOf(data: WritableTensor["data"]): StoredType {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Uint16Array) return "F16";
  if (data instanceof Int32Array) return "I32";
  if (data instanceof BigInt64Array) return "I64";
  return "U8";
}

/** A tensor in the form in which a file stores it. */
export interface PlacedTensor {
  readonly name: string;
  readonly type: StoredType;
  readonly shape: readonly number[];
  readonly data: WritableTensor["data"];
}

/** A file's tensors back to back: the header's entries, and the bytes. */
export interface Layout {
  readonly entries: Readonly<Record<string, unknown>>;
  readonly bodies: readonly Uint8Array[];
}

/** @throws RangeError for data that are not the bytes of their type and shape */
export function layOut(tensors: readonly PlacedTensor[]): Layout {
  const entries: Record<string, unknown> = {};
  let offset = 0;
  const bodies = tensors.map(({ name, type, shape, data }) => {
    if (data.byteLength !== product(shape) * ELEMENT_BYTES[type]) {
      throw new RangeError(
        `${name}: ${data.length} values of ${data.BYTES_PER_ELEMENT} bytes for ${type} [${shape.join(", ")}]`,
      );
    }
    entries[name] = { dtype: type, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  });
  return { entries, bodies };
}

/** Header padded to 8 bytes, as the reference implementation writes it. */
function headerOf(metadata: Readonly<Record<string, string>>, entries: Layout["entries"]): Buffer {
  let text = JSON.stringify({ __metadata__: metadata, ...entries });
  while (Buffer.byteLength(text) % 8 !== 0) text += " ";
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([length, Buffer.from(text)]);
}

/** Writes the file whole or not at all. */
export function writeLayout(path: string, metadata: Readonly<Record<string, string>>, layout: Layout): void {
  writeDurably(path, headerOf(metadata, layout.entries), ...layout.bodies);
}

/** A float32 tensor that is read only when it is written. */
export interface DeferredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly read: () => Float32Array;
}

/** Writes tensors sorted by name, with one at a time in memory. */
export function writeDeferred(path: string, tensors: readonly DeferredTensor[]): void {
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  let end = 0;
  const entries = Object.fromEntries(
    sorted.map(({ name, shape }) => {
      const start = end;
      end += product(shape) * ELEMENT_BYTES.F32;
      return [name, { dtype: "F32", shape, data_offsets: [start, end] }];
    }),
  );
  const chunks = function* (): Generator<Uint8Array> {
    yield headerOf({ format: "pt" }, entries);
    for (const { name, shape, read } of sorted) {
      const data = read();
      if (data.length !== product(shape))
        throw new RangeError(`${name}: ${data.length} values for [${shape.join(", ")}]`);
      yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    }
  };
  writeChunks(path, chunks());
}

/** Writes tensors sorted by name, as the reference implementation does. */
export function writeSafetensors(path: string, tensors: Readonly<Record<string, WritableTensor>>): void {
  const named = Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1));
  const placed = named.map(([name, { shape, data }]): PlacedTensor => ({ name, type: typeOf(data), shape, data }));
  writeLayout(path, { format: "pt" }, layOut(placed));
}
