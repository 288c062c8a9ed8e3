/**
 * @file Bytes: a header is one msgpack map, scanned against fixed limits before anything is built from it; tensors
 * travel beside it as raw frames.
 */
import { Packr } from "msgpackr";
import type { WireMap } from "./environment.js";
import { badMessage, ProtocolError } from "./errors.js";

/** Limits of every decoder, so that no peer can make another allocate unlimited memory. */
export const DECODER_LIMITS = {
  headerBytes: 4 * 1024 * 1024,
  depth: 16,
  values: 200_000,
  stringBytes: 65_536,
  frames: 64,
} as const;

const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  int64AsType: "number",
  encodeUndefinedAsNil: true,
});

/** Encodes only plain maps, arrays, strings, numbers, booleans and nil, so that any msgpack library can read it. */
export function encodeHeader(header: object): Buffer {
  return packr.pack(header);
}

/**
 * Encodes an answer.
 * @throws ProtocolError TOO_LARGE or INTERNAL for one that every decoder must refuse
 */
export function encodeAnswer(header: object): Buffer {
  const bytes = encodeHeader(header);
  const { headerBytes } = DECODER_LIMITS;
  if (bytes.length > headerBytes) {
    const message = `the answer's header has ${bytes.length} bytes; a header may have ${headerBytes}`;
    throw new ProtocolError("TOO_LARGE", message, { bytes: bytes.length, limit: headerBytes });
  }
  try {
    new Scan(bytes).value(0, 0);
  } catch (error) {
    throw new ProtocolError("INTERNAL", `the answer can't be sent: ${problemOf(header) ?? (error as Error).message}`);
  }
  return bytes;
}

