/**
 * @file Reads a picture file as models expect it: three bytes a pixel, equal to the input of transformers' image
 * processors (`load_image`). It is upright by its orientation, has the bytes of Pillow's `convert("RGB")`, and no
 * colour profile is applied.
 */
import { promises as fs } from "node:fs";
import sharp, { type Metadata } from "sharp";
import { InputError, UnavailableError } from "../../errors.js";
import type { ImageBatch } from "../model.js";
import { fillAround, opaqueGif } from "./gif.js";
import { orientationIn, upright } from "./orientation.js";
import type { Picture } from "./resize.js";

/** The formats that can be read. For an animation, the first frame is read. */
const READ = "PNG, JPEG, WebP, GIF or TIFF";

/** File signatures, also of formats that cannot be read; `at` is the offset. */
const BEGINNINGS: readonly { readonly format: string; readonly bytes: string; readonly at?: number }[] = [
  { format: "PNG", bytes: "\x89PNG\r\n\x1a\n" },
  { format: "JPEG", bytes: "\xff\xd8\xff" },
  { format: "WebP", bytes: "WEBP", at: 8 },
  { format: "GIF", bytes: "GIF8" },
  { format: "TIFF", bytes: "II*\0" },
  { format: "TIFF", bytes: "MM\0*" },
  { format: "TIFF", bytes: "II+\0" },
  { format: "TIFF", bytes: "MM\0+" },
  { format: "BMP", bytes: "BM" },
  { format: "AVIF or HEIC", bytes: "ftyp", at: 4 },
  { format: "JPEG XL", bytes: "\xff\n" },
  { format: "JPEG XL", bytes: "JXL ", at: 4 },
  { format: "JPEG 2000", bytes: "jP  ", at: 4 },
  { format: "JPEG 2000", bytes: "\xff\x4f\xff\x51" },
  { format: "ICO", bytes: "\0\0\x01\0" },
  { format: "PSD", bytes: "8BPS" },
  { format: "PDF", bytes: "%PDF" },
  { format: "SVG", bytes: "<svg" },
  { format: "SVG or other XML", bytes: "<?xml" },
  { format: "QOI", bytes: "qoif" },
  { format: "PNM", bytes: "P4" },
  { format: "PNM", bytes: "P5" },
  { format: "PNM", bytes: "P6" },
];
const DECODED: ReadonlySet<string> = new Set(["PNG", "JPEG", "WebP", "GIF", "TIFF"]);

/**
 * Reads one picture; messages call it `name`.
 * @throws InputError for a missing file, a folder, an empty, damaged or truncated file, a file that is no picture, or
 * an unsupported format
 * @throws UnavailableError for a file without permission to read
 */
export async function readPicture(file: string, name = file): Promise<ImageBatch> {
  const bytes = await bytesOf(file, name);
  const format = formatOf(bytes);
  if (format === undefined) throw new InputError(`${name}: is not a picture: it begins as none does; give ${READ}`);
  if (!DECODED.has(format)) throw new InputError(`${name}: is ${format}, which is not read: convert it to PNG or JPEG`);
  try {
    const { picture, orientation } = await decode(bytes, format, name);
    return { count: 1, ...upright(picture, orientation) };
  } catch (error) {
    if (error instanceof InputError) throw error;
    const [why = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    if (/pixel limit/.test(why)) throw new InputError(`${name}: has more than 268 million pixels: make it smaller`);
    throw new InputError(`${name}: is a ${format} file that is cut off or damaged: ${why}`);
  }
}

async function bytesOf(file: string, name: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    const stat = await fs.stat(file);
    if (stat.isDirectory()) throw new InputError(`${name}: is a folder; give a picture file`);
    if (!stat.isFile()) throw new InputError(`${name}: is no regular file; give a picture file`);
    bytes = await fs.readFile(file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"].includes(code ?? ""))
      throw new InputError(`${name}: there is no such file`);
    if (code === "EACCES" || code === "EPERM") {
      throw new UnavailableError(
        `${name}: may not be read: permission denied; see the rights of the file and its folders`,
      );
    }
    throw new UnavailableError(`${name}: can't be read: ${message}`);
  }
  if (bytes.length === 0) throw new InputError(`${name}: is empty; give a picture file`);
  return bytes;
}

function formatOf(bytes: Buffer): string | undefined {
  const text = bytes.toString("latin1", 0, 16);
  return BEGINNINGS.find((beginning) => text.startsWith(beginning.bytes, beginning.at ?? 0))?.format;
}

/** The pixels as stored, and the picture's orientation. */
async function decode(bytes: Buffer, format: string, name: string): Promise<{ picture: Picture; orientation: number }> {
  const gif = format === "GIF" ? opaqueGif(bytes) : undefined;
  // Like Pillow: ignore the decoder's warnings, but not its errors.
  const input = sharp(gif?.bytes ?? bytes, { ignoreIcc: true, failOn: "error" });
  const metadata = await input.metadata();
  const refused = unlikePillow(metadata, format);
  if (refused !== undefined) throw new InputError(`${name}: is ${refused}: convert it to 8 bits of RGB`);
  const orientation = orientationIn(bytes, metadata);
  if (metadata.space === "cmyk") {
    const { data, info } = await input
      .pipelineColourspace("cmyk")
      .toColourspace("cmyk")
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    return { picture: { width, height, data: fromCmyk(data, channels) }, orientation };
  }
  const { data, info } = await input.removeAlpha().toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  const picture = { width: info.width, height: info.height, data };
  return { picture: gif === undefined ? picture : fillAround(gif, picture), orientation };
}

/** Pictures that Pillow converts differently, or that a model cannot use. */
function unlikePillow({ space, depth, channels, hasAlpha }: Metadata, format: string): string | undefined {
  if (format === "TIFF" && (depth !== "uchar" || !["srgb", "b-w", "cmyk"].includes(space) || hasAlpha)) {
    return `a TIFF of ${channels} channels (${space}, ${depth}), of which only 8 bits of grey, RGB or CMYK without transparency are read`;
  }
  // Pillow clips its values at 255, which gives a white picture.
  if (space === "grey16" && channels === 1) return "16-bit greyscale, which is not read";
  return undefined;
}

/** Pillow's conversion, in integer arithmetic; sharp would use a colour profile. */
function fromCmyk(data: Uint8Array, channels: number): Uint8Array {
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    const white = 255 - (data[i * channels + 3] ?? 0);
    for (let channel = 0; channel < 3; channel++) {
      const product = (data[i * channels + channel] ?? 0) * white + 128;
      rgb[i * 3 + channel] = Math.max(0, white - (((product >> 8) + product) >> 8));
    }
  }
  return rgb;
}
