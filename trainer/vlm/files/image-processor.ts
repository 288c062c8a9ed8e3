/** @file A directory's preprocessor_config.json: resize, centre crop, rescale and normalise as the original library does it. */
import path from "node:path";
import { z } from "zod";
import { InputError } from "../../errors.js";
import { readJson } from "./directory.js";
import { type Picture, resizeBicubic } from "./resize.js";

const sizeSchema = z.union([
  z.number().int().positive(),
  z.looseObject({ shortest_edge: z.number().int().positive() }),
  z.looseObject({ height: z.number().int().positive(), width: z.number().int().positive() }),
]);

const schema = z.looseObject({
  do_resize: z.boolean().default(true),
  do_center_crop: z.boolean().optional(),
  do_rescale: z.boolean().default(true),
  do_normalize: z.boolean().default(true),
  size: sizeSchema,
  crop_size: sizeSchema.optional(),
  resample: z.number().int().default(3),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  image_mean: z.array(z.number()).length(3),
  image_std: z.array(z.number().positive()).length(3),
});

const BICUBIC = 3;

export interface ImageProcessing {
  /** Either the shortest edge, or both edges. null: images stay as they are. */
  readonly resize: { readonly shortestEdge: number } | { readonly height: number; readonly width: number } | null;
  readonly crop: { readonly height: number; readonly width: number } | null;
  readonly rescale: number;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

export function readImageProcessing(directory: string): ImageProcessing {
  const file = path.join(directory, "preprocessor_config.json");
  const config = readJson(file, schema);
  if (config.do_resize && config.resample !== BICUBIC) {
    throw new InputError(`${file}: resample ${config.resample} is not supported: 3 (bicubic) is`);
  }
  const { size, crop_size: crop } = config;
  // CLIP's processors say one number for the shortest edge, SigLIP's height and width.
  const resize =
    typeof size === "number"
      ? { shortestEdge: size }
      : "shortest_edge" in size
        ? { shortestEdge: size.shortest_edge as number }
        : { height: size.height as number, width: size.width as number };
  const cropTo =
    crop === undefined
      ? null
      : typeof crop === "number"
        ? { height: crop, width: crop }
        : "height" in crop
          ? { height: crop.height as number, width: crop.width as number }
          : null;
  return {
    resize: config.do_resize ? resize : null,
    crop: (config.do_center_crop ?? crop !== undefined) ? cropTo : null,
    rescale: config.do_rescale ? config.rescale_factor : 1,
    mean: config.do_normalize ? config.image_mean : [0, 0, 0],
    deviation: config.do_normalize ? config.image_std : [1, 1, 1],
  };
}

/** Resize and centre crop; the bytes of an image that already has the right size pass untouched. */
export function resizeAndCrop(processing: ImageProcessing, picture: Picture): Picture {
  let result = picture;
  if (processing.resize !== null) {
    const { height, width } = targetSize(processing.resize, picture);
    result = resizeBicubic(picture, height, width);
  }
  return processing.crop === null ? result : centreCrop(result, processing.crop.height, processing.crop.width);
}

function targetSize(
  resize: NonNullable<ImageProcessing["resize"]>,
  { height, width }: Picture,
): { height: number; width: number } {
  if (!("shortestEdge" in resize)) return resize;
  const edge = resize.shortestEdge;
  return width <= height
    ? { width: edge, height: Math.trunc((edge * height) / width) }
    : { height: edge, width: Math.trunc((edge * width) / height) };
}

function centreCrop(picture: Picture, height: number, width: number): Picture {
  if (picture.height === height && picture.width === width) return picture;
  if (picture.height < height || picture.width < width) {
    throw new InputError(
      `preprocessor_config.json crops ${height}×${width} out of ${picture.height}×${picture.width}: make crop_size at most size`,
    );
  }
  const top = Math.floor((picture.height - height) / 2);
  const left = Math.floor((picture.width - width) / 2);
  const data = new Uint8Array(height * width * 3);
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * picture.width + left) * 3;
    data.set(picture.data.subarray(from, from + width * 3), row * width * 3);
  }
  return { height, width, data };
}

/**
 * What each byte of each channel becomes: rescaled in double and rounded, then normalised in float32 as numpy does it.
 * Entry `channel * 256 + byte`.
 */
export function normalisation({ rescale, mean, deviation }: ImageProcessing): Float32Array {
  return Float32Array.from({ length: 768 }, (_, entry) => {
    const channel = entry >> 8;
    const scaled = Math.fround((entry & 255) * rescale);
    const centred = Math.fround(scaled - Math.fround(mean[channel] ?? 0));
    return Math.fround(centred / Math.fround(deviation[channel] ?? 1));
  });
}

/** [3, height, width] float32: the `pixel_values` of one image. */
export function pixelValues(processing: ImageProcessing, picture: Picture): Float32Array {
  const table = normalisation(processing);
  const { height, width, data } = resizeAndCrop(processing, picture);
  const plane = height * width;
  const values = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let channel = 0; channel < 3; channel++) {
      values[channel * plane + i] = table[channel * 256 + (data[i * 3 + channel] ?? 0)] ?? 0;
    }
  }
  return values;
}
