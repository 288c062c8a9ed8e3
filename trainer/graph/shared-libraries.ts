/**
 * @file `node dist/trainer/graph/shared-libraries.js FILE` lists the shared libraries that an ELF file (Linux, 64-bit,
 * little endian) is linked with, and other library names in it. Use it to update the table in cuda-libraries.ts.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { InputError } from "../errors.js";

const PROGRAM_HEADER = { loaded: 1, dynamic: 2 } as const;
const DYNAMIC = { end: 0, needed: 1, strings: 5 } as const;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** The names in the file's DT_NEEDED entries, in order. */
export function linkedLibraries(file: string): string[] {
  const bytes = readFileSync(file);
  if (bytes.toString("latin1", 0, 4) !== "\x7fELF" || bytes[4] !== 2 || bytes[5] !== 1) {
    throw new InputError(`${file} is no 64-bit ELF file`);
  }
  const word = (at: number): number => Number(bytes.readBigUInt64LE(at));
  const [start, size, count] = [word(32), bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  const segments = Array.from({ length: count }, (_, i): Segment => {
    const at = start + i * size;
    return { type: bytes.readUInt32LE(at), offset: word(at + 8), address: word(at + 16), size: word(at + 32) };
  });
  const dynamic = segments.find(({ type }) => type === PROGRAM_HEADER.dynamic);
  if (dynamic === undefined) return [];
  const entries: { tag: number; value: number }[] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const tag = word(at);
    if (tag === DYNAMIC.end) break;
    entries.push({ tag, value: word(at + 8) });
  }
  const table = entries.find(({ tag }) => tag === DYNAMIC.strings)?.value ?? 0;
  // The string table is given by its memory address; the segment loaded there has its offset in the file.
  const holder = segments.find(
    ({ type, address, size: length }) => type === PROGRAM_HEADER.loaded && table >= address && table < address + length,
  );
  const base = table - (holder?.address ?? 0) + (holder?.offset ?? 0);
  return entries
    .filter(({ tag }) => tag === DYNAMIC.needed)
    .map(({ value }) => bytes.toString("latin1", base + value, bytes.indexOf(0, base + value)));
}

/** Names of shared libraries that occur as text in the file: it may open them itself. */
export function namedLibraries(file: string): string[] {
  const text = readFileSync(file).toString("latin1");
  return [...new Set(text.match(/\blib(?:cu|nv)[\w]*\.so(?:\.\d+)*/g))].sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , file] = process.argv;
  if (file === undefined) {
    console.error("name a file, for example libonnxruntime_providers_cuda.so");
    process.exitCode = 2;
  } else {
    console.log(JSON.stringify({ linked: linkedLibraries(file), named: namedLibraries(file) }, null, 2));
  }
}
