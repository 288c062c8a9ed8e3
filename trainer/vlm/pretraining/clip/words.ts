/** @file The small CLIP's words, and its pre-training captions, which contain no relation. */
import type { Random } from "../../../random/random.js";
import { vocabularyWords } from "../words.js";

/** Placed around the names in pre-training, so that every position of a caption is trained. */
const FILLERS = ["a", "photo", "with", "there", "room", "this", "picture", "we", "see", ","];

/** Relation words get tokens here, but first appear in fine-tuning. */
export const wordsFor = (names: readonly string[]): string[] => vocabularyWords(FILLERS, names);

/** Two and a random number of further places to cut the filler words at. */
function cuts(random: Random, count: number, most: number): number[] {
  const upTo = random.below(most + 1) + 1;
  return Array.from({ length: count }, () => random.below(upTo)).sort((a, b) => a - b);
}

/** "the" and the names joined by "and", with filler words around and between; at most `most` words. */
export function filledCaption(random: Random, names: readonly string[], most: number): string {
  const cores = names.map((name) => `the ${name}`.split(" "));
  const taken = cores.reduce((sum, core) => sum + core.length, names.length - 1);
  const places = cuts(random, names.length + 1, Math.max(0, most - taken));
  const fill = (count: number): string[] =>
    Array.from({ length: count }, () => FILLERS[random.below(FILLERS.length)] ?? "a");
  const words = fill(places[0] ?? 0);
  cores.forEach((core, i) => {
    if (i > 0) words.push("and");
    words.push(...core);
    const isLast = i === cores.length - 1;
    if (!isLast || random.float() < 0.5) words.push(...fill((places[i + 1] ?? 0) - (places[i] ?? 0)));
  });
  return words.slice(0, most).join(" ");
}
