/** @file Words for the six terms, to say and to read, as data: they replace the English ones of captions.ts and answers.ts. */
import { z } from "zod";
import { TERMS, type Term } from "./relations.js";

/** Words for relations. The relations themselves, and which of them is true, come from the geometry. */
export interface Vocabulary {
  /** Each term, as it stands before the second object's name: "to the left of". All different. */
  readonly phrases: Readonly<Record<Term, string>>;
  /** Between the last two of several terms; default " and ". Earlier ones are joined by ", ". */
  readonly and?: string | undefined;
  /** More ways in which a model's answer can say a term, beside its phrase. */
  readonly sayings?: Readonly<Partial<Record<Term, readonly string[]>>> | undefined;
  /** Words that negate the term right after them: "not". */
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

const quoted = (text: string): string => text.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Word boundaries in any script: \b knows only ASCII letters. */
const asWords = (all: readonly string[]): string =>
  `(?<![\\p{L}\\p{N}])(?:${all.map(quoted).join("|")})(?![\\p{L}\\p{N}])`;

/** Finds a vocabulary's terms in a text of lower-case letters. */
export interface Reading {
  readonly sayings: readonly (readonly [Term, RegExp])[];
  /** Ends just where a saying begins that it negates. */
  readonly negation: RegExp;
}

const readings = new WeakMap<Vocabulary, Reading>();

export function readingOf(vocabulary: Vocabulary): Reading {
  const known = readings.get(vocabulary);
  if (known !== undefined) return known;
  const { phrases, sayings = {}, negations = [] } = vocabulary;
  const made: Reading = {
    sayings: TERMS.map((term) => [term, new RegExp(asWords([phrases[term], ...(sayings[term] ?? [])]), "gu")]),
    negation: negations.length === 0 ? /(?!)/ : new RegExp(`${asWords(negations)}\\s+$`, "u"),
  };
  readings.set(vocabulary, made);
  return made;
}
