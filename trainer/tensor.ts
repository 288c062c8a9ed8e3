/** @file The tensor type that all rooms share: for onnxruntime, tensorflow.js and files. */

export type ElementType = "float32" | "int32" | "int64" | "uint8" | "bool";

/** Numbers with a shape: `data` holds the product of `dims` elements in C order; [] is a scalar. */
export interface Tensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** bool is stored as 0 and 1. */
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

/** The array that holds each type's numbers. */
export const TENSOR_ARRAYS = {
  float32: Float32Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** What is wrong with a tensor that no compiler has checked, such as a plugin's; undefined for a sound one. */
export function tensorFault(value: unknown): string | undefined {
  const { type, dims, data } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof type !== "string" || !Object.hasOwn(TENSOR_ARRAYS, type)) {
    return `has the type ${String(type)}; known are ${Object.keys(TENSOR_ARRAYS).join(", ")}`;
  }
  if (!Array.isArray(dims) || !dims.every((length) => Number.isSafeInteger(length) && length >= 0)) {
    return `has the dims ${JSON.stringify(dims)}; they are an array of whole numbers`;
  }
  const kind = TENSOR_ARRAYS[type as ElementType];
  if (!(data instanceof kind)) {
    return `has the type ${type} and data of the type ${className(data)}; it needs a ${kind.name}`;
  }
  const size = dims.reduce<number>((product, length) => product * length, 1);
  return data.length === size ? undefined : `has ${data.length} elements, and its dims are [${dims.join(", ")}]`;
}

const className = (value: unknown): string =>
  typeof value === "object" && value !== null ? (value.constructor?.name ?? "object") : typeof value;

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
