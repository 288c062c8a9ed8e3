/**
 * @file TensorBoard event files: TFRecord framing (length, masked CRC-32C, data, masked CRC-32C) around Event messages. The
 * whole file follows from the rows of metrics.csv and holds no clock times, so that equal seeds give equal files and a
 * resumed run rewrites the same one.
 */

import path from "node:path";
import protobuf from "protobufjs";
import { InputError } from "../errors.js";
import { writeDurably } from "../files/durable-file.js";

/** The fields of tensorboard/compat/proto/event.proto and summary.proto that scalars need. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Event {
    double wall_time = 1;
    int64 step = 2;
    oneof what { string file_version = 3; Summary summary = 5; }
  }
  message Summary {
    message Value { string tag = 1; float simple_value = 2; }
    repeated Value value = 1;
  }
`);
const Event = root.lookupType("Event");

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
  return remainder >>> 0;
});

/** CRC-32C (Castagnoli), as RFC 3720 B.4 has it. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** TFRecord's mask: a CRC over data that holds CRCs would be weak, so it is rotated and shifted. */
export const maskedCrc32c = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
};

function frame(data: Uint8Array): Buffer {
  const record = Buffer.alloc(data.length + 16);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return record;
}

export interface Scalars {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

const encode = (event: Record<string, unknown>): Buffer => frame(Event.encode(Event.fromObject(event)).finish());

/** An event file's bytes. Wall time is the step in seconds from 1970, since a run's files hold no clock times. */
export function encodeEvents(rows: readonly Scalars[]): Buffer {
  const scalars = rows.map(({ step, values }) => {
    const value = Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue }));
    return encode({ wallTime: step, step, summary: { value } });
  });
  return Buffer.concat([encode({ wallTime: 0, fileVersion: "brain.Event:2" }), ...scalars]);
}

/** The inverse; a damaged or cut-off record is an error that names its place. */
export function decodeEvents(bytes: Buffer): Scalars[] {
  const rows: Scalars[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const cut = () => new InputError(`event file: the record at byte ${offset} is cut off`);
    if (offset + 12 > bytes.length) throw cut();
    const length = Number(bytes.readBigUInt64LE(offset));
    if (offset + 16 + length > bytes.length) throw cut();
    const data = bytes.subarray(offset + 12, offset + 12 + length);
    const lengthOk = bytes.readUInt32LE(offset + 8) === maskedCrc32c(bytes.subarray(offset, offset + 8));
    if (!lengthOk || bytes.readUInt32LE(offset + 12 + length) !== maskedCrc32c(data)) {
      throw new InputError(`event file: the record at byte ${offset} has a wrong checksum`);
    }
    const event = Event.toObject(Event.decode(data), { longs: Number, arrays: true, defaults: true });
    const value: { tag: string; simpleValue: number }[] = event["summary"]?.value ?? [];
    if (value.length > 0) {
      const values = Object.fromEntries(value.map(({ tag, simpleValue }) => [tag, simpleValue]));
      rows.push({ step: event["step"], values });
    }
    offset += 16 + length;
  }
  return rows;
}

/** TensorBoard takes any file whose name holds "tfevents". */
export const EVENT_FILE = "events.out.tfevents.0.rls3";

/** (Re)writes the run's event file from its metrics: each column over generated samples, empty cells left out. */
export function writeEventFile(folder: string, rows: readonly Readonly<Record<string, number | null>>[]): void {
  const scalars = rows.map((row) => ({
    step: row["generated"] ?? 0,
    values: Object.fromEntries(
      Object.entries(row).flatMap(([column, value]) => (value === null ? [] : [[tag(column), value]])),
    ),
  }));
  const file = path.join(folder, EVENT_FILE);
  writeDurably(file, encodeEvents(scalars));
}

/** TensorBoard groups tags by what stands before the slash. */
function tag(column: string): string {
  const [group, member] = column.split("_");
  if (member !== undefined) return `${group} by term/${member}`;
  if (/^(accuracy|natural)/.test(column)) return `accuracy/${column}`;
  if (/^(reason|reward)/.test(column)) return `${column.slice(0, 6)}/${column}`;
  if (/(Loss|Norm)$|^(kl|temperature)$/.test(column)) return `learning/${column}`;
  return `samples/${column}`;
}
