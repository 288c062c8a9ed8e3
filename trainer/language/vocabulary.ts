/**
 * @file Words for the six terms, as data, for saying and for reading: they replace the English ones in captions.ts and
 * answers.ts.
 */
import { z } from "zod";
import { TERMS, type Term } from "./relations.js";
import { wholeWords, wordAtEnd } from "./words.js";

/** Words for relations. The relations themselves, and whether they are true, come from geometry. */
export interface Vocabulary {
  /** Each term as it stands before the second object's name: "to the left of". All different. */
  readonly phrases: Readonly<Record<Term, string>>;
  /** Joins the last two of several terms; default " and ". Earlier ones are joined by ", ". */
  readonly and?: string | undefined;
  /** Other ways in which a model's answer can say a term. */
  readonly sayings?: Readonly<Partial<Record<Term, readonly string[]>>> | undefined;
  /** Words that negate the term right after them, such as "not". */
  readonly negations?: readonly string[] | undefined;
}

const words = z
  .string()
  .refine((text) => text.trim() === text && text !== "", "must be a text without spaces around it");

export const vocabularySchema: z.ZodType<Vocabulary> = z.strictObject({
  phrases: z
    .record(z.enum(TERMS), words)
    .refine((phrases) => new Set(Object.values(phrases)).size === TERMS.length, "says two terms in the same words"),
  and: z.string().optional(),
  sayings: z.partialRecord(z.enum(TERMS), z.array(words)).optional(),
  negations: z.array(words).optional(),
});

/** Finds a vocabulary's terms in normalized text. */
export interface Reading {
  readonly sayings: readonly (readonly [Term, RegExp])[];
  /** Matches a negation right before a saying. */
  readonly negation: RegExp;
}

const readings = new WeakMap<Vocabulary, Reading>();

export function readingOf(vocabulary: Vocabulary): Reading {
  const known = readings.get(vocabulary);
  if (known !== undefined) return known;
  const { phrases, sayings = {}, negations = [] } = vocabulary;
  const made: Reading = {
    sayings: TERMS.map((term) => [term, new RegExp(wholeWords([phrases[term], ...(sayings[term] ?? [])]), "gu")]),
    negation: negations.length === 0 ? /(?!)/ : new RegExp(wordAtEnd(negations), "u"),
  };
  readings.set(vocabulary, made);
  return made;
}
