/** @file Headers assembled by hand: bytes that an encoder would not write, and that a decoder must accept or refuse. */
import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number" });

/** One value, as msgpack bytes. */
export function pack(value: unknown): Buffer {
  return packr.pack(value);
}

/**
 * A map of up to 15 keys. Bytes are used as they are, anything else is encoded. Keys may be bytes, too, or occur twice.
 */
export function rawMap(entries: readonly (readonly [key: string | Uint8Array, value: unknown])[]): Buffer {
  const bytes = (value: unknown): Uint8Array => (value instanceof Uint8Array ? value : pack(value));
  return Buffer.concat([Uint8Array.of(0x80 | entries.length), ...entries.flat().map(bytes)]);
}

/** A number of `size` bytes after its format byte. */
function number(format: number, size: number, write: (into: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(size);
  write(bytes);
  return Buffer.concat([Uint8Array.of(format), bytes]);
}

export const float32 = (value: number): Buffer => number(0xca, 4, (into) => into.writeFloatBE(value));
export const float64 = (value: number): Buffer => number(0xcb, 8, (into) => into.writeDoubleBE(value));
export const uint64 = (value: bigint): Buffer => number(0xcf, 8, (into) => into.writeBigUInt64BE(value));
export const int64 = (value: bigint): Buffer => number(0xd3, 8, (into) => into.writeBigInt64BE(value));

/** A string after its format byte and a length of `size` bytes. */
export function text(format: number, size: number, value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([number(format, size, (into) => into.writeUIntBE(bytes.length, 0, size)), bytes]);
}

/** Every msgpack format that a header may contain, by its name in msgpack's specification. */
export const FORMATS: Readonly<Record<string, Uint8Array>> = {
  nil: Uint8Array.of(0xc0),
  false: Uint8Array.of(0xc2),
  true: Uint8Array.of(0xc3),
  "positive fixint": Uint8Array.of(0x7f),
  "negative fixint": Uint8Array.of(0xe0),
  "uint 8": Uint8Array.of(0xcc, 200),
  "uint 16": Uint8Array.of(0xcd, 1, 2),
  "uint 32": Uint8Array.of(0xce, 1, 2, 3, 4),
  "uint 64": uint64(5n),
  "int 8": Uint8Array.of(0xd0, 0x80),
  "int 16": Uint8Array.of(0xd1, 0x80, 1),
  "int 32": Uint8Array.of(0xd2, 0x80, 1, 2, 3),
  "int 64": int64(-5n),
  "float 32": float32(1.5),
  "float 64": float64(1.5),
  "fixstr of no bytes": Uint8Array.of(0xa0),
  fixstr: Buffer.concat([Uint8Array.of(0xbf), Buffer.alloc(31, 0x61)]),
  "str 8": text(0xd9, 1, "abc"),
  "str 8 of no bytes": Uint8Array.of(0xd9, 0),
  "str 16": text(0xda, 2, "abc"),
  "str 32": text(0xdb, 4, "abc"),
  "fixarray of nothing": Uint8Array.of(0x90),
  fixarray: Uint8Array.of(0x9f, ...new Array(15).fill(1)),
  "array 16 of nothing": Uint8Array.of(0xdc, 0, 0),
  "array 16": Uint8Array.of(0xdc, 0, 2, 1, 1),
  "array 32": Uint8Array.of(0xdd, 0, 0, 0, 2, 1, 1),
  "fixmap of nothing": Uint8Array.of(0x80),
  fixmap: Uint8Array.of(0x81, 0xa1, 0x61, 1),
  "map 16 of nothing": Uint8Array.of(0xde, 0, 0),
  "map 16": Uint8Array.of(0xde, 0, 1, 0xa1, 0x61, 1),
  "map 32": Uint8Array.of(0xdf, 0, 0, 0, 1, 0xa1, 0x61, 1),
};

/** Nested arrays. */
export function nested(levels: number): Buffer {
  return Buffer.concat([Buffer.alloc(levels - 1, 0x91), Uint8Array.of(0x90)]);
}
