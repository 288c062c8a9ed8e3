/** @file Which of a run's samples pass a filter, and in which order. Pure. */

import { at } from "../../at.js";
import { type SampleCaption, type SampleLine, TERM_COLUMNS, type TermColumn } from "../../run-format/columns.js";
import type { NumberedSample } from "./sample-store.js";

export type Surface = "floor" | "furniture";
export type Order = "hardest" | "score" | "margin" | "newest";

export interface SampleFilter {
  readonly scene?: number | undefined;
  /** A term of the right caption; with `answered`, of the caption with that answer. */
  readonly term?: TermColumn | undefined;
  readonly answered?: "wrong" | "right" | undefined;
  /** The moved object, by its place in the catalog. */
  readonly object?: number | undefined;
  readonly surface?: Surface | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly scoreFrom?: number | undefined;
  readonly scoreTo?: number | undefined;
  readonly marginFrom?: number | undefined;
  readonly marginTo?: number | undefined;
  readonly pictures?: boolean | undefined;
}

const PHRASES: Readonly<Record<TermColumn, RegExp>> = {
  right: /\bright of\b/,
  left: /\bleft of\b/,
  behind: /\bbehind\b/,
  inFront: /\bin front of\b/,
  above: /\babove\b/,
  below: /\bbelow\b/,
};
export const isTerm = (text: string): text is TermColumn => Object.hasOwn(TERM_COLUMNS, text);

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
    (filter.pictures !== true || sample.image !== undefined) &&
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

const ORDERS: Readonly<Record<Order, (a: NumberedSample, b: NumberedSample) => number>> = {
  hardest: (a, b) => b.sample.hardness - a.sample.hardness,
  score: (a, b) => (a.sample.score ?? NO_SCORE) - (b.sample.score ?? NO_SCORE),
  margin: (a, b) => smallestMargin(a.sample) - smallestMargin(b.sample),
  newest: (a, b) => b.iteration - a.iteration,
};
export const isOrder = (text: string): text is Order => Object.hasOwn(ORDERS, text);

/** Stable: equal ones stay in the order in which they were made. */
export const inOrder = (samples: readonly NumberedSample[], order: Order): NumberedSample[] =>
  [...samples].sort(ORDERS[order]);
