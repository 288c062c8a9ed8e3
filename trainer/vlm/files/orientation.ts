/** @file Finds and applies a picture's orientation, like Pillow's `ImageOps.exif_transpose`. */
import { inflateSync } from "node:zlib";
import type { Metadata } from "sharp";
import type { Picture } from "./resize.js";

const UPRIGHT = 1;
const ORIENTATION = 0x0112;
/** EXIF's integer types that Pillow accepts, and how to read them. */
const WHOLE_NUMBERS: Readonly<Record<number, "16" | "32">> = { 3: "16", 4: "32", 8: "16", 9: "32" };

/** 1 to 8: EXIF's tag, wherever the file stores it; XMP's `tiff:Orientation` where EXIF has none. */
export function orientationIn(bytes: Buffer, metadata: Metadata): number {
  const { format, exif, xmp } = metadata;
  if (format === "tiff") return within(metadata.orientation) ?? UPRIGHT;
  const carried = format === "png" ? pngMetadata(bytes) : { exif, xmp: xmp?.toString("latin1") };
  const byExif = carried.exif === undefined ? undefined : exifOrientation(carried.exif);
  return within(byExif ?? xmpOrientation(carried.xmp ?? "")) ?? UPRIGHT;
}

const within = (orientation: number | undefined): number | undefined =>
  orientation !== undefined && orientation >= 1 && orientation <= 8 ? orientation : undefined;

function exifOrientation(exif: Buffer): number | undefined {
  const tiff = exif.subarray(exif.toString("latin1", 0, 6) === "Exif\0\0" ? 6 : 0);
  const order = tiff.toString("latin1", 0, 2);
  if (order !== "II" && order !== "MM") return undefined;
  const number = (at: number, bits: "16" | "32"): number => {
    if (at + Number(bits) / 8 > tiff.length) return 0;
    return order === "II" ? tiff[`readUInt${bits}LE`](at) : tiff[`readUInt${bits}BE`](at);
  };
  const directory = number(4, "32");
  const entries = number(directory, "16");
  for (let entry = directory + 2; entry < directory + 2 + entries * 12 && entry + 12 <= tiff.length; entry += 12) {
    if (number(entry, "16") !== ORIENTATION) continue;
    const bits = WHOLE_NUMBERS[number(entry + 2, "16")];
    return bits === undefined ? UPRIGHT : number(entry + 8, bits);
  }
  return undefined;
}

function xmpOrientation(xmp: string): number | undefined {
  const found = /tiff:Orientation(?:="|>)([0-9])/.exec(xmp)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** EXIF and XMP of a PNG, at any place: some tools write them after the pixels, where libvips does not look. */
function pngMetadata(bytes: Buffer): { exif?: Buffer; xmp?: string } {
  const found: { exif?: Buffer; profile?: Buffer; xmp?: string } = {};
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const type = bytes.toString("latin1", at + 4, at + 8);
    const data = bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at));
    if (type === "eXIf") found.exif = data;
    if (!["tEXt", "zTXt", "iTXt"].includes(type)) continue;
    const { keyword, text } = pngText(type, data);
    if (keyword === "XML:com.adobe.xmp") found.xmp = text;
    // ImageMagick's format: three header lines, then hexadecimal digits.
    if (keyword === "Raw profile type exif") found.profile = Buffer.from(text.split("\n").slice(3).join(""), "hex");
  }
  const exif = found.exif ?? found.profile;
  return { ...(exif && { exif }), ...(found.xmp !== undefined && { xmp: found.xmp }) };
}

function pngText(type: string, data: Buffer): { keyword: string; text: string } {
  const end = data.indexOf(0);
  const keyword = data.toString("latin1", 0, Math.max(0, end));
  const rest = data.subarray(end + 1);
  if (type === "tEXt") return { keyword, text: rest.toString("latin1") };
  if (type === "zTXt") return { keyword, text: inflated(rest.subarray(1)) };
  // A compression flag and its method, then language and translated keyword, each ended by a zero.
  const language = rest.indexOf(0, 2);
  const content = rest.subarray(rest.indexOf(0, language + 1) + 1);
  return { keyword, text: rest[0] === 1 ? inflated(content) : content.toString("latin1") };
}

/** Empty where the text cannot be unpacked. */
function inflated(data: Buffer): string {
  try {
    return inflateSync(data, { maxOutputLength: 64 * 1024 * 1024 }).toString("latin1");
  } catch {
    return "";
  }
}

/** The upright picture. 2 to 4 mirror and rotate it; 5 to 8 do so after swapping rows and columns. */
export function upright(picture: Picture, orientation: number): Picture {
  if (orientation === UPRIGHT) return picture;
  const swapped = orientation >= 5;
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBelow = [3, 4, 6, 7].includes(orientation);
  const width = swapped ? picture.height : picture.width;
  const height = swapped ? picture.width : picture.height;
  const data = new Uint8Array(picture.data.length);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [across, down] = swapped ? [y, x] : [x, y];
      const column = fromRight ? picture.width - 1 - across : across;
      const row = fromBelow ? picture.height - 1 - down : down;
      const from = (row * picture.width + column) * 3;
      for (let channel = 0; channel < 3; channel++) data[to++] = picture.data[from + channel] ?? 0;
    }
  }
  return { width, height, data };
}
