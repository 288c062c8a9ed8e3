/** @file Work as the loop has it, for saying what a model takes before it runs: pairs of objects, each caption against its flips. */
import { at } from "../at.js";
import { CODES, captionAndFlips } from "../language/index.js";
import type { Work } from "./architecture.js";

const NAMES = ["lamp", "vase", "plate", "bottle", "chair", "basket", "laptop", "mug", "teddy bear", "picture frame"];
/** Pairs that are asked about an image. */
const PAIRS = 2;

/** The same captions for the same number of images. */
export function typicalWork(images: number): Work {
  const captions = Array.from({ length: images }, (_, image) =>
    Array.from({ length: PAIRS }, (__, pair) => {
      const number = image * PAIRS + pair;
      const first = (number * 7) % NAMES.length;
      const second = (first + 1 + (number % (NAMES.length - 1))) % NAMES.length;
      return captionAndFlips(at(NAMES, first), at(NAMES, second), at(CODES, (number * 5) % CODES.length));
    }),
  );
  return { captions };
}
