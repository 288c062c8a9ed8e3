/**
 * @file Makes a GIF opaque: Pillow's `convert("RGB")` gives transparent pixels the palette's colour; decoders to RGBA
 * leave them black.
 */

import type { Picture } from "./resize.js";

const EXTENSION = 0x21;
const GRAPHIC_CONTROL = 0xf9;
const IMAGE = 0x2c;

export interface OpaqueGif {
  readonly bytes: Buffer;
  /** The first frame's place on the screen, and the colour around it: its transparent palette entry, else entry 0. */
  readonly frame: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
  readonly around: readonly number[];
}

/** Removes the transparency of the first frame. Malformed data stays, for the decoder to report. */
export function opaqueGif(original: Buffer): OpaqueGif {
  const bytes = Buffer.from(original);
  const byte = (at: number): number => bytes[at] ?? 0;
  const tableBytes = (packed: number): number => ((packed & 0x80) === 0 ? 0 : 3 * 2 ** ((packed & 7) + 1));
  const global = 13;
  let transparent: number | null = null;
  let at = global + tableBytes(byte(10));
  while (byte(at) === EXTENSION) {
    if (byte(at + 1) === GRAPHIC_CONTROL) {
      const flags = at + 3;
      transparent = (byte(flags) & 1) === 0 ? null : byte(flags + 3);
      if (flags < bytes.length) bytes[flags] = byte(flags) & ~1;
    }
    at += 2;
    while (byte(at) !== 0) at += byte(at) + 1;
    at++;
  }
  const field = (place: number): number => byte(at + place) + 256 * byte(at + place + 1);
  const [left, top] = [field(1), field(3)];
  const isLocal = byte(at) === IMAGE && tableBytes(byte(at + 9)) > 0;
  const entry = (isLocal ? at + 10 : global) + 3 * (transparent ?? 0);
  return {
    bytes,
    frame: { left, top, right: left + field(5), bottom: top + field(7) },
    around: [byte(entry), byte(entry + 1), byte(entry + 2)],
  };
}

/** Fills the pixels around the frame, which a decoder leaves black. */
export function fillAround({ frame, around }: OpaqueGif, { width, height, data }: Picture): Picture {
  const filled = Uint8Array.from(data);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (y >= frame.top && y < frame.bottom && x >= frame.left && x < frame.right) continue;
      filled.set(around, (y * width + x) * 3);
    }
  }
  return { width, height, data: filled };
}
