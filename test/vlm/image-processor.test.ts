import { mkdtempSync, writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import {
  type ImageProcessing,
  normalisation,
  pixelValues,
  readImageProcessing,
  resizeAndCrop,
} from "../../trainer/vlm/files/image-processor.js";
import { resizeBicubic } from "../../trainer/vlm/files/resize.js";
import { temporaryFolder } from "../temporary.js";

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

const root = temporaryFolder("image-processor");

/** A directory with these files; the model takes pictures of 8 × 8. */
function directoryOf(files: Readonly<Record<string, unknown>>): string {
  const directory = mkdtempSync(path.join(root, "model-"));
  const all = { "config.json": { model_type: "clip", vision_config: { image_size: 8 } }, ...files };
  for (const [name, json] of Object.entries(all)) writeFileSync(path.join(directory, name), JSON.stringify(json));
  return directory;
}

const CLIP_SETTINGS = {
  image_processor_type: "CLIPImageProcessor",
  do_convert_rgb: true,
  do_resize: true,
  size: { shortest_edge: 8 },
  resample: 3,
  do_center_crop: true,
  crop_size: { height: 8, width: 8 },
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
};
const EXPECTED: ImageProcessing = {
  resize: { shortestEdge: 8 },
  crop: { height: 8, width: 8 },
  rescale: 1 / 255,
  mean: CLIP_SETTINGS.image_mean,
  deviation: CLIP_SETTINGS.image_std,
  imageSize: 8,
};
const read = (settings: Readonly<Record<string, unknown>>): ImageProcessing =>
  readImageProcessing(directoryOf({ "preprocessor_config.json": settings }));

describe("a directory's image processor", () => {
  it("is read from preprocessor_config.json, from processor_config.json, or from both where they agree", () => {
    expect(read(CLIP_SETTINGS)).toEqual(EXPECTED);
    const nested = { image_processor: CLIP_SETTINGS, processor_class: "CLIPProcessor" };
    expect(readImageProcessing(directoryOf({ "processor_config.json": nested }))).toEqual(EXPECTED);
    const both = { "preprocessor_config.json": CLIP_SETTINGS, "processor_config.json": nested };
    expect(readImageProcessing(directoryOf(both))).toEqual(EXPECTED);
    const other = { ...both, "processor_config.json": { image_processor: { ...CLIP_SETTINGS, image_mean: 0.5 } } };
    expect(() => readImageProcessing(directoryOf(other))).toThrow(
      /preprocessor_config\.json: says something else than processor_config\.json/,
    );
    expect(() => readImageProcessing(directoryOf({}))).toThrow(
      /has neither preprocessor_config\.json nor processor_config\.json: fetch the file/,
    );
    expect(() => readImageProcessing(directoryOf({ "processor_config.json": {} }))).toThrow(
      /processor_config\.json has no image_processor/,
    );
  });

  it("has the defaults of its class where a key is missing or null", () => {
    const { image_mean, image_std, do_rescale, rescale_factor, ...rest } = CLIP_SETTINGS;
    expect(read(rest)).toEqual(EXPECTED);
    expect(read({ ...rest, image_mean: null, image_std: null })).toEqual(EXPECTED);
    const { size, ...without } = CLIP_SETTINGS;
    expect(read(without)).toEqual({ ...EXPECTED, resize: { shortestEdge: 224 } });
    const siglip = {
      image_processor_type: "SiglipImageProcessor",
      size: { height: 8, width: 8 },
      do_convert_rgb: null,
    };
    const half = [0.5, 0.5, 0.5];
    expect(read(siglip)).toEqual({
      ...EXPECTED,
      resize: { height: 8, width: 8 },
      crop: null,
      mean: half,
      deviation: half,
    });
  });

  it("is read as the first published files are written, and as transformers 5 writes them", () => {
    const first = { feature_extractor_type: "CLIPFeatureExtractor", size: 8, crop_size: 8, do_resize: true };
    expect(read(first)).toEqual(EXPECTED);
    const newest = {
      ...CLIP_SETTINGS,
      image_processor_type: "CLIPImageProcessorFast",
      data_format: "channels_first",
      default_to_square: false,
      device: null,
      disable_grouping: null,
      do_pad: null,
      input_data_format: null,
      pad_size: null,
      return_tensors: null,
    };
    expect(read(newest)).toEqual(EXPECTED);
    expect(read({ ...CLIP_SETTINGS, do_pad: false, processor_class: "CLIPProcessor" })).toEqual(EXPECTED);
  });

  it.each([
    ["do_pad", true, /do_pad true is not supported: it may change what the model sees/],
    ["pad_size", { height: 9, width: 9 }, /pad_size \{"height":9,"width":9\} is not supported/],
    ["do_flip_channel_order", true, /do_flip_channel_order true is not supported/],
    ["auto_map", { AutoImageProcessor: "own.Own" }, /auto_map .* is not supported/],
    ["crop_pct", 0.9, /crop_pct 0\.9 is not supported/],
    [
      "image_processor_type",
      "ViTImageProcessor",
      /"ViTImageProcessor" is not supported: CLIPImageProcessor and Siglip/,
    ],
    ["data_format", "channels_last", /data_format: takes "channels_first", not "channels_last"/],
    ["default_to_square", true, /default_to_square: takes false, not true/],
    ["resample", 2, /resample 2 is not supported: 3 \(bicubic\) is/],
    ["size", { shortest_edge: 8, longest_edge: 9 }, /size: takes a number of pixels up to 16384, .* alone, not \{/],
    ["size", 1e9, /size: takes a number of pixels up to 16384, .* not 1000000000/],
    ["size", "8", /size: takes a number of pixels/],
    [
      "crop_size",
      { shortest_edge: 8 },
      /crop_size: takes a number of pixels up to 16384, or \{"height", "width"\} alone/,
    ],
    ["image_mean", [0.5, 0.5], /image_mean: takes three numbers, not \[0\.5,0\.5\]/],
    ["image_std", [0.5, 0.5, 0], /image_std: takes three numbers above 0/],
    ["rescale_factor", 0, /rescale_factor: takes a number above 0, not 0/],
    ["do_resize", null, /do_resize: takes true or false, not null/],
    ["do_normalize", "yes", /do_normalize: takes true or false, not "yes"/],
  ])("%s %j is refused by name", (key, value, reason) => {
    const refused = (): unknown => read({ ...CLIP_SETTINGS, [key]: value });
    expect(refused).toThrow(InputError);
    expect(refused).toThrow(reason);
    expect(refused).not.toThrow(/Invalid/);
  });

  it("that makes another size than the model takes is refused before any picture is read", () => {
    const sizes = [
      [{ size: 8, crop_size: 16 }, /crop_size makes pictures of 16×16, but .*image_size is 8/],
      [{ size: 16, do_center_crop: false }, /size makes pictures of 16×16/],
      [{ size: { height: 8, width: 16 }, do_center_crop: false }, /size makes pictures of 8×16/],
      [{ size: 4, crop_size: 8 }, /crops 8×8 out of 4×4: make crop_size at most size/],
    ] as const;
    for (const [keys, reason] of sizes) expect(() => read({ ...CLIP_SETTINGS, ...keys })).toThrow(reason);
    expect(read({ ...CLIP_SETTINGS, size: 16 }).resize).toEqual({ shortestEdge: 16 });
  });

  it("refuses a picture so narrow that resizing would fill the memory", () => {
    const narrow = picture(1, 100_000, () => 7);
    expect(() => resizeAndCrop({ ...clip, resize: { shortestEdge: 224 } }, narrow)).toThrow(
      /1×100000 becomes one of 224×22400000, which is too large/,
    );
  });

  it("without a crop refuses a picture that would not become square", () => {
    const processing = read({ ...CLIP_SETTINGS, do_center_crop: false });
    expect(
      resizeAndCrop(
        processing,
        picture(16, 16, () => 7),
      ).data,
    ).toHaveLength(8 * 8 * 3);
    expect(() =>
      resizeAndCrop(
        processing,
        picture(16, 32, () => 7),
      ),
    ).toThrow(/makes 8×16 of a picture of 16×32, but the model takes 8×8/);
  });
});
