/** @file How a pair of objects is put to a model: templates that make captions to rank, or a prompt and its answers. All of it is data. */
import { type Captions, relationPhrase } from "./captions.js";
import { flips, type RelationCode } from "./relations.js";
import type { Vocabulary } from "./vocabulary.js";

/** Templates with the places {a}, {b}, {relation} ("above and to the left of") and {caption}. */
export interface Phrasing {
  /** What a model is asked about a pair, by {a} and {b}; null where it ranks captions and is asked nothing. */
  readonly prompt: string | null;
  /** The caption or answer that says a relation: {relation}, and {a} and {b} where it names them. */
  readonly answer: string;
  /** The prompt that any caption is the answer to; null where none is needed. */
  readonly describe: string | null;
  /** Asks whether a {caption} is true; null where captions are compared without words. */
  readonly judge: { readonly prompt: string; readonly yes: string; readonly no: string } | null;
  /** How relations are said, where it is not in English. */
  readonly vocabulary?: Vocabulary;
}

/** Of models that compare pictures with captions. */
export const CAPTIONS: Phrasing = {
  prompt: null,
  answer: "The {a} is {relation} the {b}.",
  describe: null,
  judge: null,
};

/** The places of a run's own templates. */
export const PROMPT_PLACES = ["a", "b"] as const;
export const ANSWER_PLACES = ["a", "b", "relation"] as const;

/** What stands in braces in a template, known or not. */
export const placesIn = (template: string): string[] =>
  [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name);

/** A template with its places filled; what is no known place stays as it is. */
export const fill = (template: string, places: Readonly<Record<string, string>>): string =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => places[name] ?? whole);

/** A pair as it is asked: the prompt, where there is one, the right text, and a wrong one for each flip. */
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
