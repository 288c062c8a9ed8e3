/** @file What a contrastive model's graphs are fed: images cut into patches, texts as padded ids, caption sets as masks. */
import type { Tensor } from "../../graph/runtime.js";
import { type ImageProcessing, normalisation, resizeAndCrop } from "../files/image-processor.js";
import type { CaptionSet, ImageBatch } from "../model.js";
import type { TextTower, TextTree, TreeSize } from "./text-tree.js";

/** What a vision tower's patches follow from. */
export interface VisionTower {
  readonly imageSize: number;
  readonly patch: number;
  /** Patches, and one for the class. */
  readonly tokens: number;
}

const floats = (data: Float32Array, dims: readonly number[]): Tensor => ({ type: "float32", dims, data });

/** Row y of patch p, channel by channel: the order in which a patch convolution's kernel lies in the file. */
function patchOrder({ imageSize, patch }: VisionTower): Int32Array {
  const side = imageSize / patch;
  const order = new Int32Array(3 * imageSize * imageSize);
  let at = 0;
  for (let p = 0; p < side * side; p++) {
    const top = Math.floor(p / side) * patch;
    const left = (p % side) * patch;
    for (let channel = 0; channel < 3; channel++) {
      for (let y = 0; y < patch; y++) {
        for (let x = 0; x < patch; x++) order[at++] = ((top + y) * imageSize + left + x) * 3 + channel;
      }
    }
  }
  return order;
}

/** Images to the vision tower's input, by the directory's own processing. */
export class Patches {
  private readonly table: Float32Array;
  /** By rows, used again: a test set's patches are tens of MB at each evaluation, which would start a collection each time they are made anew. */
  private readonly arrays = new Map<number, Float32Array>();

  constructor(
    private readonly config: VisionTower,
    private readonly processing: ImageProcessing,
  ) {
    this.table = normalisation(processing);
  }

  /** [rows, patches, 3 · patch²]: the chosen images, and zeros in the rows beyond them. The next call of as many rows overwrites it. */
  of(images: ImageBatch, chosen: readonly number[], rows: number): Tensor {
    const { imageSize, tokens, patch } = this.config;
    const length = 3 * imageSize ** 2;
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
    return floats(data, [rows, tokens - 1, 3 * patch ** 2]);
  }

  /** One image from `at` on, in the order of `patchOrder`. */
  private write(source: Uint8Array, data: Float32Array, at: number): void {
    const { table } = this;
    const { imageSize, patch } = this.config;
    let to = at;
    for (let top = 0; top < imageSize; top += patch) {
      for (let left = 0; left < imageSize; left += patch) {
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

  /** The same order for pixel values that are normalised already, [rows, 3, size, size]. */
  static ofPixels(config: VisionTower, pixels: Float32Array): Tensor {
    const order = patchOrder(config);
    const plane = config.imageSize ** 2;
    const rows = pixels.length / order.length;
    const data = Float32Array.from({ length: pixels.length }, (_, i) => {
      const from = order[i % order.length] ?? 0;
      return pixels[Math.floor(i / order.length) * order.length + (from % 3) * plane + Math.floor(from / 3)] ?? 0;
    });
    return floats(data, [rows, config.tokens - 1, 3 * config.patch ** 2]);
  }
}

/** Fewer, larger sizes so that few graphs are built: powers of two up to 64, then multiples of 64. */
export function bucket(count: number): number {
  return count <= 64 ? 2 ** Math.ceil(Math.log2(Math.max(1, count))) : Math.ceil(count / 64) * 64;
}

/** The size of the graph for a tree: lengths made even, texts and nodes rounded up. */
export function treeSize({ heads }: Pick<TextTower, "heads">, { paths, ids, tokens }: TextTree): TreeSize {
  const stepped = (count: number, step: number): number =>
    count <= 64 ? bucket(count) : Math.ceil(count / step) * step;
  const [texts, nodes] = [stepped(paths.length, TEXT_STEP), stepped(ids.length, NODE_STEP)];
  return { texts, tokens: tokens + (tokens % 2), nodes, heads };
}

/** Each size is a graph of its own that holds 100 MB and more once it has run: a few per cent of padding cost less. */
const TEXT_STEP = 128;
const NODE_STEP = 512;

/** Texts given numbers in the order they are first met; texts of the same tokens share one. */
export class DistinctTexts {
  readonly encoded: Int32Array[] = [];
  private readonly byText = new Map<string, number>();
  private readonly byIds = new Map<string, number>();

  constructor(private readonly encode: (text: string) => Int32Array) {}

  number(text: string): number {
    let number = this.byText.get(text);
    if (number === undefined) {
      const ids = this.encode(text);
      const key = ids.join();
      number = this.byIds.get(key) ?? this.encoded.length;
      if (number === this.encoded.length) this.encoded.push(ids);
      this.byIds.set(key, number);
      this.byText.set(text, number);
    }
    return number;
  }
}

/** Added to the scores of texts that are not in a set. */
const OUTSIDE = -1e30;

/** Caption sets as masks over distinct texts: `members` and `right` of losses.ts, [images, sets, texts]. */
export function captionSetTensors(
  captions: readonly (readonly CaptionSet[])[],
  distinct: DistinctTexts,
  size: { images: number; sets: number; texts: number },
): { members: Tensor; right: Tensor } {
  const { images, sets, texts } = size;
  const dims = [images, sets, texts];
  const members = new Float32Array(images * sets * texts).fill(OUTSIDE);
  const right = new Float32Array(images * sets * texts);
  const count = captions.reduce((sum, own) => sum + own.length, 0);
  captions.forEach((own, image) => {
    own.forEach((set, index) => {
      const base = (image * sets + index) * texts;
      members[base + distinct.number(set.right)] = 0;
      for (const wrong of set.wrong) members[base + distinct.number(wrong)] = 0;
      right[base + distinct.number(set.right)] = 1 / count;
    });
  });
  return { members: floats(members, dims), right: floats(right, dims) };
}
