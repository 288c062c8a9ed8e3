/**
 * @file Turns pictures into a model's input: resize, centre crop, rescale and normalize like the original library, by
 * preprocessor_config.json or by processor_config.json (transformers 5 has the same settings there, under
 * "image_processor").
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { InputError } from "../../errors.js";
import { readJson } from "./directory.js";
import { type Picture, resizeBicubic } from "./resize.js";

export interface ImageProcessing {
  /** Either the shortest edge, or both edges; null: no resizing. */
  readonly resize: { readonly shortestEdge: number } | { readonly height: number; readonly width: number } | null;
  readonly crop: { readonly height: number; readonly width: number } | null;
  readonly rescale: number;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** Edge of the vision tower's pictures, from config.json; other results are refused. */
  readonly imageSize?: number;
}

/** Defaults of a class of image processors. */
interface Defaults {
  /** Whether a single number as size means both edges. */
  readonly square: boolean;
  readonly size: unknown;
  readonly crop: boolean;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

const HALF = [0.5, 0.5, 0.5];
const CLIP: Defaults = {
  square: false,
  size: { shortest_edge: 224 },
  crop: true,
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
};
const SIGLIP: Defaults = { square: true, size: { height: 224, width: 224 }, crop: false, mean: HALF, deviation: HALF };
/** Classes of transformers, without the suffixes of their variants. */
const CLASSES: Readonly<Record<string, Defaults>> = { CLIP, Siglip: SIGLIP };

const BICUBIC = 3;
const CROP = { height: 224, width: 224 };

/** Keys without influence on pixels here: names of classes, and how Python passes numbers around. */
const HARMLESS: ReadonlySet<string> = new Set([
  "_processor_class",
  "_valid_processor_keys",
  "device",
  "disable_grouping",
  "do_convert_rgb", // A picture file is always read as RGB.
  "feature_extractor_type",
  "image_processor_type",
  "image_seq_length",
  "input_data_format",
  "processor_class",
  "return_tensors",
  "transformers_version",
  "use_fast",
]);

/** Returns a key's value, or throws an InputError that names the key. */
type Take = <T>(key: string, schema: z.ZodType<T>, wanted: string, fallback: unknown) => T;

/**
 * @throws InputError where the file is missing or malformed, and for each unsupported key that would change the numbers
 */
export function readImageProcessing(directory: string): ImageProcessing {
  const sources = sourcesIn(directory);
  const [{ file }] = sources;
  const [processing, other = processing] = sources.map(parseProcessing);
  if (processing === undefined || JSON.stringify(other) !== JSON.stringify(processing)) {
    // Versions of transformers differ in which of the two they read.
    throw new InputError(`${file}: says something else than ${PROCESSOR} beside it: remove the one that is not right`);
  }
  const imageSize = imageSizeOf(directory);
  if (imageSize === undefined) return processing;
  checkSize(file, processing, imageSize);
  return { ...processing, imageSize };
}

type Settings = Readonly<Record<string, unknown>>;

interface Source {
  /** Where the settings are, for messages. */
  readonly file: string;
  readonly settings: Settings;
}

const PREPROCESSOR = "preprocessor_config.json";
const PROCESSOR = "processor_config.json";

/** One source, or both files where both have settings. */
function sourcesIn(directory: string): [Source, ...Source[]] {
  const object = z.record(z.string(), z.unknown(), { error: "must be an object" });
  const single = path.join(directory, PREPROCESSOR);
  const whole = path.join(directory, PROCESSOR);
  const nested = existsSync(whole)
    ? readJson(whole, z.looseObject({ image_processor: object.nullish() })).image_processor
    : undefined;
  const inner = nested == null ? [] : [{ file: `${whole}: image_processor`, settings: nested }];
  const [first, ...others] = existsSync(single)
    ? [{ file: single, settings: readJson(single, object) }, ...inner]
    : inner;
  if (first !== undefined) return [first, ...others];
  const lacks = existsSync(whole) ? `no ${PREPROCESSOR}, and its ${PROCESSOR} has no image_processor` : "";
  throw new InputError(
    `${directory} has ${lacks || `neither ${PREPROCESSOR} nor ${PROCESSOR}`}: ` +
      `fetch the file from where the model is from; it says how pictures are resized`,
  );
}

function parseProcessing({ file, settings }: Source): ImageProcessing {
  const unread = new Set(Object.keys(settings).filter((key) => !HARMLESS.has(key)));
  const take: Take = (key, schema, wanted, fallback) => {
    unread.delete(key);
    const value = settings[key] ?? fallback;
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw new InputError(`${file}: ${key}: takes ${wanted}, not ${JSON.stringify(value)}`);
    return parsed.data;
  };
  const processing = processingOf(file, settings, defaultsOf(file, settings), take);
  // A key that is off, or left to the class, changes nothing.
  const changing = [...unread].find((key) => settings[key] !== null && settings[key] !== false);
  if (changing === undefined) return processing;
  const value = JSON.stringify(settings[changing]);
  throw new InputError(`${file}: ${changing} ${value} is not supported: it may change what the model sees`);
}

function defaultsOf(file: string, settings: Settings): Defaults {
  const key = settings["image_processor_type"] != null ? "image_processor_type" : "feature_extractor_type";
  const type = settings[key] ?? "CLIPImageProcessor";
  const name =
    typeof type === "string" ? /^(\w+?)(ImageProcessor(Fast|Pil)?|FeatureExtractor)$/.exec(type)?.[1] : undefined;
  const defaults = name !== undefined && Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (defaults !== undefined) return defaults;
  const known = Object.keys(CLASSES).map((one) => `${one}ImageProcessor`);
  throw new InputError(`${file}: ${key} ${JSON.stringify(type)} is not supported: ${known.join(" and ")} are`);
}

function processingOf(file: string, settings: Settings, defaults: Defaults, take: Take): ImageProcessing {
  // null means "off" in one version of transformers and "default" in another.
  const isOn = (key: string, fallback: boolean): boolean => {
    if (settings[key] === null && fallback) throw new InputError(`${file}: ${key}: takes true or false, not null`);
    return take(key, z.boolean(), "true or false", fallback);
  };
  const [resizes, crops] = [isOn("do_resize", true), isOn("do_center_crop", defaults.crop)];
  const [rescales, normalises] = [isOn("do_rescale", true), isOn("do_normalize", true)];
  const resample = take("resample", z.number(), "3 (bicubic)", BICUBIC);
  if (resizes && resample !== BICUBIC) {
    throw new InputError(`${file}: resample ${resample} is not supported: 3 (bicubic) is`);
  }
  take("default_to_square", z.literal(defaults.square), `${defaults.square}`, defaults.square);
  take("data_format", z.literal("channels_first"), '"channels_first"', "channels_first");
  const size = take("size", defaults.square ? square : sizeOf, SIZES[`${defaults.square}`], defaults.size);
  const crop = take("crop_size", square, SIZES.true, CROP);
  const rescale = take("rescale_factor", z.number().positive(), "a number above 0", 1 / 255);
  const mean = take("image_mean", channels(z.number()), "three numbers", defaults.mean);
  const deviation = take("image_std", channels(z.number().positive()), "three numbers above 0", defaults.deviation);
  const processing = {
    resize: resizes ? size : null,
    crop: crops ? crop : null,
    rescale: rescales ? rescale : 1,
    mean: normalises ? mean : [0, 0, 0],
    deviation: normalises ? deviation : [1, 1, 1],
  };
  if (normalisation(processing).every(Number.isFinite)) return processing;
  throw new InputError(
    `${file}: rescale_factor, image_mean and image_std make numbers of a picture that are not finite: fetch the file again`,
  );
}

/** Larger than any model's pictures; a picture of this size still fits into memory. */
const MOST_EDGE = 16_384;
const MOST_PIXELS = MOST_EDGE ** 2;
const edge = z.number().int().positive().max(MOST_EDGE);
const bothEdges = z.strictObject({ height: edge, width: edge });
/** One number means both edges. */
const square = z.union([edge.transform((both) => ({ height: both, width: both })), bothEdges]);
/** One number means the shortest edge, as in the first published files. */
const sizeOf = z.union([
  edge.transform((shortestEdge) => ({ shortestEdge })),
  z.strictObject({ shortest_edge: edge }).transform(({ shortest_edge: shortestEdge }) => ({ shortestEdge })),
  bothEdges,
]);
const SIZES = {
  true: `a number of pixels up to ${MOST_EDGE}, or {"height", "width"} alone`,
  false: `a number of pixels up to ${MOST_EDGE}, {"shortest_edge"} or {"height", "width"} alone`,
} as const;

/** Three values, or one for all three channels. */
const channels = (each: z.ZodNumber): z.ZodType<readonly number[]> =>
  z.union([each.transform((all) => [all, all, all]), z.array(each).length(3)]);

/** The image size in config.json, where there is one; its own reader reports what is wrong in it. */
function imageSizeOf(directory: string): number | undefined {
  const file = path.join(directory, "config.json");
  if (!existsSync(file)) return undefined;
  const { vision_config: vision } = readJson(
    file,
    z.looseObject({ vision_config: z.looseObject({ image_size: edge.catch(224) }).optional() }),
  );
  return vision?.image_size ?? 224;
}

/** The size of the result is known in advance, except where pictures are not resized. */
function checkSize(file: string, { resize, crop }: ImageProcessing, imageSize: number): void {
  const smallest = resize === null ? null : "shortestEdge" in resize ? square.parse(resize.shortestEdge) : resize;
  const made = crop ?? smallest;
  if (made === null) return;
  const shown = ({ height, width }: { height: number; width: number }): string => `${height}×${width}`;
  if (made.height !== imageSize || made.width !== imageSize) {
    const keys = crop === null ? "size" : "crop_size";
    throw new InputError(
      `${file}: ${keys} makes pictures of ${shown(made)}, but config.json's vision_config.image_size is ${imageSize}: make them equal`,
    );
  }
  if (crop !== null && smallest !== null && (smallest.height < crop.height || smallest.width < crop.width)) {
    throw new InputError(`${file}: crops ${shown(crop)} out of ${shown(smallest)}: make crop_size at most size`);
  }
}

/** Resize and centre crop. An image that already has the right size passes unchanged. */
export function resizeAndCrop(processing: ImageProcessing, picture: Picture): Picture {
  let result = picture;
  if (processing.resize !== null) {
    const { height, width } = targetSize(processing.resize, picture);
    if (height * width > MOST_PIXELS) {
      throw new InputError(
        `a picture of ${picture.height}×${picture.width} becomes one of ${height}×${width}, which is too large: crop it before`,
      );
    }
    result = resizeBicubic(picture, height, width);
  }
  if (processing.crop !== null) result = centreCrop(result, processing.crop.height, processing.crop.width);
  const { imageSize } = processing;
  if (imageSize === undefined || (result.height === imageSize && result.width === imageSize)) return result;
  throw new InputError(
    `the model's image processor makes ${result.height}×${result.width} of a picture of ${picture.height}×${picture.width}, ` +
      `but the model takes ${imageSize}×${imageSize}: set do_center_crop, or give a square picture`,
  );
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
      `the model's image processor crops ${height}×${width} out of ${picture.height}×${picture.width}: make crop_size at most size`,
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
 * The value of each byte in each channel: rescaled in double and rounded, then normalized in float32, like numpy. Entry
 * `channel * 256 + byte`.
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
