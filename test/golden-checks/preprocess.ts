/** @file golden/preprocess: Pillow's bicubic resize and the CLIP and SigLIP image processors, byte for byte. */
import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { SafetensorsFile } from "../../trainer/files/safetensors.js";
import { readJson } from "../../trainer/vlm/files/directory.js";
import { type ImageProcessing, pixelValues, resizeAndCrop } from "../../trainer/vlm/files/image-processor.js";
import { type Picture, resizeBicubic } from "../../trainer/vlm/files/resize.js";
import type { GoldenCheck } from "./check.js";

const FLOAT_TOLERANCE = 1e-6;

const channels = z.array(z.number()).length(3);
const metaSchema = z.looseObject({
  rescale: z.number(),
  clip_mean: channels,
  clip_std: channels,
  siglip_mean: channels,
  siglip_std: channels,
});

/** [height, width, 3] to [3, height, width]. */
function planar({ height, width, data }: Picture): Uint8Array {
  const plane = height * width;
  return Uint8Array.from({ length: data.length }, (_, i) => data[(i % plane) * 3 + Math.floor(i / plane)] ?? 0);
}

const unequal = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): number => {
  let count = Math.abs(a.length - b.length);
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (!(Math.abs((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN)) <= tolerance)) count++;
  }
  return count;
};

export const check: GoldenCheck = async (directory) => {
  const meta = readJson(path.join(directory, "meta.json"), metaSchema);
  const images = SafetensorsFile.open(path.join(directory, "images.safetensors"));
  const failures: string[] = [];
  let compared = 0;
  const compare = (what: string, actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void => {
    compared++;
    const count = unequal(actual, expected, tolerance);
    if (count > 0) failures.push(`${what}: ${count} of ${expected.length} values differ`);
  };
  const picture = (name: string): Picture => {
    const [height = 0, width = 0] = images.shape(name);
    return { height, width, data: images.read(name) };
  };

  const resized = SafetensorsFile.open(path.join(directory, "resized.safetensors"));
  for (const key of resized.tensors.keys()) {
    const [height = 0, width = 0] = resized.shape(key);
    const { data } = resizeBicubic(picture(key.slice(0, key.lastIndexOf("."))), height, width);
    compare(`resized ${key}`, data, resized.read(key), 0);
  }
  for (const kind of ["clip", "siglip"] as const) {
    const file = path.join(directory, `${kind}.safetensors`);
    if (!existsSync(file)) continue;
    const expected = SafetensorsFile.open(file);
    for (const key of expected.tensors.keys()) {
      const [name = "", size = "", what = ""] = key.split(".");
      const square = { height: Number(size), width: Number(size) };
      const processing: ImageProcessing = {
        resize: kind === "clip" ? { shortestEdge: Number(size) } : square,
        crop: kind === "clip" ? square : null,
        rescale: meta.rescale,
        mean: meta[`${kind}_mean`],
        deviation: meta[`${kind}_std`],
      };
      if (what === "uint8")
        compare(`${kind} ${key}`, planar(resizeAndCrop(processing, picture(name))), expected.read(key), 0);
      else compare(`${kind} ${key}`, pixelValues(processing, picture(name)), expected.readFloats(key), FLOAT_TOLERANCE);
    }
  }
  return { compared, failures };
};
