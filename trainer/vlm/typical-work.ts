/** @file Typical work of the loop, to predict a model's memory: pairs of objects, each right text against its flips. */
import { at } from "../at.js";
import { askedPair, CODES, type Phrasing } from "../language/index.js";
import type { Work } from "./architecture.js";

const NAMES = ["lamp", "vase", "plate", "bottle", "chair", "basket", "laptop", "mug", "teddy bear", "picture frame"];
/** Pairs asked about per image. */
const PAIRS = 2;

/** The same questions for `images` images, in this phrasing. */
export function typicalWork(images: number, phrasing: Phrasing): Work {
  const captions = Array.from({ length: images }, (_, image) =>
    Array.from({ length: PAIRS }, (__, pair) => {
      const number = image * PAIRS + pair;
      const first = (number * 7) % NAMES.length;
      const second = (first + 1 + (number % (NAMES.length - 1))) % NAMES.length;
      return askedPair(phrasing, at(NAMES, first), at(NAMES, second), at(CODES, (number * 5) % CODES.length));
    }),
  );
  return { captions };
}
