import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { InputError, UnavailableError } from "../../trainer/errors.js";
import { readPicture } from "../../trainer/vlm/files/picture-file.js";
import { temporaryFolder } from "../temporary.js";

const pictures = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../test/golden/pictures");
const folder = temporaryFolder("pictures");

const refusal = async (file: string): Promise<Error> =>
  readPicture(file, path.basename(file)).then(
    () => new Error(`${file} was read`),
    (error: Error) => error,
  );
const written = (name: string, bytes: Uint8Array | string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, bytes);
  return file;
};

// The bytes of supported pictures are compared in golden/pictures.
describe("a picture file", () => {
  it.each([2, 3, 4, 5, 6, 7, 8])("of orientation %i is read upright", async (orientation) => {
    // Red, green / blue, white when upright: every orientation gives different corners.
    const upright = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255);
    const stored = ["", "", "1032", "3210", "2301", "0213", "1302", "3120", "2031"][orientation] ?? "";
    const data = Uint8Array.from(
      [...stored].flatMap((i) => Array.from(upright.subarray(Number(i) * 3, Number(i) * 3 + 3))),
    );
    const file = path.join(folder, `${orientation}.png`);
    await sharp(data, { raw: { width: 2, height: 2, channels: 3 } })
      .withMetadata({ orientation })
      .png()
      .toFile(file);
    expect(Array.from((await readPicture(file)).data)).toEqual(Array.from(upright));
  });

  it("that can't be read says why", async () => {
    const png = readFileSync(path.join(pictures, "rgb.png"));
    mkdirSync(path.join(folder, "sub"));
    const cases: [string, RegExp][] = [
      [path.join(folder, "none.png"), /^none\.png: there is no such file$/],
      [path.join(folder, "1.txt", "a.png"), /^a\.png: there is no such file$/],
      [path.join(folder, "sub"), /^sub: is a folder; give a picture file$/],
      ["/dev/null", /^null: is no regular file/],
      [written("empty.png", ""), /^empty\.png: is empty/],
      [written("text.png", "not a picture"), /^text\.png: is not a picture/],
      [written("a.bmp", "BM1234567890"), /^a\.bmp: is BMP, which is not read: convert it to PNG or JPEG$/],
      [written("a.avif", "\0\0\0 ftypavif"), /is AVIF or HEIC, which is not read/],
      [written("a.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>'), /is SVG, which is not read/],
      [written("cut.png", png.subarray(0, png.length / 2)), /^cut\.png: is a PNG file that is cut off or damaged: \S/],
      [written("start.png", png.subarray(0, 12)), /^start\.png: is a PNG file that is cut off or damaged: \S/],
    ];
    for (const [file, reason] of cases) {
      const error = await refusal(file);
      expect(error).toBeInstanceOf(InputError);
      expect(error.message).toMatch(reason);
      expect(error.message).not.toContain("\n");
    }
  });

  it.each(["subsampling-2.jpg", "progressive.jpg", "lossy.webp", "interlaced.gif", "rgb-raw.tif", "rgb-tiff_lzw.tif"])(
    "%s is refused where it is cut off, wherever",
    async (name) => {
      const bytes = readFileSync(path.join(pictures, name));
      for (const share of [0.2, 0.5, 0.9]) {
        const file = written(name, bytes.subarray(0, Math.floor(bytes.length * share)));
        expect((await refusal(file)).message).toMatch(/is a \w+ file that is cut off or damaged/);
      }
    },
  );

  it("that Pillow would convert wrongly is refused", async () => {
    const raw = { raw: { width: 4, height: 4, channels: 1 as const, depth: "ushort" as const } };
    const file = path.join(folder, "grey16.png");
    await sharp(
      Uint16Array.from({ length: 16 }, (_, i) => i * 4096),
      raw,
    )
      .toColourspace("grey16")
      .png()
      .toFile(file);
    expect((await refusal(file)).message).toMatch(/16-bit greyscale, which is not read: convert it to 8 bits of RGB/);
    const tiff = path.join(folder, "alpha.tif");
    await sharp(path.join(pictures, "rgba.png")).tiff({ compression: "lzw" }).toFile(tiff);
    expect((await refusal(tiff)).message).toMatch(/a TIFF of 4 channels/);
  });

  it("that may not be read is unavailable, not bad", async () => {
    const file = path.join(folder, "secret.png");
    cpSync(path.join(pictures, "rgb.png"), file);
    chmodSync(file, 0);
    // Root may read everything, so give up its rights for a moment.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(65534);
    const error = await refusal(file).finally(() => isRoot && process.seteuid?.(0));
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error.message).toMatch(/^secret\.png: may not be read: permission denied/);
  });
});
