/** @file How the small server reads a header: correctly, or accepting or refusing one thing too many. */
import { Unpackr } from "msgpackr";
import { decodeHeader } from "../../../protocol/codec.js";
import { bad, type Header, type Is, isMap, LIMITS, MOST, Refusal, tooLarge } from "./message.js";
import type { MutantName } from "./mutants.js";

/** @param next number of the next request, for a server that invents one where it cannot read it */
export function read(is: Is, bytes: Buffer, about: { req: number }, next: number): Header {
  if (bytes.length > LIMITS.max_frame_bytes && !is("large-headers-bad"))
    throw tooLarge(bytes.length, LIMITS.max_frame_bytes);
  let header: Header;
  try {
    header = decodeHeader(bytes) as Header;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    header = readAllTheSame(is, bytes, message, about, next);
  }
  readTooStrictly(is, bytes, header);
  return header;
}

function readAllTheSame(is: Is, bytes: Buffer, why: string, about: { req: number }, next: number): Header {
  if (is("cut-headers-read") && why.includes("ends inside") && bytes.length > 20) {
    for (let zeros = 1; zeros < 10; zeros++) {
      const filled = Buffer.concat([bytes, Buffer.alloc(zeros)]);
      if (attempt(filled) !== undefined) return attempt(filled) as Header;
    }
  }
  const taken: [MutantName, RegExp][] = [
    ["binary-read", /binary/],
    ["timestamps-read", /extension/],
    ["integer-keys-read", /not a string/],
    ["trailing-bytes-read", /follow the header/],
    ["large-integers-read", /beyond/],
    ["deep-nesting-read", /nest deeper/],
    ["long-strings-read", /a string of/],
    ["many-values-read", /more than \d+ values/],
    ["long-headers-read", /the header has/],
  ];
  if (taken.some(([name, about]) => is(name) && about.test(why))) {
    const unpackr = new Unpackr({ int64AsType: "number", mapsAsObjects: true, useRecords: false });
    const values: unknown[] = [];
    try {
      unpackr.unpackMultiple(bytes, (value) => void values.push(value));
    } catch {
      // what was decoded before counts
    }
    if (isMap(values[0])) return values[0];
  }
  if (is("unreadable-numbered")) about.req = next;
  throw new Refusal("BAD_MESSAGE", why);
}

function attempt(bytes: Buffer): Header | undefined {
  try {
    return decodeHeader(bytes) as Header;
  } catch {
    return undefined;
  }
}

function readTooStrictly(is: Is, bytes: Buffer, header: Header): void {
  const depth = (value: unknown): number =>
    typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).slice(0, 99).map(depth)) : 0;
  const { x } = header;
  if (is("nesting-15") && depth(header) > 15) throw bad("x");
  if (is("strings-short") && typeof x === "string" && x.length >= 65_536) throw bad("x");
  if (is("values-fewer") && Array.isArray(x) && x.length > 190_000) throw bad("x");
  if (is("floats-refused") && /req[\xca\xcb]/.test(bytes.toString("latin1"))) throw bad("req");
  if (is("floats-32-refused") && /req\xca/.test(bytes.toString("latin1"))) throw bad("req");
  if (is("wide-integers-refused") && /req[\xcf\xd3]/.test(bytes.toString("latin1"))) throw bad("req");
  if (is("largest-integer-refused") && x === MOST) throw bad("x");
  if (is("infinity-refused") && typeof x === "number" && !Number.isFinite(x)) throw bad("x");
  if (is("fixmap-15-refused") && bytes[0] === 0x8f) throw bad("x");
  if (is("headers-of-4-mib-refused") && bytes.length >= 4 * 1024 * 1024) throw bad("x");
  if (is("empty-wide-values-refused") && bytes.includes(Buffer.of(0xdc, 0, 0))) throw bad("x");
  if (is("booleans-refused") && typeof x === "boolean") throw bad("x");
  if (is("fixint-minus-32-refused") && x === -32) throw bad("x");
  if (is("empty-keys-refused") && "" in header) throw bad("x");
  if (is("wide-strings-refused") && bytes.includes(Buffer.of(0xdb, 0, 0, 0))) throw bad("x");
  if (is("utf8-refused") && JSON.stringify(header).includes("\ufffd")) throw bad("x");
  if (is("first-key-counts") && bytes.includes("teleport")) header["t"] = "teleport";
  if (is("unknown-keys-refused") && "x_future" in header) throw bad("x_future");
}
