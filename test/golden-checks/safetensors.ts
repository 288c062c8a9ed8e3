/**
 * @file Reads a safetensors file of reference numbers into plain arrays: a few lines, independent of the product's
 * reader.
 */
import { readFile } from "node:fs/promises";

export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

const READERS = {
  F32: (bytes: ArrayBuffer) => new Float32Array(bytes),
  F64: (bytes: ArrayBuffer) => new Float64Array(bytes),
  I32: (bytes: ArrayBuffer) => new Int32Array(bytes),
  U8: (bytes: ArrayBuffer) => new Uint8Array(bytes),
} as const;

interface Entry {
  readonly dtype: keyof typeof READERS;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

export async function readGoldenTensors(file: string): Promise<ReadonlyMap<string, GoldenTensor>> {
  const bytes = Uint8Array.from(await readFile(file));
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const start = 8 + headerLength;
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Record<string, Entry>;
  const tensors = new Map<string, GoldenTensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const data = READERS[dtype](bytes.buffer.slice(start + data_offsets[0], start + data_offsets[1]));
    tensors.set(name, { shape, data });
  }
  return tensors;
}

/** A tensor that must exist. */
export function goldenTensor(tensors: ReadonlyMap<string, GoldenTensor>, name: string): GoldenTensor {
  const found = tensors.get(name);
  if (found === undefined) throw new Error(`the reference file has no "${name}"`);
  return found;
}
