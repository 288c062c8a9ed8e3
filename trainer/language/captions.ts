/** @file Captions about two named objects, and the wrong captions that compete with a right one. */
import { at } from "../at.js";
import type { Random } from "../random/random.js";
import { CODES, codeTerms, flips, type RelationCode } from "./relations.js";
import type { Vocabulary } from "./vocabulary.js";

const ENGLISH: Vocabulary = {
  phrases: {
    right: "to the right of",
    left: "to the left of",
    behind: "behind",
    "in front": "in front of",
    above: "above",
    below: "below",
  },
};

/** A right caption and wrong ones; all are different. */
export interface Captions {
  readonly right: string;
  readonly wrong: readonly string[];
}

/**
 * "The vase is above, behind and to the left of the plate."
 * @throws RangeError for the empty code
 */
export function caption(a: string, b: string, code: RelationCode): string {
  return `The ${a} is ${relationPhrase(code)} the ${b}.`;
}

/**
 * "above, behind and to the left of".
 * @throws RangeError for the empty code
 */
export function relationPhrase(code: RelationCode, { phrases: said, and = " and " }: Vocabulary = ENGLISH): string {
  const phrases = codeTerms(code).map((term) => said[term]);
  const last = phrases.pop();
  if (last === undefined) throw new RangeError("two objects at one place have no relation to say");
  return phrases.length === 0 ? last : `${phrases.join(", ")}${and}${last}`;
}

/** The right caption of a pair and its wrong ones: full flip and every term flip. */
export function captionAndFlips(a: string, b: string, code: RelationCode): Captions {
  return { right: caption(a, b, code), wrong: flips(code).map((flipped) => caption(a, b, flipped)) };
}

/**
 * N-way choice: the right caption and `ways` − 1 different wrong ones of the same pair, drawn from the 25 other
 * relations.
 */
export function distractors(a: string, b: string, code: RelationCode, ways: number, random: Random): Captions {
  const others = CODES.filter((other) => other !== code);
  if (!Number.isInteger(ways) || ways < 2 || ways > others.length + 1) {
    throw new RangeError(`ways is a whole number from 2 to ${others.length + 1}, not ${ways}`);
  }
  const chosen = [...random.permutation(others.length)].slice(0, ways - 1).map((index) => at(others, index));
  return { right: caption(a, b, code), wrong: chosen.map((other) => caption(a, b, other)) };
}
