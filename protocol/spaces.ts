/**
 * @file Spaces: dtype, shape and bounds of an environment's actions and observations, and the check of an action
 * against them.
 */
import { endianness } from "node:os";

/** Element type of a tensor on the wire. */
export type DType = "float32" | "float64" | "int32" | "uint8";

/** Elements of a tensor, flat in C order; the dtype determines the array's class. */
export type TensorData = Float32Array | Float64Array | Int32Array | Uint8Array;

/** One tensor of one environment; on the wire, `shape` has a leading batch axis. */
export interface TensorSpec {
  readonly uid: string;
  readonly dtype: DType;
  /** Without the batch axis; [] is a scalar. */
  readonly shape: readonly number[];
  /** Inclusive bounds: one for all elements, or one for each. */
  readonly low?: number | readonly number[];
  readonly high?: number | readonly number[];
  /** The meaning of each element, for error messages and manual control. */
  readonly names?: readonly string[];
  /** Needs a server with a renderer; other servers answer a request for it with NO_GRAPHICS. */
  readonly graphics?: boolean;
}

/** Why an action is outside its space: the element, and the bound it breaks. */
export interface ActionProblem {
  readonly message: string;
  readonly detail: { readonly [key: string]: string | number };
}

/** All dtypes of the protocol. */
export const DTYPES: readonly DType[] = ["float32", "float64", "int32", "uint8"];

const BYTES: Readonly<Record<DType, number>> = { float32: 4, float64: 8, int32: 4, uint8: 1 };

if (endianness() !== "LE") throw new Error("tensors on the wire are little-endian, and so must be this machine");

/** Whether a value from outside names a dtype. */
export function isDType(value: unknown): value is DType {
  return DTYPES.includes(value as DType);
}

/** Number of elements of a shape; 1 for the scalar []. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/** Bytes of one environment's tensor. */
export function byteCount(spec: Pick<TensorSpec, "dtype" | "shape">): number {
  return elementCount(spec.shape) * BYTES[spec.dtype];
}

/** Bytes of one element: 4, 8, 4, 1 for float32, float64, int32, uint8. */
export function bytesPerElement(dtype: DType): number {
  return BYTES[dtype];
}

/** `length` zeros of a dtype. */
export function createTensor(dtype: DType, length: number): TensorData {
  switch (dtype) {
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "int32":
      return new Int32Array(length);
    case "uint8":
      return new Uint8Array(length);
  }
}

/** The dtype of an array's class. */
export function dtypeOf(data: TensorData): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  return data instanceof Int32Array ? "int32" : "uint8";
}

/** A typed array over a frame's bytes: a view where the alignment allows it, else a copy. */
export function tensorOver(dtype: DType, bytes: Uint8Array): TensorData {
  const size = BYTES[dtype];
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
  const length = Math.floor(bytes.byteLength / size);
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, byteOffset, length);
    case "float64":
      return new Float64Array(buffer, byteOffset, length);
    case "int32":
      return new Int32Array(buffer, byteOffset, length);
    case "uint8":
      return new Uint8Array(buffer, byteOffset, length);
  }
}

/** The bytes of an array: a view, not a copy. */
export function bytesOf(data: TensorData): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** For one environment's tensor: a client's default for the largest frame. */
const MOST_BYTES = 2 ** 30;

/** What is wrong with a spec, or undefined. Servers check their specs before serving, clients those of `welcome`. */
export function specProblem(spec: TensorSpec): string | undefined {
  if (typeof spec.uid !== "string" || spec.uid === "") return "uid must be a non-empty string";
  if (!isDType(spec.dtype)) return `${spec.uid}: dtype must be one of ${DTYPES.join(", ")}, not ${spec.dtype}`;
  if (
    !Array.isArray(spec.shape) ||
    spec.shape.length > 8 ||
    !spec.shape.every((n) => Number.isSafeInteger(n) && n > 0)
  ) {
    return `${spec.uid}: shape must be at most 8 positive integers, not [${spec.shape}]`;
  }
  const count = elementCount(spec.shape);
  if (count * BYTES[spec.dtype] > MOST_BYTES) {
    return `${spec.uid}: shape [${spec.shape}] takes ${count * BYTES[spec.dtype]} bytes, and at most ${MOST_BYTES} are taken`;
  }
  for (const side of ["low", "high"] as const) {
    const bound = spec[side];
    if (typeof bound === "object" && bound.length !== count) {
      return `${spec.uid}: ${side} has ${bound.length} values, the shape [${spec.shape}] has ${count} elements`;
    }
    const values = typeof bound === "object" ? bound : [bound ?? 0];
    if (!values.every((value) => typeof value === "number" && !Number.isNaN(value))) {
      return `${spec.uid}: ${side} must be numbers, not NaN`;
    }
  }
  if (spec.names !== undefined && spec.names.length !== count) {
    return `${spec.uid}: ${spec.names.length} names for ${count} elements`;
  }
  return crossedBounds(spec);
}

