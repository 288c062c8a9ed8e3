/** @file Spaces: the dtype, shape and bounds of the tensors that an environment takes and gives. */

export type DType = "float32" | "float64" | "int32" | "uint8";

export type TensorData = Float32Array | Float64Array | Int32Array | Uint8Array;

/** One tensor of one environment; on the wire a batch axis is put in front of `shape`. */
export interface TensorSpec {
  readonly uid: string;
  readonly dtype: DType;
  /** Without the batch axis; [] is a scalar. */
  readonly shape: readonly number[];
  /** Inclusive bounds: one for all elements, or one for each. */
  readonly low?: number | readonly number[];
  readonly high?: number | readonly number[];
  /** What each element means (error messages and manual control use it); as many as elements. */
  readonly names?: readonly string[];
  /** Only to be had from a server with a renderer; asking for it elsewhere is NO_GRAPHICS. */
  readonly graphics?: boolean;
}
