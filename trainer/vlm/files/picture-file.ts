/** @file A picture file as the models take it: one image of three bytes a pixel. */
import { existsSync } from "node:fs";
import sharp from "sharp";
import { InputError } from "../../errors.js";
import type { ImageBatch } from "../model.js";

/** Reads any format that sharp knows, transparency dropped. `name` is what messages call it. */
export async function readPicture(file: string, name = file): Promise<ImageBatch> {
  if (!existsSync(file)) throw new InputError(`${name}: there is no such file`);
  try {
    const { data, info } = await sharp(file)
      .removeAlpha()
      .toColourspace("srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { count: 1, height: info.height, width: info.width, data };
  } catch (error) {
    throw new InputError(`${name}: is not a picture: ${error instanceof Error ? error.message : String(error)}`);
  }
}
