import { describe, expect, it } from "vitest";
import { type ImageProcessing, pixelValues } from "../../trainer/vlm/files/image-processor.js";
import { Patches, patchShape } from "../../trainer/vlm/files/patches.js";

/** Bytes 0 to 255 times 1 / 255: each byte value gives a different number. */
const processing: ImageProcessing = {
  resize: null,
  crop: null,
  rescale: 1 / 255,
  mean: [0.5, 0.4, 0.3],
  deviation: [0.5, 0.25, 0.2],
};

describe.each([
  [64, 16],
  [74, 14],
  [28, 28],
])("images of %d pixels in patches of %d", (imageSize, patch) => {
  const grid = { imageSize, patch };
  const count = 2;
  const bytes = imageSize * imageSize * 3;
  const data = Uint8Array.from({ length: count * bytes }, (_, i) => (i * 131 + (i >> 9)) % 256);
  const pixels = Float32Array.from(
    [0, 1].flatMap((image) => [
      ...pixelValues(processing, {
        height: imageSize,
        width: imageSize,
        data: data.subarray(image * bytes, (image + 1) * bytes),
      }),
    ]),
  );

  it("have the layout of a convolution's kernel, without the rest at the edge", () => {
    const { dims, data: laid } = Patches.ofPixels(grid, pixels);
    const [patches, length] = patchShape(grid);
    const side = Math.floor(imageSize / patch);
    expect(dims).toEqual([count, side * side, 3 * patch * patch]);
    const plane = imageSize * imageSize;
    for (const [image, row, column, channel, y, x] of [
      [0, 0, 0, 0, 0, 0],
      [1, side - 1, side - 1, 2, patch - 1, patch - 1],
      [1, 0, side - 1, 1, patch - 1, 0],
    ] as const) {
      const place = (image * patches + row * side + column) * length + (channel * patch + y) * patch + x;
      const source = (image * 3 + channel) * plane + (row * patch + y) * imageSize + column * patch + x;
      expect(laid[place]).toBe(pixels[source]);
    }
  });

  it("are the same from bytes, with zeros in the rows beyond them", () => {
    const images = { count, height: imageSize, width: imageSize, data };
    const { data: laid, dims } = new Patches(grid, processing).of(images, [1, 0], 3);
    expect(dims[0]).toBe(3);
    const expected = Patches.ofPixels(grid, pixels).data;
    const each = expected.length / count;
    expect(laid.slice(0, each)).toEqual(expected.slice(each));
    expect(laid.slice(each, 2 * each)).toEqual(expected.slice(0, each));
    expect(laid.slice(2 * each).every((value) => value === 0)).toBe(true);
  });
});
