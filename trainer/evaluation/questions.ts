/** @file The questions about an image: for a pair of its objects, the true caption and captions that are false. */

import { at } from "../at.js";
import type { Observed } from "../environments/environment-link.js";
import type { World } from "../environments/served-world.js";
import {
  askedPair,
  codeTerms,
  flips,
  fullFlip,
  type Phrasing,
  parseAnswer,
  RELATION_CODES,
  type Term,
  termF1,
  termFlips,
} from "../language/index.js";
import type { Random } from "../random/random.js";
import { OBJECT_FIELDS } from "../rooms/index.js";
import type { CaptionSet, VisionLanguageModel } from "../vlm/model.js";

/** Catalog indices of two objects in an image, and where the first is relative to the second. */
export interface Question {
  readonly first: number;
  readonly second: number;
  /** Relation code (trainer/language). */
  readonly code: number;
}

/** A question about two slots of a known state. */
export interface PairQuestion extends Question {
  /** The slots of the first and the second object. */
  readonly slots: readonly [number, number];
  /** Degrees to the nearest boundary between relations. */
  readonly margin: number;
}

/** The part of a state that questions are about. */
type State = Pick<Observed, "scene" | "objects">;

export function slotPairs(slots: number): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  for (let a = 0; a < slots; a++) for (let b = a + 1; b < slots; b++) pairs.push([a, b]);
  return pairs;
}

/** Object names, and how the model is asked about pairs of objects. */
export interface Wording {
  readonly world: Pick<World, "name">;
  readonly phrasing: Phrasing;
}

/** Captions by world, phrasing and question, cached: every evaluation of a test set asks the same ones. */
const captionsOfWorlds = new WeakMap<Wording["world"], WeakMap<Phrasing, Map<number, CaptionSet>>>();

function knownCaptions({ world, phrasing }: Wording): Map<number, CaptionSet> {
  const ofWorld = captionsOfWorlds.get(world) ?? new WeakMap<Phrasing, Map<number, CaptionSet>>();
  captionsOfWorlds.set(world, ofWorld);
  const known = ofWorld.get(phrasing) ?? new Map<number, CaptionSet>();
  ofWorld.set(phrasing, known);
  return known;
}

/**
 * The true caption or answer, its full flip, and a flip of each single term (where that differs from the full flip).
 */
export function captionSet(wording: Wording, { first, second, code }: Question): CaptionSet {
  const { world, phrasing } = wording;
  const known = knownCaptions(wording);
  const key = (first * MOST_OBJECTS + second) * RELATION_CODES + code;
  const captions = known.get(key) ?? askedPair(phrasing, world.name(first), world.name(second), code);
  known.set(key, captions);
  return captions;
}

const MOST_OBJECTS = 2 ** 20;

/**
 * The texts that each question's right caption competes with in a batch. "all", "full" and "one" (term): its own flips.
 * "none": the right captions of the batch's other images, as in plain contrastive training (some may be true of the
 * image too). Answers to other images' prompts do not compete, so with "none" an answer has no wrong ones.
 */
export function competing(
  wording: Wording,
  batch: readonly (readonly Question[])[],
  negatives: "all" | "full" | "one" | "none",
  random: Random,
): CaptionSet[][] {
  const { world, phrasing } = wording;
  const against = ({ first, second, code }: Question, wrong: readonly number[]): CaptionSet =>
    askedPair(phrasing, world.name(first), world.name(second), code, wrong);
  switch (negatives) {
    case "all":
      return batch.map((questions) => questions.map((question) => captionSet(wording, question)));
    case "full":
      return batch.map((questions) => questions.map((question) => against(question, [fullFlip(question.code)])));
    case "one":
      return batch.map((questions) =>
        questions.map((question) => {
          const codes = termFlips(question.code);
          return against(question, [at(codes, random.below(codes.length))]);
        }),
      );
    case "none": {
      const alone = batch.map((questions) => questions.map((question) => against(question, [])));
      if (phrasing.prompt !== null) return alone;
      const captions = alone.map((sets) => sets.map(({ right }) => right));
      return captions.map((mine, image) => {
        const others = new Set(captions.flatMap((theirs, other) => (other === image ? [] : theirs)));
        for (const caption of mine) others.delete(caption);
        return mine.map((caption) => ({ right: caption, wrong: [...others] }));
      });
    }
  }
}

/** For each term of a question, the index of the wrong caption that flips it. */
export function termColumns(code: number): readonly { readonly term: Term; readonly column: number }[] {
  const columns = TERM_COLUMNS[code];
  if (columns === undefined) throw new RangeError(`no relation has the code ${code}`);
  return columns;
}

