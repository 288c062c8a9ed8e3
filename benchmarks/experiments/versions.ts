/**
 * @file Which code a result comes from: the commits that raised the version of the questions, and the first sentence of
 * pages with older results.
 */
import { LANGUAGE_VERSION } from "../../trainer/language/index.js";

/** The commit that raised the version to 2. */
export const SINCE = "3eaa762";

interface Change {
  /** The version from this commit on. */
  readonly language: number;
  readonly since: string;
}

/** One for each increase of LANGUAGE_VERSION, in order. */
export const CHANGES: readonly Change[] = [{ language: 2, since: SINCE }];

/** "With the code before COMMIT" for a result with older questions; null for one with today's. */
export function codeBefore(language: number): string | null {
  if (language >= LANGUAGE_VERSION) return null;
  const change = CHANGES.find((one) => one.language > language);
  if (change === undefined) throw new Error(`versions.ts does not say which commit came after language ${language}`);
  return `With the code before ${change.since}`;
}

/** The same as the first sentence of a page. */
export function openingOf(language: number): string | null {
  const before = codeBefore(language);
  return before === null
    ? null
    : `${before}: since then other questions are asked of a picture (language version ${LANGUAGE_VERSION}; these results have ${language}).`;
}
