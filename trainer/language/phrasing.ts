/**
 * @file How a model is asked about a pair of objects: templates for captions to rank, or for a prompt and its answers.
 * All of it is data.
 */
import { type Captions, relationPhrase } from "./captions.js";
import { flips, type RelationCode } from "./relations.js";
import type { Vocabulary } from "./vocabulary.js";

/** Templates with the placeholders {a}, {b}, {relation} ("above and to the left of") and {caption}. */
export interface Phrasing {
  /** The prompt about a pair, with {a} and {b}; null for a model that ranks captions. */
  readonly prompt: string | null;
  /** The caption or answer that states a relation, with {relation}; {a} and {b} where it names the objects. */
  readonly answer: string;
  /** The prompt for a caption as its answer; null where none is needed. */
  readonly describe: string | null;
  /** A prompt that asks whether a {caption} is true; null where captions are compared without words. */
  readonly judge: { readonly prompt: string; readonly yes: string; readonly no: string } | null;
  /** The words for relations where they are not English. */
  readonly vocabulary?: Vocabulary;
}

/** For models that compare pictures with captions. */
export const CAPTIONS: Phrasing = {
  prompt: null,
  answer: "The {a} is {relation} the {b}.",
  describe: null,
  judge: null,
};

/** The placeholders of a run's own prompt template. */
export const PROMPT_PLACES = ["a", "b"] as const;
export const ANSWER_PLACES = ["a", "b", "relation"] as const;

/** The placeholders in a template, known or not. */
export const placesIn = (template: string): string[] =>
  [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name);

/** Fills a template's placeholders; unknown ones stay as they are. */
export const fill = (template: string, places: Readonly<Record<string, string>>): string =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => places[name] ?? whole);

/** The texts for a pair: the prompt, where there is one, the right text, and a wrong text for each flip. */
export function askedPair(
  { prompt, answer, vocabulary }: Pick<Phrasing, "prompt" | "answer" | "vocabulary">,
  a: string,
  b: string,
  code: RelationCode,
  wrong: readonly RelationCode[] = flips(code),
): Captions & { readonly prompt?: string } {
  const say = (relation: RelationCode): string =>
    fill(answer, { a, b, relation: relationPhrase(relation, vocabulary) });
  return {
    ...(prompt === null ? {} : { prompt: fill(prompt, { a, b }) }),
    right: say(code),
    wrong: wrong.map(say),
  };
}