const TERM_COLUMNS = Array.from({ length: RELATION_CODES }, (_, code) => {
  const wrong = flips(code);
  const flipped = termFlips(code);
  return codeTerms(code).map((term, i) => ({ term, column: wrong.indexOf(flipped[i] ?? code) }));
});

/**
 * The questions of a sample: each askable pair of its objects, in one order. Empty where every pair's vertical term
 * contradicts the bases of its objects.
 */
export function sampleQuestions(world: World, sample: State, swap?: Random): PairQuestion[] {
  return slotPairs(sample.objects.length / OBJECT_FIELDS).flatMap(([a, b]) => {
    const [first, second] = swap !== undefined && swap.float() < 0.5 ? [b, a] : [a, b];
    return question(world, sample, first, second) ?? [];
  });
}

/** The question about two slots; null where the pair is not askable. */
export function question(world: World, { scene, objects }: State, first: number, second: number): PairQuestion | null {
  const { code, margin, askable } = world.relation(scene, objects, first, second);
  if (!askable) return null;
  const [one, other] = [at(objects, first * OBJECT_FIELDS), at(objects, second * OBJECT_FIELDS)];
  return { first: one, second: other, code, slots: [first, second], margin };
}

/**
 * The answer to one question: the right caption's probability among all candidates (softmax), and its margin over each
 * wrong one.
 */
export interface Answer {
  readonly probability: number;
  /** For a model that answers: how likely it is to say exactly the right answer. Meaningless for a model that ranks. */
  readonly likelihood: number;
  /** Logit of the right caption minus that of each wrong one, the full flip first. */
  readonly margins: readonly number[];
}

/** The same, plus what the model says by itself; null where it only ranks. */
export interface SpokenAnswer extends Answer {
  readonly said: string | null;
}

/** A model's own answer to a prompt, and the terms in it. */
export interface Spoken {
  readonly text: string;
  /** Whether the answer names any relation. */
  readonly parsed: boolean;
  /** F1 between the terms in the answer and the true ones; 0 where it names none. */
  readonly f1: number;
}

export function spoken({ world, phrasing }: Wording, { first, second, code }: Question, text: string): Spoken {
  const { terms } = parseAnswer(text, world.name(first), world.name(second), phrasing.vocabulary);
  return { text, parsed: terms.size > 0, f1: termF1(terms, code) };
}

function answerOf(row: Float32Array): Answer {
  const right = at(row, 0);
  const margins: number[] = [];
  let rivals = 0;
  for (let i = 1; i < row.length; i++) {
    const margin = right - (row[i] as number);
    margins.push(margin);
    rivals += Math.exp(-margin);
  }
  // Not the mean over two-way choices: a caption of one term has one rival, so it would look hardest whenever the model
  // is weak at that term.
  return { probability: 1 / (1 + rivals), likelihood: Math.exp(right), margins };
}

/** Asks all questions of all images. `images` are u8 [size, size, 3] each. */
export async function ask(
  model: VisionLanguageModel,
  images: readonly Uint8Array[],
  captions: readonly (readonly CaptionSet[])[],
): Promise<Answer[][]> {
  if (images.length === 0) return [];
  const logits = await model.score(stack(images), captions);
  return logits.map((sets) => sets.map(answerOf));
}

/** Asks the same way, and also lets a model that answers speak. */
export async function askAloud(
  model: VisionLanguageModel,
  images: readonly Uint8Array[],
  captions: readonly (readonly CaptionSet[])[],
): Promise<SpokenAnswer[][]> {
  if (images.length === 0) return [];
  const replies = await model.reply(stack(images), captions);
  return replies.map((sets) => sets.map(({ logits, said }) => ({ ...answerOf(logits), said })));
}

/**
 * One batch of square images of equal size. Images that are adjacent in one buffer, as in a test set, are not copied.
 */
export function stack(images: readonly Uint8Array[]): {
  count: number;
  height: number;
  width: number;
  data: Uint8Array;
} {
  const [first = new Uint8Array()] = images;
  const bytes = first.length;
  const size = Math.round(Math.sqrt(bytes / 3));
  const batch = { count: images.length, height: size, width: size };
  const { buffer, byteOffset } = first;
  if (images.every((image, i) => image.buffer === buffer && image.byteOffset === byteOffset + i * bytes)) {
    return { ...batch, data: new Uint8Array(buffer, byteOffset, bytes * images.length) };
  }
  const data = new Uint8Array(bytes * images.length);
  for (const [i, image] of images.entries()) data.set(image, i * bytes);
  return { ...batch, data };
}
