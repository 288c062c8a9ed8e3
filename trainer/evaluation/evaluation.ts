/** @file Test sets of images with questions, and the accuracies that curves are made of. */
import { at } from "../at.js";
import type { World } from "../environments/served-world.js";
import { TERMS, type Term } from "../language/index.js";
import { mean } from "../mean.js";
import type { VisionLanguageModel } from "../vlm/model.js";
import { ask, captionSet, type Question, termColumns } from "./questions.js";

export interface TestSet {
  readonly images: readonly Uint8Array[];
  /** questions[i]: what is asked of image i. */
  readonly questions: readonly (readonly Question[])[];
}

export interface TestSets {
  /** Balanced over relation codes, one question an image. */
  readonly test: TestSet;
  /** What random placements give: all pairs that may be asked about, at least one an image. */
  readonly natural: TestSet;
  /** Balanced like the test set, from another seed: for early stopping only. */
  readonly validation: TestSet;
}

export interface Accuracy {
  /** Right caption beats its full flip, mean over relation codes: each counts the same. */
  readonly full: number;
  /** Right caption beats itself with one term flipped, mean over the six terms. */
  readonly oneTerm: number;
  /** For each term that occurs, how often the right caption beats the one with that term flipped. */
  readonly terms: Readonly<Partial<Record<Term, number>>>;
  /** The same two without balancing: plain means over questions, and over questions' terms. */
  readonly plain: { readonly full: number; readonly oneTerm: number };
}

class Share {
  private right = 0;
  private questions = 0;
  count(right: boolean): void {
    this.right += right ? 1 : 0;
    this.questions += 1;
  }
  get value(): number {
    return this.right / this.questions;
  }
}

/** The share of `key`, made on first use. */
function shareOf<K>(shares: Map<K, Share>, key: K): Share {
  const found = shares.get(key);
  if (found !== undefined) return found;
  const made = new Share();
  shares.set(key, made);
  return made;
}

export async function evaluate(
  model: VisionLanguageModel,
  world: Pick<World, "name">,
  set: TestSet,
): Promise<Accuracy> {
  const answers = await ask(
    model,
    set.images,
    set.questions.map((questions) => questions.map((question) => captionSet(world, question))),
  );
  const codes = new Map<number, Share>();
  const terms = new Map<Term, Share>();
  const full = new Share();
  const oneTerm = new Share();
  for (const [i, questions] of set.questions.entries()) {
    for (const [j, question] of questions.entries()) {
      const { margins } = at(at(answers, i), j);
      const beatsFlip = at(margins, 0) > 0;
      full.count(beatsFlip);
      shareOf(codes, question.code).count(beatsFlip);
      for (const { term, column } of termColumns(question.code)) {
        const beats = at(margins, column) > 0;
        oneTerm.count(beats);
        shareOf(terms, term).count(beats);
      }
    }
  }
  return {
    full: mean([...codes.values()].map((share) => share.value)),
    oneTerm: mean([...terms.values()].map((share) => share.value)),
    terms: Object.fromEntries(
      TERMS.flatMap((term) => {
        const share = terms.get(term);
        return share === undefined ? [] : [[term, share.value]];
      }),
    ),
    plain: { full: full.value, oneTerm: oneTerm.value },
  };
}
