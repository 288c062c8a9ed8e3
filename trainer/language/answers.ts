/**
 * @file Parses a generative model's answer about two objects, and scores it by the rubric: S = 1 + 4 · F1 over relation
 * terms.
 */
import { codeTerms, opposite, type RelationCode, type Term } from "./relations.js";
import { type Reading, readingOf, type Vocabulary } from "./vocabulary.js";
import { normalized, wholeWords } from "./words.js";

/** Ways to say a term, matched at word boundaries, ignoring case. */
const SAYINGS: Reading["sayings"] = [
  ["in front", /\bin front\b|\bcloser to the camera\b/g],
  ["behind", /\bbehind\b|\bin back of\b|\bat the back of\b/g],
  // Not of "right behind", which means directly; of "to the right behind", yes.
  [
    "right",
    /(?:\bthe right|\bright(?! (?:in|behind|above|over|on|below|under|underneath|beneath)\b))(?:-hand side|ward)?\b/g,
  ],
  ["left", /\bleft(?:-hand side|ward)?\b/g],
  ["above", /\babove\b|\bover\b|\bon top of\b|\bhigher than\b/g],
  ["below", /\bbelow\b|\bunder(?:neath)?\b|\bbeneath\b|\blower than\b/g],
];
/** A negation right before a saying: "is not to the" left. */
const NEGATION =
  /\b(?:not|neither|nor|never|isn't|no)\s+(?:(?:to|on|at|the|directly|quite|really|located|situated|placed)\s+)*$/;
/** Between a saying and the object that it is about: "left" of the plate. */
const OBJECT_FOLLOWS = /^(?! $)(?: side)?(?: of)?(?: (?:the|an?))? $/;

/** The terms of A relative to B in an answer; empty where it has none. */
export interface ParsedAnswer {
  readonly terms: ReadonlySet<Term>;
  /** The answer described B relative to A, and its terms were inverted. */
  readonly inverted: boolean;
}

/**
 * Where each name stands first in normalized text, or −1: as a whole word, possibly with a plural's ending, and not
 * inside the longer name ("plant" in "plant pot").
 */
function firstMentions(text: string, a: string, b: string): { readonly atA: number; readonly atB: number } {
  const names = [a, b].map(normalized);
  const longestFirst = [...names].sort((x, y) => y.length - x.length);
  const found = [...text.matchAll(new RegExp(wholeWords(longestFirst, "(?:e?s)?"), "gu"))];
  const [atA = -1, atB = -1] = names.map((name) => found.find(([said]) => said === name)?.index);
  return { atA, atB };
}

/**
 * Parses "The vase is above and to the left of the plate." as well as "above, left". Where B is the sentence's subject
 * ("The plate is below the vase."), the terms are inverted, so that they always describe A.
 */
export function parseAnswer(answer: string, a: string, b: string, vocabulary?: Vocabulary): ParsedAnswer {
  const { sayings, negation } =
    vocabulary === undefined ? { sayings: SAYINGS, negation: NEGATION } : readingOf(vocabulary);
  const text = normalized(answer);
  const { atA, atB } = firstMentions(text, a, b);
  const said = new Set<Term>();
  // "To the left of the plate is the vase": what a saying is about is not the subject, wherever it stands.
  let object = false;
  for (const [term, pattern] of sayings) {
    for (const match of text.matchAll(pattern)) {
      if (!negation.test(text.slice(0, match.index))) said.add(term);
      object ||= OBJECT_FOLLOWS.test(text.slice(match.index + match[0].length, Math.max(0, atB)));
    }
  }
  // Without A ("The plate is below it."), B is the subject only at the start of the sentence.
  const inverted = atB >= 0 && !object && (atA >= 0 ? atB < atA : /^(?:the )?$/.test(text.slice(0, atB)));
  return { terms: inverted ? new Set([...said].map(opposite)) : said, inverted };
}

/**
 * F1 between the answered and the true terms. Both terms of one axis ("left" and "right") contradict each other: both
 * count as answered and wrong. 0 where no term was answered.
 */
export function termF1(answered: ReadonlySet<Term>, truth: RelationCode): number {
  const right = new Set(codeTerms(truth));
  let hits = 0;
  for (const term of answered) {
    if (right.has(term) && !answered.has(opposite(term))) hits += 1;
  }
  return hits === 0 ? 0 : (2 * hits) / (answered.size + right.size);
}

/** The rubric's score S in [1, 5]; 1 where no term was found. */
export function rubricScore(answer: string, a: string, b: string, truth: RelationCode): number {
  return 1 + 4 * termF1(parseAnswer(answer, a, b).terms, truth);
}
