/** @file What is asked of a run's samples: those that pass a filter, and where they lie in the rooms. Pure. */
import { type SampleCaption, type SampleLine, TERM_COLUMNS, type TermColumn } from "../columns.js";
import type { World } from "../html/contents.js";
import type { SampleEntry, ScenePlacements } from "./documents.js";
import type { NumberedSample } from "./sample-store.js";

/** Cells along a side of a map. */
export const SIDE = 20;

export type Surface = "floor" | "furniture";
export type Order = "hardest" | "score" | "margin" | "newest";

export interface SampleFilter {
  readonly scene?: number | undefined;
  /** A term of the right caption; with `answered`, of the caption that is answered so. */
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
  right: / right of /,
  left: / left of /,
  behind: / behind\b/,
  inFront: / in front of\b/,
  above: / above\b/,
  below: / below\b/,
};
export const isTerm = (text: string): text is TermColumn => text in TERM_COLUMNS;

const within = (value: number, from: number | undefined, to: number | undefined): boolean =>
  (from === undefined || value >= from) && (to === undefined || value <= to);

/** Whether one caption of the sample has all that is asked of a caption. */
const hasCaption = (captions: readonly SampleCaption[], filter: SampleFilter): boolean =>
  captions.some(
    ({ right, answer, margin }) =>
      (filter.term === undefined || PHRASES[filter.term].test(right)) &&
      (filter.answered === undefined || (answer !== undefined) === (filter.answered === "wrong")) &&
      within(margin, filter.marginFrom, filter.marginTo),
  );

function passes({ iteration, sample }: NumberedSample, filter: SampleFilter): boolean {
  const [object, , y = 0] = sample.objects[sample.slot] ?? [];
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

const smallestMargin = ({ captions }: SampleLine): number => Math.min(...captions.map(({ margin }) => margin));

const ORDERS: Readonly<Record<Order, (a: NumberedSample, b: NumberedSample) => number>> = {
  hardest: (a, b) => b.sample.hardness - a.sample.hardness,
  score: (a, b) => a.sample.score - b.sample.score,
  margin: (a, b) => smallestMargin(a.sample) - smallestMargin(b.sample),
  newest: (a, b) => b.iteration - a.iteration,
};
export const isOrder = (text: string): text is Order => text in ORDERS;

/** Stable: equal ones stay in the order in which they were made. */
export const inOrder = (samples: readonly NumberedSample[], order: Order): NumberedSample[] =>
  [...samples].sort(ORDERS[order]);

export function sampleEntry({ iteration, sample }: NumberedSample, world: World): SampleEntry {
  const { episode, step, scene, slot, captions, score, hardness, kept, image = null } = sample;
  const objects = sample.objects.map(([index = -1, x = 0, y = 0, z = 0]) => {
    const { name = `object ${index}`, size = [300, 300, 300] } = world.objects[index] ?? {};
    return { name, at: [x, y, z], size };
  });
  return { iteration, episode, step, scene, objects, slot, captions, score, hardness, kept, image };
}

/** Captions are asked pair by pair in the order of the slots; those of the moved object are the agent's doing. */
function captionsOfMoved({ captions, objects, slot }: SampleLine): readonly SampleCaption[] {
  const pairs = objects.flatMap((_, a) => objects.slice(a + 1).map((__, i) => [a, a + 1 + i] as const));
  return captions.length === pairs.length ? captions.filter((_, i) => pairs[i]?.includes(slot)) : captions;
}

export function placements(samples: readonly NumberedSample[], { scenes }: World): ScenePlacements[] {
  return scenes.map(({ size: [width = 1, , depth = 1] }, scene) => {
    const cells = new Map<number, [number, number, number]>();
    let [placed, raised, asked, wrong] = [0, 0, 0, 0];
    for (const { sample } of samples) {
      if (sample.scene !== scene) continue;
      const [, x, y = 0, z] = sample.objects[sample.slot] ?? [];
      if (x === undefined || z === undefined) continue;
      const captions = captionsOfMoved(sample);
      const failed = captions.filter(({ answer }) => answer !== undefined).length;
      placed += 1;
      if (y > 0) raised += 1;
      asked += captions.length;
      wrong += failed;
      const column = Math.floor((SIDE * (x + width / 2)) / width);
      const row = Math.floor((SIDE * (z + depth / 2)) / depth);
      if (column < 0 || row < 0 || column >= SIDE || row >= SIDE) continue;
      const cell = cells.get(row * SIDE + column) ?? [0, 0, 0];
      cells.set(row * SIDE + column, [cell[0] + 1, cell[1] + captions.length, cell[2] + failed]);
    }
    const listed = [...cells].sort(([a], [b]) => a - b).map(([cell, counts]) => [cell, ...counts] as const);
    return { scene, placed, raised, asked, wrong, cells: listed };
  });
}
