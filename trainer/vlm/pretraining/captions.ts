/**
 * @file Caption sets of labelled images: every askable pair of objects, the right relation against its full flip and
 * its term flips.
 */
import {
  askedPair,
  CAPTIONS,
  type CameraOffset,
  codeTerms,
  contradictsBases,
  flips,
  type Phrasing,
  type RelationCode,
  relation,
  type Term,
} from "../../language/index.js";
import type { Random } from "../../random/random.js";
import type { CaptionSet } from "../model.js";
import { EMPTY, type LabelledImages, objectsIn } from "./labelled.js";

/** A pair of an image's objects, by their indices in `types`, and its relation. */
export interface Pair {
  readonly first: number;
  readonly second: number;
  readonly code: RelationCode;
}

function offset({ coordinates }: LabelledImages, from: number, to: number): CameraOffset {
  const [right = 0, up = 0, toward = 0] = [0, 1, 2].map(
    (axis) => (coordinates[to * 3 + axis] ?? 0) - (coordinates[from * 3 + axis] ?? 0),
  );
  return { right, up, toward };
}

/** All unordered askable pairs of an image, each in a random order. */
export function pairsOf(data: LabelledImages, image: number, random: Random): Pair[] {
  const objects = objectsIn(data, image).map(({ object }) => object);
  return objects.flatMap((a, i) =>
    objects.slice(i + 1).flatMap((b): Pair[] => {
      const [first, second] = random.float() < 0.5 ? [b, a] : [a, b];
      const code = relation(offset(data, first, second));
      const [baseA = 0, baseB = 0] = [data.bases[first], data.bases[second]];
      return contradictsBases(code, baseA, baseB) ? [] : [{ first, second, code }];
    }),
  );
}

/** Says that an object is there, without a relation. */
export const plainCaption = (name: string): string => `a photo of the ${name}`;

/** The right text, then the full flip and the term flips: answers where `phrasing` has a prompt, else captions. */
export function captionSet(
  { names, types }: LabelledImages,
  { first, second, code }: Pair,
  phrasing: Pick<Phrasing, "prompt" | "answer"> = CAPTIONS,
): CaptionSet {
  const name = (object: number): string => names[types[object] ?? EMPTY] ?? "";
  return askedPair(phrasing, name(first), name(second), code);
}

export interface RelationAccuracy {
  /** How often the right caption beats the full flip; mean over the codes. */
  readonly full: number;
  /** How often the right caption beats itself with one term flipped; mean over the terms. */
  readonly oneTerm: number;
}

/** Two-way accuracies from the logits of `captionSet`. */
export function relationAccuracy(
  pairs: readonly (readonly Pair[])[],
  logits: readonly (readonly Float32Array[])[],
): RelationAccuracy {
  const byCode = new Map<RelationCode, number[]>();
  const byTerm = new Map<Term, number[]>();
  const note = <Key>(table: Map<Key, number[]>, key: Key, won: boolean): void => {
    const list = table.get(key) ?? [];
    list.push(Number(won));
    table.set(key, list);
  };
  pairs.forEach((own, image) => {
    own.forEach(({ code }, i) => {
      const [right = 0, ...wrong] = logits[image]?.[i] ?? [];
      const candidates = flips(code);
      note(byCode, code, right > (wrong[0] ?? 0));
      const terms = codeTerms(code);
      // With one term, its flip is the full flip; otherwise the term flips follow the full flip in the order of the
      // terms.
      terms.forEach((term, t) => {
        note(byTerm, term, right > (wrong[candidates.length === 1 ? 0 : t + 1] ?? 0));
      });
    });
  });
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    full: mean([...byCode.values()].map(mean)),
    oneTerm: mean([...byTerm.values()].map(mean)),
  };
}
