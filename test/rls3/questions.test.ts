import { expect, test } from "vitest";
import { stack } from "../../trainer/rls3/questions.js";

const SIDE = 2;
const BYTES = SIDE * SIDE * 3;

/** `count` images of 2 × 2 pixels with different bytes, one behind the other in one buffer that begins with something else. */
function neighbours(count: number): Uint8Array[] {
  const all = Uint8Array.from({ length: 5 + count * BYTES }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => all.subarray(5 + i * BYTES, 5 + (i + 1) * BYTES));
}

test("images of one buffer are stacked where they lie", () => {
  const images = neighbours(3);
  const { count, height, width, data } = stack(images);
  expect([count, height, width]).toEqual([3, SIDE, SIDE]);
  expect(data.buffer).toBe(images[0]?.buffer);
  expect(data).toEqual(Uint8Array.from(images.flatMap((image) => [...image])));
});

test("images in another order, and with one left out, are copied to the order asked for", () => {
  const [a, b, c] = neighbours(3) as [Uint8Array, Uint8Array, Uint8Array];
  for (const images of [
    [b, a, c],
    [a, c],
    [a, b.slice(), c],
  ]) {
    const { count, data } = stack(images);
    expect(count).toBe(images.length);
    expect(data).toEqual(Uint8Array.from(images.flatMap((image) => [...image])));
  }
});

test("no images are an empty batch", () => {
  expect(stack([])).toMatchObject({ count: 0, data: new Uint8Array() });
});
