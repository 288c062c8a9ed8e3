/** @file The small CLIP's words, and the captions without any relation that it is pre-trained on. */
import type { Random } from "../../../random/random.js";
import { vocabularyWords } from "../words.js";

/** Around the names in pre-training, so that every position of a caption is trained. */
const FILLERS = ["a", "photo", "with", "there", "room", "this", "picture", "we", "see", ","];

/** Relation words are given tokens here, and seen in fine-tuning first. */
export const wordsFor = (names: readonly string[]): string[] => vocabularyWords(FILLERS, names);

/** Two and a random number more: where the filler words are cut. */
function cuts(random: Random, count: number, most: number): number[] {
  const upTo = random.below(most + 1) + 1;
  return Array.from({ length: count }, () => random.below(upTo)).sort((a, b) => a - b);
}

/** "the" and the names, "and" between them, with filler words around and between: at most `most` words. */
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
