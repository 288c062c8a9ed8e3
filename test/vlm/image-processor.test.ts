import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import {
  type ImageProcessing,
  normalisation,
  pixelValues,
  resizeAndCrop,
} from "../../trainer/vlm/files/image-processor.js";
import { resizeBicubic } from "../../trainer/vlm/files/resize.js";

const clip: ImageProcessing = {
  resize: { shortestEdge: 8 },
  crop: { height: 8, width: 8 },
  rescale: 1 / 255,
  mean: [0.5, 0.4, 0.3],
  deviation: [0.25, 0.5, 1],
};

const picture = (height: number, width: number, value: (i: number) => number) => ({
  height,
  width,
  data: Uint8Array.from({ length: height * width * 3 }, (_, i) => value(i)),
});

describe("image processing", () => {
  it("leaves an image of the model's size untouched", () => {
    const own = picture(8, 8, (i) => (i * 91) % 256);
    expect(resizeAndCrop(clip, own)).toBe(own);
  });

  it("keeps a plain colour plain at any size", () => {
    const side = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(side, side, side, side, fc.nat(255), (h, w, height, width, value) => {
        const { data } = resizeBicubic(
          picture(h, w, () => value),
          height,
          width,
        );
        expect(data.length).toBe(height * width * 3);
        expect(data.every((byte) => byte === value)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("crops the middle of the longer edge", () => {
    const wide = picture(8, 12, (i) => Math.floor(i / 3) % 12);
    expect(Array.from(resizeAndCrop(clip, wide).data.subarray(0, 24)).filter((_, i) => i % 3 === 0)).toEqual([
      2, 3, 4, 5, 6, 7, 8, 9,
    ]);
  });

  it("normalises each channel by its own mean and deviation", () => {
    const values = pixelValues(
      clip,
      picture(8, 8, () => 51),
    );
    expect(values[0]).toBeCloseTo((0.2 - 0.5) / 0.25, 6);
    expect(values[64]).toBeCloseTo((0.2 - 0.4) / 0.5, 6);
    expect(values[128]).toBeCloseTo((0.2 - 0.3) / 1, 6);
    expect(normalisation(clip)).toHaveLength(768);
  });

  it("says so when the crop is larger than what is left", () => {
    const processing = { ...clip, crop: { height: 9, width: 9 } };
    expect(() =>
      resizeAndCrop(
        processing,
        picture(8, 8, () => 0),
      ),
    ).toThrow(InputError);
  });
});
