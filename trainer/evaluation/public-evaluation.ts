/**
 * @file How well a model does on a public test set: accuracies for each relation, with intervals, computed from its
 * scores alone.
 */
import { at } from "../at.js";
import { InputError } from "../errors.js";
import { fill, type Phrasing } from "../language/index.js";
import type { Progress } from "../progress.js";
import { wilson } from "../report/statistics.js";
import type { Interval } from "../run-format/summary.js";
import { readPicture } from "../vlm/files/picture-file.js";
import type { CaptionSet, VisionLanguageModel } from "../vlm/model.js";
import { findImages, type PublicItem, type PublicSet } from "./public-sets.js";

export interface ShareOfItems {
  readonly items: number;
  readonly accuracy: number;
  /** Wilson's 95 % interval. */
  readonly interval: Interval;
}

export interface PublicAccuracy extends ShareOfItems {
  readonly format: PublicSet["format"];
  /** The accuracy of guessing: the larger share of true or false captions, or 1 / number of captions. */
  readonly chance: number;
  /** VSR only, else null: how often a true caption scores above a false one, over all images. It needs no threshold. */
  readonly ranking: number | null;
  readonly relations: Readonly<Record<string, ShareOfItems>>;
}

export async function evaluatePublic(
  model: VisionLanguageModel,
  set: PublicSet,
  folder: string,
  progress: Progress,
): Promise<PublicAccuracy> {
  const files = findImages(set, folder);
  const scores: Float32Array[] = [];
  progress.begin("scoring", set.items.length, "images");
  for (const [i, item] of set.items.entries()) {
    const { asked, scoresOf } = publicQuestion(model.phrasing, set.format, item);
    const [[row = new Float32Array()] = []] = await model.score(await readPicture(at(files, i)), [[asked]]);
    if (!row.every(Number.isFinite)) throw new InputError(`the model's score of ${files[i]} is not a number`);
    scores.push(scoresOf(row));
    progress.advance(i + 1);
  }
  progress.end();
  return accuracyOf(set, scores);
}

/** The model's input for an item, and how to get the item's scores from the logits. */
interface PublicQuestion {
  readonly asked: CaptionSet;
  readonly scoresOf: (logits: Float32Array) => Float32Array;
}

/**
 * A model that answers judges a lone caption in words; several captions are compared as possible answers about the
 * image.
 */
function publicQuestion(
  { describe, judge }: Phrasing,
  format: PublicSet["format"],
  { captions }: PublicItem,
): PublicQuestion {
  const [right = "", ...wrong] = captions;
  if (format === "vsr" && judge !== null) {
    return {
      asked: { prompt: fill(judge.prompt, { caption: right }), right: judge.yes, wrong: [judge.no] },
      scoresOf: (logits) => Float32Array.of(at(logits, 0) - at(logits, 1)),
    };
  }
  return {
    asked: { ...(describe === null ? {} : { prompt: describe }), right, wrong },
    scoresOf: (logits) => logits,
  };
}

/** Accuracies from scores: scores[i][j] is the model's score of caption j of item i. */
export function accuracyOf(set: PublicSet, scores: readonly Float32Array[]): PublicAccuracy {
  const { format, items } = set;
  const right = format === "vsr" ? byThreshold(items, scores) : scores.map(firstIsBest);
  const relations = [...new Set(items.map(({ relation }) => relation))].sort();
  return {
    format,
    ...share(right),
    chance: chance(items),
    ranking: format === "vsr" ? ranking(items, scores) : null,
    relations: Object.fromEntries(
      relations.map((relation) => [relation, share(right.filter((_, i) => items[i]?.relation === relation))]),
    ),
  };
}

function share(right: readonly boolean[]): ShareOfItems {
  const count = right.filter(Boolean).length;
  return { items: right.length, accuracy: count / right.length, interval: wilson(count, right.length) };
}

/** A tie counts as a failure. */
const firstIsBest = (row: Float32Array): boolean => row.every((score, j) => j === 0 || score < at(row, 0));

/**
 * A lone caption's score says only how well it fits, so "true" needs a threshold. Each half of the images is judged by
 * the threshold that separates the other half best, so no item influences its own threshold.
 */
function byThreshold(items: readonly PublicItem[], scores: readonly Float32Array[]): boolean[] {
  const order = new Map<string, number>();
  for (const { image } of items) if (!order.has(image)) order.set(image, order.size % 2);
  const scored = items.map(({ image, label }, i) => ({
    half: order.get(image),
    label: label === true,
    score: at(at(scores, i), 0),
  }));
  const thresholds = [0, 1].map((half) => bestThreshold(scored.filter((item) => item.half !== half)));
  return scored.map(({ half, label, score }) => score > (thresholds[half ?? 0] ?? 0) === label);
}

/** The threshold with the most items on the right side; among equal ones, the middle of the widest gap. */
function bestThreshold(items: readonly { readonly label: boolean; readonly score: number }[]): number {
  const sorted = [...items].sort((a, b) => a.score - b.score);
  let right = sorted.filter(({ label }) => label).length;
  // With only one image, the other half is empty and there is no data for a threshold.
  let best = { right, gap: 0, threshold: (sorted[0]?.score ?? 0) - 1 };
  for (const [i, { label, score }] of sorted.entries()) {
    right += label ? -1 : 1;
    const next = sorted[i + 1]?.score ?? score + 2;
    const gap = next - score;
    if (gap > 0 && (right > best.right || (right === best.right && gap > best.gap))) {
      best = { right, gap, threshold: score + gap / 2 };
    }
  }
  return best.threshold;
}

/** The area under the ROC curve; ties count half. */
function ranking(items: readonly PublicItem[], scores: readonly Float32Array[]): number | null {
  const of = (wanted: boolean): number[] =>
    items.flatMap(({ label }, i) => (label === wanted ? [at(at(scores, i), 0)] : [])).sort((a, b) => a - b);
  const [yes, no] = [of(true), of(false)];
  if (yes.length === 0 || no.length === 0) return null;
  let below = 0;
  let equal = 0;
  let sum = 0;
  for (const score of yes) {
    while (below < no.length && at(no, below) < score) below += 1;
    equal = Math.max(equal, below);
    while (equal < no.length && no[equal] === score) equal += 1;
    sum += below + (equal - below) / 2;
  }
  return sum / (yes.length * no.length);
}

function chance(items: readonly PublicItem[]): number {
  const labels = items.filter(({ label }) => label !== null);
  if (labels.length > 0) {
    const yes = labels.filter(({ label }) => label).length / labels.length;
    return Math.max(yes, 1 - yes);
  }
  return items.reduce((sum, { captions }) => sum + 1 / captions.length, 0) / items.length;
}
