/** @file Cuts images into the squares that a vision tower's first convolution sees. */
import { at } from "../../at.js";
import { float32, type Tensor } from "../../tensor.js";
import type { ImageBatch } from "../model.js";
import { type ImageProcessing, normalisation, resizeAndCrop } from "./image-processor.js";

/**
 * How to cut an image: into squares of `patch` pixels. Pixels at the right and lower edge that do not fill a square are
 * dropped.
 */
export interface PatchGrid {
  readonly imageSize: number;
  readonly patch: number;
}

const side = ({ imageSize, patch }: PatchGrid): number => Math.floor(imageSize / patch);

/** Number of patches, and of numbers in each: the shape of one image's patches. */
export const patchShape = (grid: PatchGrid): readonly [number, number] => [side(grid) ** 2, 3 * grid.patch ** 2];

/** Row y of patch p, channel by channel: the order in which the file stores a patch convolution's kernel. */
function patchOrder(grid: PatchGrid): Int32Array {
  const { imageSize, patch } = grid;
  const [count, length] = patchShape(grid);
  const order = new Int32Array(count * length);
  let place = 0;
  for (let p = 0; p < count; p++) {
    const top = Math.floor(p / side(grid)) * patch;
    const left = (p % side(grid)) * patch;
    for (let channel = 0; channel < 3; channel++) {
      for (let y = 0; y < patch; y++) {
        for (let x = 0; x < patch; x++) order[place++] = ((top + y) * imageSize + left + x) * 3 + channel;
      }
    }
  }
  return order;
}

/** Converts images to the vision tower's input, with the directory's own processing. */
export class Patches {
  private readonly table: Float32Array;
  /**
   * Arrays by number of rows, reused: a test set's patches take tens of MB per evaluation, and new arrays would trigger
   * garbage collection each time.
   */
  private readonly arrays = new Map<number, Float32Array>();

  constructor(
    private readonly grid: PatchGrid,
    private readonly processing: ImageProcessing,
  ) {
    this.table = normalisation(processing);
  }

  /**
   * [rows, patches, 3 · patch²]: the chosen images, then rows of zeros. The next call with as many rows overwrites it.
   */
  of(images: ImageBatch, chosen: readonly number[], rows: number): Tensor {
    const { imageSize } = this.grid;
    const [count, size] = patchShape(this.grid);
    const length = count * size;
    const data = this.arrays.get(rows) ?? new Float32Array(rows * length);
    this.arrays.set(rows, data);
    const { height, width } = images;
    const bytes = height * width * 3;
    chosen.forEach((index, row) => {
      const own = images.data.subarray(index * bytes, (index + 1) * bytes);
      const picture = resizeAndCrop(this.processing, { height, width, data: own });
      if (picture.height !== imageSize || picture.width !== imageSize) {
        throw new Error(`preprocessor_config.json makes ${picture.height}×${picture.width}, not ${imageSize}²`);
      }
      this.write(picture.data, data, row * length);
    });
    data.fill(0, chosen.length * length);
    return float32(data, [rows, count, size]);
  }

  /** Writes one image from `start` on, in the order of `patchOrder`. */
  private write(source: Uint8Array, data: Float32Array, start: number): void {
    const { table } = this;
    const { imageSize, patch } = this.grid;
    const end = side(this.grid) * patch;
    let to = start;
    for (let top = 0; top < end; top += patch) {
      for (let left = 0; left < end; left += patch) {
        for (let channel = 0; channel < 3; channel++) {
          for (let y = top; y < top + patch; y++) {
            let from = (y * imageSize + left) * 3 + channel;
            for (let x = 0; x < patch; x++, from += 3) {
              data[to++] = table[channel * 256 + (source[from] as number)] as number;
            }
          }
        }
      }
    }
  }

  /** The same order for pixel values that are already normalized, [rows, 3, size, size]. */
  static ofPixels(grid: PatchGrid, pixels: Float32Array): Tensor {
    const order = patchOrder(grid);
    const plane = grid.imageSize ** 2;
    const rows = pixels.length / (3 * plane);
    const data = Float32Array.from({ length: rows * order.length }, (_, i) => {
      const from = at(order, i % order.length);
      return at(pixels, Math.floor(i / order.length) * 3 * plane + (from % 3) * plane + Math.floor(from / 3));
    });
    return float32(data, [rows, ...patchShape(grid)]);
  }
}
