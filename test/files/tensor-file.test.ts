import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { readTensorFile, writeSharedTensorFile, writeTensorFile } from "../../trainer/files/tensor-file.js";
import type { Tensors } from "../../trainer/tensor.js";

const folder = mkdtempSync(path.join(tmpdir(), "rls3-tensors-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, "a.safetensors");

const tensors: Tensors = {
  bytes: { type: "uint8", dims: [3], data: Uint8Array.of(1, 2, 255) },
  flags: { type: "bool", dims: [2], data: Uint8Array.of(0, 1) },
  floats: { type: "float32", dims: [1, 3], data: Float32Array.of(0.1, -0, Number.POSITIVE_INFINITY) },
  integers: { type: "int32", dims: [], data: Int32Array.of(-7) },
  long: { type: "int64", dims: [1], data: BigInt64Array.of(-(2n ** 62n)) },
};

describe("a file of tensors", () => {
  it("gives back what was written, to the bit", () => {
    writeTensorFile(file, tensors, { note: ["a", 1] });
    expect(readTensorFile(file)).toEqual({ tensors, note: { note: ["a", 1] } });
  });

  it("leaves nothing beside itself", () => {
    expect(readdirSync(folder)).toEqual(["a.safetensors"]);
  });

  it("that several processes write is cleared of what killed ones have left, once nobody can be writing that", () => {
    const shared = path.join(mkdtempSync(path.join(folder, "shared-")), "test.safetensors");
    const left = [`${shared}.${randomUUID()}`, `${shared}.${randomUUID()}.unfinished`];
    const others = [`${shared}.${randomUUID()}`, `${shared}.txt`, `${path.dirname(shared)}/natural.safetensors`];
    for (const name of [...left, ...others]) writeFileSync(name, "");
    const old = new Date(Date.now() - 2 * 3_600_000);
    for (const name of [...left, ...others.slice(1)]) utimesSync(name, old, old);
    writeSharedTensorFile(shared, tensors, null);
    expect(readdirSync(path.dirname(shared)).sort()).toEqual(
      [shared, ...others].map((name) => path.basename(name)).sort(),
    );
    rmSync(path.dirname(shared), { recursive: true });
  });

  it("cut short anywhere, or with any one byte changed, is an input error", () => {
    writeTensorFile(file, tensors, { step: 12 });
    const whole = readFileSync(file);
    const damaged = path.join(folder, "damaged.safetensors");
    const at = fc.integer({ min: 0, max: whole.length - 1 });
    fc.assert(
      fc.property(at, fc.boolean(), (position, cut) => {
        const bytes = Buffer.from(cut ? whole.subarray(0, position) : whole);
        if (!cut) bytes.writeUInt8((whole.readUInt8(position) + 1) % 256, position);
        writeFileSync(damaged, bytes);
        expect(() => readTensorFile(damaged)).toThrow(InputError);
      }),
      { numRuns: 400 },
    );
  });
});
