/** @file A square u8 RGB image as a PNG. */
import sharp from "sharp";

/** The PNG of a square image, u8 [size, size, 3] in C order. */
export function encodePng(image: Uint8Array): Promise<Uint8Array> {
  const size = Math.round(Math.sqrt(image.length / 3));
  return sharp(image, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
}
