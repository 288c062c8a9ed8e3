/** @file Headers put together by hand: what an encoder would not write, and what a decoder must take or refuse. */
import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number" });

/** One value, as bytes of msgpack. */
export function pack(value: unknown): Buffer {
  return packr.pack(value);
}

/** A map of up to 15 keys. Bytes stand for what they are, anything else for its encoding; keys may be bytes too, or come twice. */
export function rawMap(entries: readonly (readonly [key: string | Uint8Array, value: unknown])[]): Buffer {
  const bytes = (value: unknown): Uint8Array => (value instanceof Uint8Array ? value : pack(value));
  return Buffer.concat([Uint8Array.of(0x80 | entries.length), ...entries.flat().map(bytes)]);
}

/** A number of `size` bytes behind its format's byte. */
function number(format: number, size: number, write: (into: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(size);
  write(bytes);
  return Buffer.concat([Uint8Array.of(format), bytes]);
}

export const float32 = (value: number): Buffer => number(0xca, 4, (into) => into.writeFloatBE(value));
export const float64 = (value: number): Buffer => number(0xcb, 8, (into) => into.writeDoubleBE(value));
export const uint64 = (value: bigint): Buffer => number(0xcf, 8, (into) => into.writeBigUInt64BE(value));
export const int64 = (value: bigint): Buffer => number(0xd3, 8, (into) => into.writeBigInt64BE(value));

/** Arrays in each other. */
export function nested(levels: number): Buffer {
  return Buffer.concat([Buffer.alloc(levels - 1, 0x91), Uint8Array.of(0x90)]);
}
