/** @file How text and words are compared: normalized, and as whole words in any script. */

/** Text in lower case, in Unicode's form NFC, with single spaces and typewriter apostrophes. */
export const normalized = (text: string): string =>
  text.normalize("NFC").toLowerCase().replaceAll("’", "'").replace(/\s+/g, " ").trim();

/** A character of a script that has no spaces between words. */
const UNSPACED = `[${["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"].map((script) => `\\p{scx=${script}}`).join("")}]`;
/** A character with which a word of any other script could go on. \b knows only ASCII letters. */
const GOES_ON = `(?!${UNSPACED})[\\p{L}\\p{M}\\p{N}]`;
const BEGINS_UNSPACED = new RegExp(`^${UNSPACED}`, "u");
const ENDS_UNSPACED = new RegExp(`${UNSPACED}$`, "u");

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/**
 * The source of a regular expression (flag u) that matches one of the words in normalized text, as a whole word or before
 * one of the `endings`, which are not part of the match.
 */
export function wholeWords(words: readonly string[], endings = ""): string {
  const alternatives = words.map(normalized).map((word) => {
    const before = BEGINS_UNSPACED.test(word) ? "" : `(?<!${GOES_ON})`;
    return `${before}${quoted(word)}${ENDS_UNSPACED.test(word) ? "" : `(?=${endings}(?!${GOES_ON}))`}`;
  });
  return `(?:${alternatives.join("|")})`;
}

/** The source of one that matches one of the words and the space after it, at the end of the text. */
export const wordAtEnd = (words: readonly string[]): string =>
  `(?:${words.map((word) => `${wholeWords([word])} ${ENDS_UNSPACED.test(normalized(word)) ? "?" : ""}`).join("|")})$`;
