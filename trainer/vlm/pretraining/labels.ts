/**
 * @file The targets of the pre-training heads: which objects are in pictures, where, and in which patches; and how much
 * of that was read correctly.
 */
import { float32, type Tensor } from "../../tensor.js";
import { EMPTY, type LabelledImages, objectsIn } from "./labelled.js";

/** An object with at least this many pixels in a patch counts as in it. */
const COVERED_PIXELS = 6;

/** Coordinates standardized to mean 0 and deviation 1 over all objects of all images. */
export function standardised({ coordinates, types }: LabelledImages): Float32Array {
  const count = types.reduce((sum, type) => sum + Number(type !== EMPTY), 0);
  const result = new Float32Array(coordinates.length);
  for (let axis = 0; axis < 3; axis++) {
    let sum = 0;
    let squares = 0;
    types.forEach((type, object) => {
      if (type !== EMPTY) sum += coordinates[object * 3 + axis] ?? 0;
    });
    const mean = sum / count;
    types.forEach((type, object) => {
      if (type !== EMPTY) squares += ((coordinates[object * 3 + axis] ?? 0) - mean) ** 2;
    });
    const deviation = Math.sqrt(squares / count) || 1;
    for (let i = axis; i < coordinates.length; i += 3) result[i] = ((coordinates[i] ?? 0) - mean) / deviation;
  }
  return result;
}

export interface Labels {
  /** [images, names] */
  readonly present: Tensor;
  /** [images, names, 3], standardized. */
  readonly coordinates: Tensor;
  /** [images, patches, names]: 1 where the object covers enough of the patch. */
  readonly covered: Tensor;
}

/** Labels of the chosen images; `standard` holds the standardized coordinates. */
export function labelsOf(
  data: LabelledImages,
  standard: Float32Array,
  patches: number,
  chosen: readonly number[],
): Labels {
  const [rows, names] = [chosen.length, data.names.length];
  const present = new Float32Array(rows * names);
  const coordinates = new Float32Array(present.length * 3);
  const covered = new Float32Array(rows * patches * names);
  chosen.forEach((image, row) => {
    for (const { object, type } of objectsIn(data, image)) {
      present[row * names + type] = 1;
      coordinates.set(standard.subarray(object * 3, object * 3 + 3), (row * names + type) * 3);
      for (let patch = 0; patch < patches; patch++) {
        if ((data.patchPixels[object * patches + patch] ?? 0) < COVERED_PIXELS) continue;
        covered[(row * patches + patch) * names + type] = 1;
      }
    }
  });
  return {
    present: float32(present, [rows, names]),
    coordinates: float32(coordinates, [rows, names, 3]),
    covered: float32(covered, [rows, patches, names]),
  };
}

/** Share of the coordinates' variance that was read, per axis. */
export class Explained {
  private readonly errors = [0, 0, 0];
  private readonly squares = [0, 0, 0];

  /** Three standardized numbers: as read, and the true ones. */
  note(read: ArrayLike<number | bigint>, actual: ArrayLike<number>): void {
    for (let axis = 0; axis < 3; axis++) {
      const value = actual[axis] ?? 0;
      this.errors[axis] = (this.errors[axis] ?? 0) + (Number(read[axis] ?? 0) - value) ** 2;
      this.squares[axis] = (this.squares[axis] ?? 0) + value ** 2;
    }
  }

  get shares(): number[] {
    return this.errors.map((error, axis) => 1 - error / (this.squares[axis] || 1));
  }
}
