/** @file What CLIP's graphs are fed: images cut into patches, texts as padded ids, caption sets as masks. */
import type { Tensor } from "../../graph/runtime.js";
import { type ImageProcessing, normalisation, resizeAndCrop } from "../image-processor.js";
import type { CaptionSet, ImageBatch } from "../model.js";
import type { TextTokenizer } from "../tokenizer.js";
import type { ClipConfig } from "./config.js";

const floats = (data: Float32Array, dims: readonly number[]): Tensor => ({ type: "float32", dims, data });

/** Row y of patch p, channel by channel: the order in which a patch convolution's kernel lies in the file. */
function patchOrder({ imageSize, patch }: ClipConfig["vision"]): Int32Array {
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
  private readonly order: Int32Array;
  private readonly table: Float32Array;
  private readonly dims: readonly [number, number];

  constructor(
    private readonly config: ClipConfig["vision"],
    private readonly processing: ImageProcessing,
  ) {
    this.order = patchOrder(config);
    this.table = normalisation(processing);
    this.dims = [config.tokens - 1, 3 * config.patch ** 2];
  }

  /** [rows, patches, 3 · patch²]: the chosen images, and zeros in the rows beyond them. */
  of(images: ImageBatch, chosen: readonly number[], rows: number): Tensor {
    const { order, table, config } = this;
    const length = order.length;
    const data = new Float32Array(rows * length);
    const bytes = images.height * images.width * 3;
    chosen.forEach((index, row) => {
      const { height, width } = images;
      const own = images.data.subarray(index * bytes, (index + 1) * bytes);
      const picture = resizeAndCrop(this.processing, { height, width, data: own });
      if (picture.height !== config.imageSize || picture.width !== config.imageSize) {
        throw new Error(`preprocessor_config.json makes ${picture.height}×${picture.width}, not ${config.imageSize}²`);
      }
      const source = picture.data;
      const base = row * length;
      for (let i = 0; i < length; i++) {
        const from = order[i] ?? 0;
        data[base + i] = table[(from % 3) * 256 + (source[from] ?? 0)] ?? 0;
      }
    });
    return floats(data, [rows, ...this.dims]);
  }

  /** The same order for pixel values that are normalised already, [rows, 3, size, size]. */
  static ofPixels(config: ClipConfig["vision"], pixels: Float32Array): Tensor {
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

/** Where a row of ids is pooled. */
export function pooledPosition(pooling: ClipConfig["text"]["pooling"], ids: Int32Array): number {
  if (pooling !== "largest") return Math.max(0, ids.indexOf(pooling));
  let best = 0;
  for (let i = 1; i < ids.length; i++) if ((ids[i] ?? 0) > (ids[best] ?? 0)) best = i;
  return best;
}

/** Rows of ids as `ids` and `pooling` of `rows` × `tokens`; rows and tokens beyond them are padding. */
export function textTensors(
  config: ClipConfig["text"],
  encoded: readonly Int32Array[],
  { rows, tokens }: { rows: number; tokens: number },
): { ids: Tensor; pooling: Tensor } {
  const ids = new Int32Array(rows * tokens);
  const pooling = new Float32Array(rows * tokens);
  for (let row = 0; row < rows; row++) {
    const own = encoded[row];
    // After the pooled token anything may stand: attention is causal.
    if (own !== undefined) ids.set(own, row * tokens);
    pooling[row * tokens + (own === undefined ? 0 : pooledPosition(config.pooling, own))] = 1;
  }
  return {
    ids: { type: "int32", dims: [rows, tokens], data: ids },
    pooling: floats(pooling, [rows, 1, tokens]),
  };
}

/** Fewer, larger sizes so that few graphs are built: powers of two up to 64, then multiples of 64. */
export function bucket(count: number): number {
  return count <= 64 ? 2 ** Math.ceil(Math.log2(Math.max(1, count))) : Math.ceil(count / 64) * 64;
}

/** The longest row's length, made even, at most the model's positions. */
export function tokenCount(config: ClipConfig["text"], encoded: readonly Int32Array[]): number {
  let longest = 1;
  for (const { length } of encoded) longest = Math.max(longest, length);
  return Math.min(config.positions, longest + (longest % 2));
}

/** Texts given numbers in the order they are first met. */
export class DistinctTexts {
  readonly texts: string[] = [];
  private readonly index = new Map<string, number>();

  number(text: string): number {
    let number = this.index.get(text);
    if (number === undefined) {
      number = this.texts.length;
      this.texts.push(text);
      this.index.set(text, number);
    }
    return number;
  }
}

export const encodeAll = (tokenizer: TextTokenizer, texts: readonly string[], positions: number): Int32Array[] =>
  texts.map((text) => tokenizer.encodeTruncated(text, positions));

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
