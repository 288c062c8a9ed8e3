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

export function float32(value: number): Buffer {
  const bytes = Buffer.alloc(5, 0xca);
  bytes.writeFloatBE(value, 1);
  return bytes;
}

export function float64(value: number): Buffer {
  const bytes = Buffer.alloc(9, 0xcb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

export function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(9, 0xcf);
  bytes.writeBigUInt64BE(value, 1);
  return bytes;
}

export function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(9, 0xd3);
  bytes.writeBigInt64BE(value, 1);
  return bytes;
}

/** Arrays in each other. */
export function nested(levels: number): Buffer {
  return Buffer.concat([Buffer.alloc(levels - 1, 0x91), Uint8Array.of(0x90)]);
}
