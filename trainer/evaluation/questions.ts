/** @file What is asked of an image: for a pair of its objects the true caption, and the captions that are not true of it. */

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

/** Catalog indices of two objects in an image, and where the first is, seen from the second. */
export interface Question {
  readonly first: number;
  readonly second: number;
  /** Relation code (trainer/language). */
  readonly code: number;
}

/** A question about two slots of a known state. */
export interface PairQuestion extends Question {
  /** Of the first and the second object. */
  readonly slots: readonly [number, number];
  /** Degrees to the nearest boundary between relations. */
  readonly margin: number;
}

/** A state that is asked about. */
type State = Pick<Observed, "scene" | "objects">;

export function slotPairs(slots: number): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  for (let a = 0; a < slots; a++) for (let b = a + 1; b < slots; b++) pairs.push([a, b]);
  return pairs;
}

/** What objects are called, and how pairs of them are put to the model. */
export interface Wording {
  readonly world: Pick<World, "name">;
  readonly phrasing: Phrasing;
}

/** Captions of each world and phrasing by question: a test set asks the same ones at every evaluation, in other images. */
const captionsOfWorlds = new WeakMap<Wording["world"], WeakMap<Phrasing, Map<number, CaptionSet>>>();

function knownCaptions({ world, phrasing }: Wording): Map<number, CaptionSet> {
  const ofWorld = captionsOfWorlds.get(world) ?? new WeakMap<Phrasing, Map<number, CaptionSet>>();
  captionsOfWorlds.set(world, ofWorld);
  const known = ofWorld.get(phrasing) ?? new Map<number, CaptionSet>();
  ofWorld.set(phrasing, known);
  return known;
}

/** The true caption or answer against its full flip, and with each of its terms flipped (where that is another one). */
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
 * What each question's right caption competes with in a batch of images: flips of its own ("all", the "full" one, "one" term's), or with "none"
 * the right captions of the batch's other images, as plain contrastive training has them (some of which may be true of the image too). Answers of
 * other images are answers to other prompts: with "none" an answer has no wrong ones.
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

/** Where among a question's wrong captions each of its terms is the one flipped. */
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
 * The questions of a sample: each pair of its objects that may be asked about, one way round. None where all of them have a vertical
 * term that contradicts their bases.
 */
export function sampleQuestions(world: World, sample: State, swap?: Random): PairQuestion[] {
  return slotPairs(sample.objects.length / OBJECT_FIELDS).flatMap(([a, b]) => {
    const [first, second] = swap !== undefined && swap.float() < 0.5 ? [b, a] : [a, b];
    return question(world, sample, first, second) ?? [];
  });
}

/** The question about two slots; null where it is not to be asked. */
export function question(world: World, { scene, objects }: State, first: number, second: number): PairQuestion | null {
  const { code, margin, askable } = world.relation(scene, objects, first, second);
  if (!askable) return null;
  const [one, other] = [at(objects, first * OBJECT_FIELDS), at(objects, second * OBJECT_FIELDS)];
  return { first: one, second: other, code, slots: [first, second], margin };
}

/** How one question was answered: the right caption's probability among all asked (softmax), and by how much it beats each wrong one. */
export interface Answer {
  readonly probability: number;
  /** Of a model that answers: how likely it is to say just the right answer. Without meaning for one that ranks. */
  readonly likelihood: number;
  /** Logit of the right caption minus that of each wrong one, the full flip first. */
  readonly margins: readonly number[];
}

/** The same, and what the model says by itself; null where it only ranks. */
export interface SpokenAnswer extends Answer {
  readonly said: string | null;
}

/** A model's own answer to a prompt, and what it says of the first object. */
export interface Spoken {
  readonly text: string;
  /** Whether it says any relation at all. */
  readonly parsed: boolean;
  /** F1 of the terms it says and the true ones; 0 where it says none. */
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
  // Not the mean over two-way choices: a caption of one term has one rival, and would look hardest whenever its term is weak.
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

/** Asks the same way, and lets a model that answers speak. */
export async function askAloud(
  model: VisionLanguageModel,
  images: readonly Uint8Array[],
  captions: readonly (readonly CaptionSet[])[],
): Promise<SpokenAnswer[][]> {
  if (images.length === 0) return [];
  const replies = await model.reply(stack(images), captions);
  return replies.map((sets) => sets.map(({ logits, said }) => ({ ...answerOf(logits), said })));
}

/** One batch of equally sized square images. Those that lie one behind the other in one buffer, as a test set's do, are not copied. */
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
