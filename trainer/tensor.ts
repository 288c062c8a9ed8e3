/** @file The tensor type that all rooms share: for onnxruntime, tensorflow.js and files. */

export type ElementType = "float32" | "int32" | "int64" | "uint8" | "bool";

/** Numbers with a shape: `data` holds the product of `dims` elements in C order; [] is a scalar. */
export interface Tensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** bool is stored as 0 and 1. */
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

/** Tensors by name, as in a file, a model or a checkpoint. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** 32-bit floats; a vector unless `dims` says otherwise. */
export const float32 = (data: Float32Array, dims: readonly number[] = [data.length]): Tensor => ({
  type: "float32",
  dims,
  data,
});

/** 32-bit integers. */
export const int32 = (data: Int32Array, dims: readonly number[] = [data.length]): Tensor => ({
  type: "int32",
  dims,
  data,
});

/** Bytes. */
export const uint8 = (data: Uint8Array, dims: readonly number[] = [data.length]): Tensor => ({
  type: "uint8",
  dims,
  data,
});

/** A float32 scalar. */
export const scalar = (value: number): Tensor => float32(Float32Array.of(value), []);

/** The data of a float tensor, by name. */
export function floats(tensors: Tensors, name: string): Float32Array {
  const data = tensors[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no float tensor ${name}`);
  return data;
}
