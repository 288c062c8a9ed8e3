/** @file golden/pictures: picture files of every supported kind give the same bytes as Pillow. */
import { createHash } from "node:crypto";
import path from "node:path";
import { z } from "zod";
import { readJson } from "../../trainer/vlm/files/directory.js";
import { readPicture } from "../../trainer/vlm/files/picture-file.js";
import type { GoldenCheck } from "./check.js";

/** Height, width, and the SHA-256 of the RGB bytes. */
const schema = z.record(z.string(), z.tuple([z.number(), z.number(), z.string()]));

export const check: GoldenCheck = async (directory) => {
  const failures: string[] = [];
  const pictures = Object.entries(readJson(path.join(directory, "pictures.json"), schema));
  for (const [file, expected] of pictures) {
    const { height, width, data } = await readPicture(path.join(directory, file));
    const actual = [height, width, createHash("sha256").update(data).digest("hex")];
    if (actual.join() !== expected.join()) failures.push(`${file}: ${actual.join(" ")}, not ${expected.join(" ")}`);
  }
  return { compared: pictures.length, failures };
};
