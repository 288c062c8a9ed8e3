/** @file Test sets of images with questions, and the accuracies that the curves show. */
import { at } from "../at.js";
import type { World } from "../environments/served-world.js";
import { codeTerms, TERMS, type Term } from "../language/index.js";
import { mean } from "../mean.js";
import type { VisionLanguageModel } from "../vlm/model.js";
import { type Answer, ask, askAloud, captionSet, type Question, spoken, termColumns } from "./questions.js";

/** Images, u8 [size, size, 3] each, and the questions about them. */
export interface TestSet {
  readonly images: readonly Uint8Array[];
  /** questions[i]: the questions about image i. */
  readonly questions: readonly (readonly Question[])[];
}

/** The test sets of a run; every evaluation uses the same ones. */
export interface TestSets {
  /** Balanced over relation codes, one question per image. */
  readonly test: TestSet;
  /** Random placements as they come: all askable pairs, at least one per image. */
  readonly natural: TestSet;
  /** Balanced like the test set but from another seed; only for early stopping. */
  readonly validation: TestSet;
}

/** The possible numbers of terms in a relation. */
export const TERM_COUNTS = [1, 2, 3] as const;
export type TermCount = (typeof TERM_COUNTS)[number];

/** The right text against the same one with one term flipped. */
export interface AgainstFlip {
  /** How often the right text wins. */
  readonly accuracy: number;
  /** Mean of σ(margin), its two-way probability. */
  readonly probability: number;
}

/** A model's results on a test set. Accuracies are shares from 0 to 1; chance is .5. */
export interface Accuracy {
  /** How often the right caption beats its full flip; mean over relation codes, each counting the same. */
  readonly full: number;
  /** How often the right caption beats itself with one term flipped; mean over the six terms. */
  readonly oneTerm: number;
  /** For each term that occurs: how often the right caption beats the one with that term flipped. */
  readonly terms: Readonly<Partial<Record<Term, number>>>;
  /** The same two without balancing: plain means over questions, and over their terms. */
  readonly plain: { readonly full: number; readonly oneTerm: number };
  /**
   * For each term that occurs: the mean two-way probability of the right text against the one with that term flipped. A
   * model that prefers a word to its opposite, whatever the picture, is far from ½ at both, and its accuracies differ
   * as much.
   */
  readonly termProbability: Readonly<Partial<Record<Term, number>>>;
  /** The same by number of terms in the relation: more terms make longer texts. */
  readonly byTermCount: Readonly<Partial<Record<TermCount, AgainstFlip>>>;
  /**
   * The paper's score of what the model says by itself, 1 to 5: S = 1 + 4 · F1 of its terms, mean over relation codes.
   * Null where the model was not asked to speak.
   */
  readonly score: number | null;
}

/** Counts comparisons and wins. */
class Tally {
  private won = 0;
  private probabilities = 0;
  private comparisons = 0;
  count(margin: number): void {
    this.won += margin > 0 ? 1 : 0;
    this.probabilities += 1 / (1 + Math.exp(-margin));
    this.comparisons += 1;
  }
  get accuracy(): number {
    return this.won / this.comparisons;
  }
  get probability(): number {
    return this.probabilities / this.comparisons;
  }
}

/** The tally of `key`, made on first use. */
function tallyOf<K>(tallies: Map<K, Tally>, key: K): Tally {
  const found = tallies.get(key);
  if (found !== undefined) return found;
  const made = new Tally();
  tallies.set(key, made);
  return made;
}

/** One entry for each key that has a tally, in key order. */
function entries<K extends string | number, V>(
  keys: readonly K[],
  tallies: ReadonlyMap<K, Tally>,
  read: (tally: Tally) => V,
): Partial<Record<K, V>> {
  const found: Partial<Record<K, V>> = {};
  for (const key of keys) {
    const tally = tallies.get(key);
    if (tally !== undefined) found[key] = read(tally);
  }
  return found;
}

function countOfTerms(code: number): TermCount {
  const count = TERM_COUNTS.find((terms) => terms === codeTerms(code).length);
  if (count === undefined) throw new RangeError(`a question has 1 to 3 terms, and code ${code} has none`);
  return count;
}

/** `aloud`: also lets a model that answers speak, which takes longer. */
export async function evaluate(
  model: VisionLanguageModel,
  world: Pick<World, "name">,
  set: TestSet,
  aloud = false,
): Promise<Accuracy> {
  const wording = { world, phrasing: model.phrasing };
  const speaks = aloud && model.phrasing.prompt !== null;
  const answers: readonly (readonly (Answer & { readonly said?: string | null })[])[] = await (speaks ? askAloud : ask)(
    model,
    set.images,
    set.questions.map((questions) => questions.map((question) => captionSet(wording, question))),
  );
  const codes = new Map<number, Tally>();
  const said = new Map<number, number[]>();
  const terms = new Map<Term, Tally>();
  const counts = new Map<TermCount, Tally>();
  const full = new Tally();
  const oneTerm = new Tally();
  for (const [i, questions] of set.questions.entries()) {
    for (const [j, question] of questions.entries()) {
      const { code } = question;
      const { margins, said: text } = at(at(answers, i), j);
      if (typeof text === "string") said.set(code, [...(said.get(code) ?? []), spoken(wording, question, text).f1]);
      for (const tally of [full, tallyOf(codes, code)]) tally.count(at(margins, 0));
      for (const { term, column } of termColumns(code)) {
        const margin = at(margins, column);
        for (const tally of [oneTerm, tallyOf(terms, term), tallyOf(counts, countOfTerms(code))]) tally.count(margin);
      }
    }
  }
  return {
    full: mean([...codes.values()].map(({ accuracy }) => accuracy)),
    oneTerm: mean([...terms.values()].map(({ accuracy }) => accuracy)),
    terms: entries(TERMS, terms, ({ accuracy }) => accuracy),
    plain: { full: full.accuracy, oneTerm: oneTerm.accuracy },
    termProbability: entries(TERMS, terms, ({ probability }) => probability),
    byTermCount: entries(TERM_COUNTS, counts, ({ accuracy, probability }) => ({ accuracy, probability })),
    score: said.size === 0 ? null : 1 + 4 * mean([...said.values()].map(mean)),
  };
}
