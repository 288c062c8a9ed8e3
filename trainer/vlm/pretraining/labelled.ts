/** @file What pre-training and its checks know of an image: which objects are in it, where, and in which patches. */

export interface LabelledImages {
  readonly count: number;
  /** Pixels a side. */
  readonly size: number;
  /** u8 [count, size, size, 3] */
  readonly images: Uint8Array;
  readonly names: readonly string[];
  /** Objects in each image. */
  readonly active: number;
  /** [count, active]: index into names. */
  readonly types: Uint8Array;
  /** [count, active, 3]: the object's centre along the camera's right, up and toward it, any unit. */
  readonly coordinates: Float32Array;
  /** [count, active, patches]: the object's pixels in each patch. */
  readonly patchPixels: Uint16Array;
}