/** Where low is above high. Two single numbers are compared once, however many elements they apply to. */
function crossedBounds({ uid, low, high, shape }: TensorSpec): string | undefined {
  const single = typeof low !== "object" && typeof high !== "object";
  const count = single ? 1 : elementCount(shape);
  const lows = boundOf(low, count, Number.NEGATIVE_INFINITY);
  const highs = boundOf(high, count, Number.POSITIVE_INFINITY);
  const crossed = lows.findIndex((value, i) => value > (highs[i] as number));
  return crossed < 0 ? undefined : `${uid}: low ${lows[crossed]} is above high ${highs[crossed]} at element ${crossed}`;
}

/** One bound for each element. */
export function boundOf(bound: number | readonly number[] | undefined, count: number, missing: number): Float64Array {
  return typeof bound === "object" ? Float64Array.from(bound) : new Float64Array(count).fill(bound ?? missing);
}

/**
 * Makes the check of one environment's tensor against its space, once per spec. For NaN and values out of bounds, the
 * problem names the element, its meaning and the bound.
 */
export function membershipCheck(spec: TensorSpec): (data: TensorData) => ActionProblem | undefined {
  const count = elementCount(spec.shape);
  const low = boundOf(spec.low, count, Number.NEGATIVE_INFINITY);
  const high = boundOf(spec.high, count, Number.POSITIVE_INFINITY);
  return (data) => {
    for (let i = 0; i < count; i++) {
      const value = data[i] as number;
      // NaN fails both comparisons, so it ends up here, too.
      if (value >= (low[i] as number) && value <= (high[i] as number)) continue;
      return outOfSpace(spec, i, value, low[i] as number, high[i] as number);
    }
    return undefined;
  };
}

/**
 * Makes the check that an action's numbers stay what they are in the spec's dtype: an integer array would cut fractions
 * off and wrap what is out of its range. Float dtypes take any number.
 */
export function wholeCheck(spec: TensorSpec): (data: TensorData | readonly number[]) => ActionProblem | undefined {
  if (spec.dtype !== "int32" && spec.dtype !== "uint8") return () => undefined;
  const [low, high] = spec.dtype === "uint8" ? [0, 255] : [-(2 ** 31), 2 ** 31 - 1];
  return (data) => {
    for (let i = 0; i < data.length; i++) {
      const value = data[i] as number;
      if (Number.isInteger(value) && value >= low && value <= high) continue;
      return outOfSpace(spec, i, value, low, high);
    }
    return undefined;
  };
}

function outOfSpace(spec: TensorSpec, element: number, value: number, low: number, high: number): ActionProblem {
  const name = spec.names?.[element];
  const where = `${spec.uid}[${element}]${name === undefined ? "" : ` (${name})`}`;
  const [bound, said] = Number.isNaN(value)
    ? ["number", "is NaN"]
    : value < low
      ? ["low", `= ${value} is below ${low}`]
      : value > high
        ? ["high", `= ${value} is above ${high}`]
        : ["number", `= ${value} is no whole number`];
  return {
    message: `${where} ${said}; it must be a number from ${low} to ${high}`,
    detail: {
      uid: spec.uid,
      element,
      ...(name === undefined ? {} : { name }),
      bound,
      low,
      high,
      value: Number.isNaN(value) ? "NaN" : value,
    },
  };
}
