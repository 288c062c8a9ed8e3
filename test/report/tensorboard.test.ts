/** @file TensorBoard files: published checksums, the known start of such files, round trips, damage. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import {
  crc32c,
  decodeEvents,
  EVENT_FILE,
  encodeEvents,
  maskedCrc32c,
  writeEventFile,
} from "../../trainer/report/tensorboard.js";

const scalars = fc.record({
  step: fc.integer({ min: 0, max: 2 ** 40 }),
  values: fc.dictionary(fc.stringMatching(/^[a-zA-Z/ α-ω]{1,12}$/), fc.float({ noNaN: true }), { minKeys: 1 }),
});

describe("CRC-32C", () => {
  it("gives the checksums of RFC 3720, B.4", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  });
});

describe("an event file", () => {
  it("masks checksums as every event file does: those of writers with a clock start 18 00 00 00 00 00 00 00 a3 7f 4b 22", () => {
    const length = Buffer.from("1800000000000000", "hex");
    expect(maskedCrc32c(length)).toBe(Buffer.from("a37f4b22", "hex").readUInt32LE());
  });

  it("starts with its version, at time zero, which proto3 leaves out", () => {
    const bytes = encodeEvents([]);
    expect(bytes.readBigUInt64LE()).toBe(15n);
    expect(bytes.subarray(12, 27).toString("latin1")).toBe("\x1a\rbrain.Event:2");
    expect(bytes.length).toBe(31);
  });

  it("gives back what was written", () => {
    fc.assert(
      fc.property(fc.array(scalars, { maxLength: 5 }), (rows) => {
        expect(decodeEvents(encodeEvents(rows))).toEqual(rows);
      }),
      { numRuns: 50 },
    );
  });

  it("tells a flipped bit and a missing end, wherever they are", () => {
    const bytes = encodeEvents([{ step: 7, values: { "accuracy/oneTerm": 0.5 } }]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), fc.integer({ min: 0, max: 7 }), (place, bit) => {
        const damaged = Buffer.from(bytes);
        damaged[place] = (damaged[place] ?? 0) ^ (1 << bit);
        expect(() => decodeEvents(damaged)).toThrow(InputError);
      }),
    );
    expect(() => decodeEvents(bytes.subarray(0, bytes.length - 1))).toThrow("the record at byte 31 is cut off");
  });

  it("follows from the metrics alone, over generated samples, without empty cells, and leaves no other file", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "rls3-events-"));
    const rows = [
      { iteration: 0, generated: 0, accuracyOneTerm: 0.5, kl: null, accuracy_inFront: 0.25 },
      { iteration: 1, generated: 700, accuracyOneTerm: 0.75, kl: 1.5, accuracy_inFront: null },
    ];
    writeEventFile(folder, rows);
    const first = await readFile(path.join(folder, EVENT_FILE));
    writeEventFile(folder, rows);
    expect(await readFile(path.join(folder, EVENT_FILE))).toEqual(first);
    expect(await readdir(folder)).toEqual([EVENT_FILE]);
    const [before, after] = decodeEvents(first);
    expect(before?.step).toBe(0);
    expect(before?.values).toMatchObject({ "accuracy/accuracyOneTerm": 0.5, "accuracy by term/inFront": 0.25 });
    expect(before?.values).not.toHaveProperty("learning/kl");
    expect(after).toMatchObject({ step: 700, values: { "learning/kl": 1.5 } });
    await rm(folder, { recursive: true });
  });
});
