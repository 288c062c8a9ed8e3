import { spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { besideOf, readTensorFile, writeSharedTensorFile, writeTensorFile } from "../../trainer/files/tensor-file.js";
import type { Tensor, Tensors } from "../../trainer/tensor.js";

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

  it("may be larger than one write, one read or one hash takes", () => {
    const large = path.join(folder, "large.safetensors");
    const length = 2 ** 31 + 8;
    const last = { type: "int32", dims: [1], data: Int32Array.of(3) } as const;
    const zeros = { type: "uint8", dims: [length], data: new Uint8Array(length) } as const;
    writeTensorFile(large, { zeros, last }, null);
    const found = readTensorFile(large).tensors;
    rmSync(large);
    expect(found["last"]).toEqual(last);
    expect(found["zeros"]?.data.length).toBe(length);
  }, 60_000);

  it("leaves nothing beside itself", () => {
    expect(readdirSync(folder)).toEqual(["a.safetensors"]);
  });

  describe("that several processes write", () => {
    const ended = spawnSync(process.execPath, ["--version"]).pid;
    const id = randomUUID();
    /** The files left in a folder with these files after one more is written. */
    function leftOf(names: readonly string[], hours: number): string[] {
      const place = mkdtempSync(path.join(folder, "shared-"));
      const begun = new Date(Date.now() - hours * 3_600_000);
      for (const name of names) {
        writeFileSync(path.join(place, name), "");
        utimesSync(path.join(place, name), begun, begun);
      }
      writeSharedTensorFile(path.join(place, "whole.safetensors"), tensors, null);
      const left = readdirSync(place);
      rmSync(place, { recursive: true });
      return left.filter((name) => name !== "whole.safetensors").sort();
    }
    const named = (pid: number, host: string, start = ""): string => `test.safetensors.${pid}~${host}~${start}~${id}`;

    it("is cleared at once of files that killed processes of this machine have left, for any shared file", () => {
      const dead = named(ended, hostname());
      expect(leftOf([dead, `${dead}.unfinished`, named(process.pid, hostname(), "another%3A1")], 0)).toEqual([]);
    });

    it("keeps the files of living processes, and files of others", () => {
      const living = path.basename(besideOf("test.safetensors"));
      const others = ["test.safetensors", "test.safetensors.txt", `test.${id}`, `notes.txt.${id}`];
      const all = [living, `${living}.unfinished`, ...others].sort();
      expect(leftOf(all, 48)).toEqual(all);
    });

    it("is cleared after an hour where nobody can see whether the writer lives", () => {
      const unseen = [named(ended, "another-machine"), `test.safetensors.${id}`, `test.safetensors.${id}.unfinished`];
      expect(leftOf(unseen, 0.5)).toEqual([...unseen].sort());
      expect(leftOf(unseen, 2)).toEqual([]);
    });
  });

  it("refuses tensors with data of another type or length, and keeps the file that was there", () => {
    writeTensorFile(file, tensors, 1);
    const refused = (tensor: object): void => {
      expect(() => writeTensorFile(file, { ...tensors, wrong: tensor as Tensor }, 2)).toThrow(/tensor "wrong" has/);
      expect(readTensorFile(file)).toEqual({ tensors, note: 1 });
    };
    refused({ type: "float32", dims: [3], data: [1, 2, 3] });
    refused({ type: "float32", dims: [2], data: Float64Array.of(1, 2) });
    refused({ type: "int32", dims: [2], data: Float32Array.of(1, 2) });
    refused({ type: "float32", dims: [3], data: Float32Array.of(1, 2) });
  });

  it("whose tensors do not have the bytes of their shape is an input error", () => {
    const withEntry = (entry: object): string => {
      const damaged = path.join(folder, "entry.safetensors");
      const data = Buffer.from(Float64Array.of(1, 2).buffer);
      const digest = createHash("sha256")
        .update(JSON.stringify({ a: entry }))
        .update("null")
        .update(data);
      const metadata = { format: "rls3", note: "null", sha256: digest.digest("hex") };
      const header = Buffer.from(JSON.stringify({ __metadata__: metadata, a: entry }));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(header.length));
      writeFileSync(damaged, Buffer.concat([length, header, data]));
      return damaged;
    };
    const read = (entry: object) => () => readTensorFile(withEntry(entry));
    expect(read({ dtype: "F32", shape: [4], data_offsets: [0, 16] })).not.toThrow();
    expect(read({ dtype: "F32", shape: [2], data_offsets: [0, 16] })).toThrow(/"a" has 16 bytes for F32 \[2\]/);
    expect(read({ dtype: "F32", shape: [3], data_offsets: [0, null] })).toThrow(/entry for a is malformed/);
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
