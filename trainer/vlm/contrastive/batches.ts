/** @file The inputs of a contrastive model's graphs: texts as padded ids, caption sets as masks. */
import { float32, type Tensor } from "../../tensor.js";
import type { CaptionSet } from "../model.js";

/** Numbers texts in the order of first use; texts with the same tokens share a number. */
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

/** Added to the scores of texts outside a set. */
const OUTSIDE = -1e30;

/**
 * Caption sets as masks over distinct texts: `members` and `right` of losses.ts, [images, sets, texts]. `count`: number
 * of sets in the whole step.
 */
export function captionSetTensors(
  captions: readonly (readonly CaptionSet[])[],
  distinct: DistinctTexts,
  size: { images: number; sets: number; texts: number; count: number },
): { members: Tensor; right: Tensor } {
  const { images, sets, texts, count } = size;
  const dims = [images, sets, texts];
  const members = new Float32Array(images * sets * texts).fill(OUTSIDE);
  const right = new Float32Array(images * sets * texts);
  captions.forEach((own, image) => {
    own.forEach((set, index) => {
      const base = (image * sets + index) * texts;
      members[base + distinct.number(set.right)] = 0;
      for (const wrong of set.wrong) members[base + distinct.number(wrong)] = 0;
      right[base + distinct.number(set.right)] = 1 / count;
    });
  });
  return { members: float32(members, dims), right: float32(right, dims) };
}
