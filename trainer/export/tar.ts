/** @file A POSIX tar archive (ustar) with bytes that depend only on the files' names and contents. */

const BLOCK = 512;
const LONGEST_NAME = 100;

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;

/** Offsets of the fields in a header: name, mode, owner, group, size, time, checksum, type, magic. */
const FIELDS = {
  name: 0,
  mode: 100,
  owner: 108,
  group: 116,
  size: 124,
  time: 136,
  checksum: 148,
  type: 156,
  magic: 257,
} as const;

/**
 * One file: its header, and its contents padded to whole blocks.
 * @throws RangeError for a name of more than 100 bytes
 */
export function tarEntry(name: string, contents: Uint8Array): Buffer {
  if (Buffer.byteLength(name) > LONGEST_NAME) throw new RangeError(`${name}: is too long a name for a tar archive`);
  const entry = Buffer.alloc(BLOCK + Math.ceil(contents.length / BLOCK) * BLOCK);
  entry.write(name, FIELDS.name);
  entry.write(octal(0o644, 7), FIELDS.mode);
  entry.write(octal(0, 7), FIELDS.owner);
  entry.write(octal(0, 7), FIELDS.group);
  entry.write(octal(contents.length, 11), FIELDS.size);
  entry.write(octal(0, 11), FIELDS.time);
  entry.write("0", FIELDS.type);
  entry.write("ustar\x0000", FIELDS.magic);
  // The checksum is computed with spaces in its own field.
  entry.write(" ".repeat(8), FIELDS.checksum);
  const sum = entry.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0);
  entry.write(`${octal(sum, 6)} `, FIELDS.checksum);
  entry.set(contents, BLOCK);
  return entry;
}

/** The end of an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK);
