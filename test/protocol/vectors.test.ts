/** @file The golden vectors: byte for byte what this code writes, and how it reads them. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { decodeHeader } from "../../protocol/codec.js";
import { type DType, ProtocolError, tensorOver } from "../../protocol/index.js";
import { parseWelcome } from "../../protocol/messages.js";
import { vectorFiles } from "./vectors.js";

const folder = path.resolve(import.meta.dirname, "../../../protocol/vectors");
const read = (name: string): Buffer => readFileSync(path.join(folder, name));
const json = <T>(name: string): T => JSON.parse(read(name).toString()) as T;

interface MessageVector {
  name: string;
  header: Record<string, unknown>;
  hex: string;
  frames: { dtype: DType; shape: number[]; values: number[]; hex: string }[];
}

/** The generator of protocol/README.md again, in big integers, to check the vectors independently. */
function* xoshiro(seed: bigint): Generator<number> {
  const M = 0xffffffffn;
  const rotl = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & M;
  let counter = (seed & M) ^ (((seed >> 32n) * 0x9e3779b1n) & M);
  const s = [0, 1, 2, 3].map(() => {
    counter = (counter + 0x9e3779b9n) & M;
    let z = counter;
    z = ((z ^ (z >> 16n)) * 0x85ebca6bn) & M;
    z = ((z ^ (z >> 13n)) * 0xc2b2ae35n) & M;
    return z ^ (z >> 16n);
  });
  let [a = 0n, b = 0n, c = 0n, d = 0n] = s;
  if ((a | b | c | d) === 0n) a = 1n;
  for (;;) {
    yield Number((rotl((b * 5n) & M, 7n) * 9n) & M);
    const t = (b << 9n) & M;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotl(d, 11n);
  }
}

describe("protocol/vectors", () => {
  it("is what this code writes, byte for byte, and contains nothing else", () => {
    const files = vectorFiles();
    for (const [name, content] of files) expect(read(name).equals(Buffer.from(content)), name).toBe(true);
    const here = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    // Headers found by a fuzzer are written by another tool: unity-project/dotnet/tools/fuzzed-headers.mjs.
    const written = here.filter(({ name }) => name !== "fuzzed-headers.json");
    expect(written.length).toBe(files.size);
  });

  it("is read back as the stated headers and tensors", () => {
    const vectors = json<MessageVector[]>("messages.json");
    expect(vectors.length).toBeGreaterThan(10);
    for (const { name, header, hex, frames } of vectors) {
      expect(decodeHeader(Buffer.from(hex, "hex")), name).toEqual(header);
      expect(read(`messages/${name}.msgpack`).toString("hex")).toBe(hex);
      for (const [i, { dtype, values, hex: bytes }] of frames.entries()) {
        const data = tensorOver(dtype, Buffer.from(bytes, "hex"));
        expect([...data]).toEqual(dtype === "float32" ? values.map(Math.fround) : values);
        expect(read(`messages/${name}.${i}.bin`).toString("hex")).toBe(bytes);
      }
    }
    const welcome = vectors.find(({ name }) => name === "welcome");
    expect(parseWelcome(decodeHeader(Buffer.from(welcome?.hex ?? "", "hex")))).toMatchObject({
      name: "points",
      envCount: 2,
    });
  });

  it("names headers that are refused as BAD_MESSAGE", () => {
    for (const { name, hex } of json<{ name: string; hex: string }[]>("refused-headers.json")) {
      let refusal: unknown;
      try {
        decodeHeader(Buffer.from(hex, "hex"));
      } catch (error) {
        refusal = error;
      }
      expect(refusal, name).toBeInstanceOf(ProtocolError);
      expect(refusal).toMatchObject({ code: "BAD_MESSAGE" });
    }
  });

  it("has what a fuzzer found, each with this decoder's verdict", () => {
    const found = json<{ hex: string; refused: boolean }[]>("fuzzed-headers.json");
    expect(found.length).toBeGreaterThanOrEqual(100);
    for (const { hex, refused } of found) {
      const decode = (): unknown => decodeHeader(Buffer.from(hex, "hex"));
      if (refused) expect(decode, hex).toThrow(ProtocolError);
      else expect(decode, hex).not.toThrow();
    }
  });

  it("has the random numbers of the specified generator", () => {
    for (const { seed, uint32 } of json<{ seed: number; uint32: number[] }[]>("random.json")) {
      const generator = xoshiro(BigInt(seed));
      expect(uint32.map(() => generator.next().value)).toEqual(uint32);
    }
  });
});
