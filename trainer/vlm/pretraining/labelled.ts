/**
 * @file Labels of images for pre-training and its checks: which objects are in an image, where, and in which patches.
 */

/** The type of an empty slot: worlds differ in their number of objects per image. */
export const EMPTY = 255;

export interface LabelledImages {
  readonly count: number;
  /** Side in pixels. */
  readonly size: number;
  /** u8 [count, size, size, 3] */
  readonly images: Uint8Array;
  readonly names: readonly string[];
  /** The most objects in an image. */
  readonly active: number;
  /** [count, active]: index into names, or EMPTY. */
  readonly types: Uint8Array;
  /** [count, active, 3]: the object's centre along the camera's right, up and toward axes, in any unit. */
  readonly coordinates: Float32Array;
  /** [count, active]: height of the object's base, mm. */
  readonly bases: Int32Array;
  /** [count, active, patches]: the object's pixels in each patch. */
  readonly patchPixels: Uint16Array;
  /** [count, active, 4]: the object's first row and column of pixels, then the first row and column after it. */
  readonly boxes: Uint16Array;
}

/** The objects of an image: each one's index in `types`, and its type. */
export function objectsIn({ active, types }: LabelledImages, image: number): { object: number; type: number }[] {
  const slots = Array.from({ length: active }, (_, slot) => image * active + slot);
  return slots.map((object) => ({ object, type: types[object] ?? EMPTY })).filter(({ type }) => type !== EMPTY);
}
