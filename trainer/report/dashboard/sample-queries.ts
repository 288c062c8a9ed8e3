/** @file Which of a run's samples pass a filter, and in which order. Pure. */

import { z } from "zod";
import { at } from "../../at.js";
import { type SampleCaption, type SampleLine, TERM_NAMES, type TermColumn } from "../../run-format/columns.js";
import type { NumberedSample } from "./sample-store.js";

/** The most that are answered at once. */
const MOST = 96;

const whole = z.coerce.number().int().nonnegative().optional();
const number = z.coerce.number().optional();

/** A filter as it stands in an address. */
export const filterSchema = z.object({
  scene: whole,
  /** A term of the right caption; with `answered`, of the caption with that answer. */
  term: z.enum(TERM_NAMES).optional(),
  answered: z.enum(["wrong", "right"]).optional(),
  /** The moved object, by its place in the catalog. */
  object: whole,
  surface: z.enum(["floor", "furniture"]).optional(),
  from: whole,
  to: whole,
  scoreFrom: number,
  scoreTo: number,
  marginFrom: number,
  marginTo: number,
  pictures: z.literal("1").optional(),
  order: z.enum(["hardest", "score", "margin", "newest"]).default("hardest"),
  offset: whole.default(0),
  limit: z.coerce.number().int().nonnegative().max(MOST).default(24),
});
type Query = z.infer<typeof filterSchema>;
export type SampleFilter = Partial<Omit<Query, "order" | "offset" | "limit">>;

const PHRASES: Readonly<Record<TermColumn, RegExp>> = {
  right: /\bright of\b/,
  left: /\bleft of\b/,
  behind: /\bbehind\b/,
  inFront: /\bin front of\b/,
  above: /\babove\b/,
  below: /\bbelow\b/,
};

/** A value that was not measured is in no range that has an end. */
const within = (value: number | null, from: number | undefined, to: number | undefined): boolean =>
  (from === undefined || (value !== null && value >= from)) && (to === undefined || (value !== null && value <= to));

/** Whether one caption of the sample has all that is asked of a caption; a sample that was asked nothing passes where nothing is. */
function hasCaption(captions: readonly SampleCaption[], filter: SampleFilter): boolean {
  const { term, answered, marginFrom, marginTo } = filter;
  if ([term, answered, marginFrom, marginTo].every((wanted) => wanted === undefined)) return true;
  return captions.some(
    ({ right, answer, margin }) =>
      (term === undefined || PHRASES[term].test(right)) &&
      (answered === undefined || (answer !== undefined) === (answered === "wrong")) &&
      within(margin, marginFrom, marginTo),
  );
}

function passes({ iteration, sample }: NumberedSample, filter: SampleFilter): boolean {
  const moved = at(sample.objects, sample.slot);
  const [object, y] = [at(moved, 0), at(moved, 2)];
  return (
    within(iteration, filter.from, filter.to) &&
    within(sample.score, filter.scoreFrom, filter.scoreTo) &&
    (filter.scene === undefined || sample.scene === filter.scene) &&
    (filter.object === undefined || object === filter.object) &&
    (filter.surface === undefined || y > 0 === (filter.surface === "furniture")) &&
    (filter.pictures === undefined || sample.image !== undefined) &&
    hasCaption(sample.captions, filter)
  );
}

export const matching = (samples: readonly NumberedSample[], filter: SampleFilter): NumberedSample[] =>
  samples.filter((sample) => passes(sample, filter));

/** Wider than any margin of a caption, for samples without one. */
const NO_MARGIN = 360;
const smallestMargin = ({ captions }: SampleLine): number =>
  Math.min(NO_MARGIN, ...captions.map(({ margin }) => margin));
/** S is at most 5: samples without it come last. */
const NO_SCORE = 6;

const ORDERS: Readonly<Record<Query["order"], (a: NumberedSample, b: NumberedSample) => number>> = {
  hardest: (a, b) => b.sample.hardness - a.sample.hardness,
  score: (a, b) => (a.sample.score ?? NO_SCORE) - (b.sample.score ?? NO_SCORE),
  margin: (a, b) => smallestMargin(a.sample) - smallestMargin(b.sample),
  newest: (a, b) => b.iteration - a.iteration,
};

/** Stable: equal ones stay in the order in which they were made. */
export const inOrder = (samples: readonly NumberedSample[], order: Query["order"]): NumberedSample[] =>
  [...samples].sort(ORDERS[order]);
