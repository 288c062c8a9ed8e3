/** @file Arranges square pictures in one PNG. */
import sharp from "sharp";

const GAP = 4;

/** `columns` per row, with light gaps; u8 RGB, `size` pixels a side each. */
export function sheet(pictures: readonly Uint8Array[], size: number, columns: number): Promise<Uint8Array> {
  const rows = Math.ceil(pictures.length / columns);
  const [width, height] = [columns * (size + GAP) + GAP, rows * (size + GAP) + GAP];
  const data = new Uint8Array(width * height * 3).fill(240);
  for (const [i, picture] of pictures.entries()) {
    const left = GAP + (i % columns) * (size + GAP);
    const top = GAP + Math.floor(i / columns) * (size + GAP);
    for (let y = 0; y < size; y++) {
      data.set(picture.subarray(y * size * 3, (y + 1) * size * 3), ((top + y) * width + left) * 3);
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ palette: true, quality: 90 })
    .toBuffer();
}
