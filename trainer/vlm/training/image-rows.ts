/** @file Caches the results of a frozen image front by the image's bytes: computed once, used at every step. */
import { createHash } from "node:crypto";
import type { ImageBatch } from "../model.js";

/** An image's rows at a stage, back to back, each `width` long. */
export interface ImageRow {
  readonly data: Float32Array;
  readonly width: number;
}

/** Limit of the cache; the least recently used rows are dropped first. */
const MOST_BYTES = 2 ** 30;

export class ImageRows {
  /** In the order of use. */
  private readonly rows = new Map<string, ImageRow>();
  private bytes = 0;

  /** Keys from the bytes of the images: the same picture has the same key in any batch. */
  static keys({ height, width, data }: ImageBatch, chosen: readonly number[]): string[] {
    const bytes = height * width * 3;
    return chosen.map((image) =>
      createHash("sha1")
        .update(data.subarray(image * bytes, (image + 1) * bytes))
        .digest("base64"),
    );
  }

  get(key: string): ImageRow | undefined {
    const row = this.rows.get(key);
    if (row === undefined) return undefined;
    this.rows.delete(key);
    this.rows.set(key, row);
    return row;
  }

  set(key: string, row: ImageRow): void {
    this.bytes += row.data.byteLength - (this.rows.get(key)?.data.byteLength ?? 0);
    this.rows.delete(key);
    this.rows.set(key, row);
    for (const [oldest, { data }] of this.rows) {
      if (this.bytes <= MOST_BYTES || oldest === key) break;
      this.rows.delete(oldest);
      this.bytes -= data.byteLength;
    }
  }
}
