import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { SafetensorsFile, toHalf, writeSafetensors } from "../../trainer/files/safetensors.js";
import { temporaryFolder } from "../temporary.js";

const folder = temporaryFolder("safetensors");
let files = 0;
const fresh = (): string => path.join(folder, `${files++}.safetensors`);

describe("safetensors", () => {
  it("reads back what it wrote, whatever the shapes", () => {
    const tensor = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) => {
      const length = shape.reduce((a, b) => a * b, 1);
      return fc.record({
        shape: fc.constant(shape),
        data: fc.float32Array({ minLength: length, maxLength: length, noNaN: true }),
      });
    });
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z.]{1,12}$/), tensor, { maxKeys: 5 }), (tensors) => {
        const file = fresh();
        writeSafetensors(file, tensors);
        const read = SafetensorsFile.open(file);
        expect([...read.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
        for (const [name, { shape, data }] of Object.entries(tensors)) {
          expect(read.shape(name)).toEqual(shape);
          expect(read.readFloats(name)).toEqual(data);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("widens every half and narrows it to the same bits", () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00);
    const file = fresh();
    writeSafetensors(file, { all: { shape: [halves.length], data: halves } });
    const wide = SafetensorsFile.open(file).readFloats("all");
    expect(toHalf(wide)).toEqual(halves);
    expect(wide[halves.indexOf(0x3c00)]).toBe(1);
    expect(wide[halves.indexOf(0x0001)]).toBe(2 ** -24);
  });

  it("rounds to the nearest half, ties to even, and past the largest to infinity", () => {
    expect(Array.from(toHalf(Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -26)))).toEqual([
      0x3c00, 0x3c02, 0x7bff, 0x7c00, 0,
    ]);
  });

  it("reads 64-bit integers that fit 32 bits, and refuses others", () => {
    const file = fresh();
    const data = BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n);
    writeSafetensors(file, { ids: { shape: [2], data }, wide: { shape: [1], data: BigInt64Array.of(2n ** 32n + 5n) } });
    const read = SafetensorsFile.open(file);
    expect([...read.readIntegers("ids")]).toEqual([-(2 ** 31), 2 ** 31 - 1]);
    expect(() => read.readIntegers("wide")).toThrow(/wide .* holds 4294967301, which does not fit 32 bits/);
  });

  it("refuses a file truncated anywhere, and names it", () => {
    const file = fresh();
    writeSafetensors(file, { weight: { shape: [4, 4], data: new Float32Array(16) } });
    const whole = readFileSync(file);
    const cut = fresh();
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(cut, whole.subarray(0, length));
      expect(() => SafetensorsFile.open(cut)).toThrow(InputError);
      expect(() => SafetensorsFile.open(cut)).toThrow(cut);
    }
  });

  const entry = { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] };
  const write = (header: object, bytes = 16): string => {
    const file = fresh();
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(file, Buffer.concat([length, text, Buffer.alloc(bytes)]));
    return file;
  };

  it("refuses a header that contradicts itself", () => {
    expect(() => SafetensorsFile.open(write({ w: { ...entry, shape: [3] } }))).toThrow(/16 bytes/);
    expect(() => SafetensorsFile.open(write({ w: { dtype: "F32" } }))).toThrow(/malformed/);
  });

  it("refuses tensors that share bytes, and bytes that belong to none", () => {
    const after = { ...entry, data_offsets: [16, 32] };
    expect(SafetensorsFile.open(write({ w: entry, v: after }, 32)).tensors.size).toBe(2);
    expect(() => SafetensorsFile.open(write({ w: entry, v: entry }))).toThrow(/tensor v shares bytes with w/);
    expect(() => SafetensorsFile.open(write({ w: { ...entry, data_offsets: [8, 24] } }, 24))).toThrow(
      /w does not follow/,
    );
    expect(() => SafetensorsFile.open(write({ w: entry }, 20))).toThrow(/4 bytes follow the last tensor/);
  });

  it("ignores a tensor of an unsupported type until it is read", () => {
    const foreign = { dtype: "F8_E4M3", shape: [4], data_offsets: [16, 20] };
    const file = SafetensorsFile.open(write({ w: entry, scale: foreign }, 20));
    expect([...file.tensors.keys()]).toEqual(["w"]);
    expect(() => file.entry("scale")).toThrow(/scale has type F8_E4M3; known are/);
  });
});