/** What `checkHeader` says, which names the key. */
function problemOf(header: object): string | undefined {
  try {
    checkHeader(header);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Checks before sending that any peer can read a header: a peer that cannot read it cannot say which request it was.
 * @throws ProtocolError BAD_MESSAGE that names the key with the unsupported value
 */
export function checkHeader(header: object): void {
  let values = 0;
  const check = (value: unknown, path: string, depth: number): void => {
    if (++values > DECODER_LIMITS.values)
      throw badMessage(`${path}: more than ${DECODER_LIMITS.values} values in a header`);
    if (typeof value === "string") checkString(value, path);
    if (value == null || ["string", "boolean", "number"].includes(typeof value)) return;
    const entries = entriesOf(value);
    if (entries === undefined) {
      throw badMessage(
        `${path}: ${nameOf(value)} can't be sent; nil, booleans, numbers, strings, arrays and maps can`,
        {
          field: path,
        },
      );
    }
    if (depth >= DECODER_LIMITS.depth) {
      throw badMessage(`${path}: maps and arrays nest deeper than ${DECODER_LIMITS.depth}`, { field: path });
    }
    for (const [key, entry] of entries) {
      const inner = typeof key === "number" ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
      if (typeof key === "string") {
        checkString(key, inner);
        values++;
      }
      check(entry, inner, depth + 1);
    }
  };
  check(header, "", 0);
}

/** Entries of an array or a plain object; undefined for anything else. */
function entriesOf(value: unknown): Iterable<readonly [string | number, unknown]> | undefined {
  if (Array.isArray(value)) return value.entries();
  if (typeof value !== "object" || value === null) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? Object.entries(value) : undefined;
}

function checkString(text: string, path: string): void {
  const { stringBytes } = DECODER_LIMITS;
  // A UTF-16 code unit takes at most three bytes.
  if (text.length * 3 <= stringBytes) return;
  const bytes = Buffer.byteLength(text);
  if (bytes <= stringBytes) return;
  const field = path.slice(0, 100);
  throw badMessage(`${field}: a string of ${bytes} bytes; at most ${stringBytes} are allowed`, { field });
}

function nameOf(value: unknown): string {
  const name = typeof value === "object" ? value?.constructor?.name || "object" : typeof value;
  return `${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}`;
}

/** @throws ProtocolError BAD_MESSAGE that says what is wrong, and at which byte */
export function decodeHeader(bytes: Uint8Array): WireMap {
  if (bytes.length > DECODER_LIMITS.headerBytes) {
    throw badMessage(`the header has ${bytes.length} bytes; at most ${DECODER_LIMITS.headerBytes} are allowed`);
  }
  const first = bytes[0] ?? 0xc1;
  if (!((first >= 0x80 && first <= 0x8f) || first === 0xde || first === 0xdf)) {
    throw badMessage("the first frame must be a msgpack map: the header");
  }
  const end = new Scan(bytes).value(0, 0);
  if (end !== bytes.length) throw badMessage(`${bytes.length - end} bytes follow the header's map at byte ${end}`);
  return packr.unpack(bytes) as WireMap;
}

/** Walks one msgpack value without building it; checks every count against the remaining bytes first. */
class Scan {
  private values = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Returns the end of the value that starts at `at`. */
  value(at: number, depth: number): number {
    const type = this.bytes[at];
    if (type === undefined) throw cut(at);
    if (++this.values > DECODER_LIMITS.values)
      throw badMessage(`more than ${DECODER_LIMITS.values} values in a header`);
    if (type < 0x80 || type >= 0xe0) return at + 1;
    if (type < 0x90) return this.map(at + 1, type & 15, depth);
    if (type < 0xa0) return this.array(at + 1, type & 15, depth);
    if (type < 0xc0) return this.skip(at + 1, type & 31);
    switch (type) {
      case 0xc0: // nil
      case 0xc2: // false
      case 0xc3: // true
        return at + 1;
      case 0xca: // float 32
        return this.skip(at + 1, 4);
      case 0xcb: // float 64
        return this.skip(at + 1, 8);
      case 0xcc: // uint 8
      case 0xd0: // int 8
        return this.skip(at + 1, 1);
      case 0xcd:
      case 0xd1:
        return this.skip(at + 1, 2);
      case 0xce:
      case 0xd2:
        return this.skip(at + 1, 4);
      case 0xcf:
      case 0xd3:
        return this.integer64(at + 1, type === 0xd3);
      case 0xd9:
        return this.string(at + 2, this.count(at + 1, 1));
      case 0xda:
        return this.string(at + 3, this.count(at + 1, 2));
      case 0xdb:
        return this.string(at + 5, this.count(at + 1, 4));
      case 0xdc:
        return this.array(at + 3, this.count(at + 1, 2), depth);
      case 0xdd:
        return this.array(at + 5, this.count(at + 1, 4), depth);
      case 0xde:
        return this.map(at + 3, this.count(at + 1, 2), depth);
      case 0xdf:
        return this.map(at + 5, this.count(at + 1, 4), depth);
    }
    const what = type === 0xc1 ? "the reserved type c1" : type >= 0xc4 && type <= 0xc6 ? "binary" : "an extension type";
    throw badMessage(
      `the header holds ${what} at byte ${at}; only nil, booleans, numbers, strings, arrays and maps are allowed`,
    );
  }

  private count(at: number, size: 1 | 2 | 4): number {
    if (at + size > this.bytes.length) throw cut(at);
    return size === 1 ? this.view.getUint8(at) : size === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  private skip(at: number, size: number): number {
    if (at + size > this.bytes.length) throw cut(at);
    return at + size;
  }

  private string(at: number, size: number): number {
    if (size > DECODER_LIMITS.stringBytes) {
      throw badMessage(`a string of ${size} bytes at byte ${at}; at most ${DECODER_LIMITS.stringBytes} are allowed`);
    }
    return this.skip(at, size);
  }

  private integer64(at: number, signed: boolean): number {
    const end = this.skip(at, 8);
    const value = signed ? this.view.getBigInt64(at) : this.view.getBigUint64(at);
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) {
      throw badMessage(`the integer ${value} at byte ${at} is beyond ±(2^53 − 1)`);
    }
    return end;
  }

  private array(at: number, count: number, depth: number): number {
    this.enter(at, count, depth);
    let next = at;
    for (let i = 0; i < count; i++) next = this.value(next, depth + 1);
    return next;
  }

  private map(at: number, count: number, depth: number): number {
    this.enter(at, 2 * count, depth);
    let next = at;
    for (let i = 0; i < count; i++) {
      const key = this.bytes[next] ?? 0xc1;
      if (!((key >= 0xa0 && key < 0xc0) || (key >= 0xd9 && key <= 0xdb))) {
        throw badMessage(`a map key at byte ${next} is not a string`);
      }
      next = this.value(this.value(next, depth + 1), depth + 1);
    }
    return next;
  }

  private enter(at: number, values: number, depth: number): void {
    if (depth >= DECODER_LIMITS.depth)
      throw badMessage(`maps and arrays nest deeper than ${DECODER_LIMITS.depth} at byte ${at}`);
    if (values > this.bytes.length - at) throw cut(at);
  }
}

function cut(at: number): Error {
  return badMessage(`the header ends inside a value at byte ${at}`);
}
