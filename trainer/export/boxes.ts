/** @file Bounding boxes of a picture's objects, from its segmentation. */
import type { Picture } from "../rooms/index.js";

/**
 * x0, y0, x1, y1 in pixels from the upper left corner, around the pixels that the object covers by half or more; x1 and
 * y1 are one past the last pixel.
 */
export type Box = readonly [number, number, number, number];

/** By slot; null for an object that covers no pixel by half. */
export function boxesOf({ size, segmentation, visiblePixels }: Picture): (Box | null)[] {
  const found = visiblePixels.map(() => ({ x0: size, y0: size, x1: 0, y1: 0 }));
  for (const [pixel, mark] of segmentation.entries()) {
    const box = found[mark - 1];
    if (box === undefined) continue;
    const [x, y] = [pixel % size, Math.floor(pixel / size)];
    box.x0 = Math.min(box.x0, x);
    box.y0 = Math.min(box.y0, y);
    box.x1 = Math.max(box.x1, x + 1);
    box.y1 = Math.max(box.y1, y + 1);
  }
  return found.map(({ x0, y0, x1, y1 }) => (x1 === 0 ? null : [x0, y0, x1, y1]));
}
