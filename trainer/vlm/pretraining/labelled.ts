/** @file What pre-training and its checks know of an image: which objects are in it, where, and in which patches. */

/** The type of a slot with no object in it: worlds differ in how many objects an image has. */
export const EMPTY = 255;

export interface LabelledImages {
  readonly count: number;
  /** Pixels a side. */
  readonly size: number;
  /** u8 [count, size, size, 3] */
  readonly images: Uint8Array;
  readonly names: readonly string[];
  /** Objects in an image at most. */
  readonly active: number;
  /** [count, active]: index into names, or EMPTY. */
  readonly types: Uint8Array;
  /** [count, active, 3]: the object's centre along the camera's right, up and toward it, any unit. */
  readonly coordinates: Float32Array;
  /** [count, active]: height of the object's base, mm. */
  readonly bases: Int32Array;
  /** [count, active, patches]: the object's pixels in each patch. */
  readonly patchPixels: Uint16Array;
  /** [count, active, 4]: the object's first row and column of pixels, then the first row and column after it. */
  readonly boxes: Uint16Array;
}

/** What is in an image: each object's place in `types`, and its type. */
export function objectsIn({ active, types }: LabelledImages, image: number): { object: number; type: number }[] {
  const slots = Array.from({ length: active }, (_, slot) => image * active + slot);
  return slots.map((object) => ({ object, type: types[object] ?? EMPTY })).filter(({ type }) => type !== EMPTY);
}
