/**
 * @file The effects of what a sweep varied, over seeds: marginal means of each level, paired tests against the reference,
 * two-way interactions, shares of the variance. The unit of every test is a seed; cells of one seed share its rooms and draws.
 */

import { cross, group } from "d3-array";
import { at } from "../../at.js";
import { mean } from "../../mean.js";
import { Random } from "../../random/random.js";
import type { Interval, Power } from "../../run-format/summary.js";
import { powerOf } from "../power.js";
import { bootstrapInterval, holm, interquartileMean, meanInterval, middleHalf, pairedTests } from "../statistics.js";
import type { Factor } from "./design.js";

/** One measure of one finished cell. */
export interface Observation {
  /** In the order of the factors. */
  readonly levels: readonly string[];
  readonly seed: number;
  readonly value: number;
}

/** A mean over seeds; with one seed there is no interval. */
export interface SeedMean {
  readonly mean: number;
  /** 95 %, Student's t over seeds. */
  readonly interval: Interval | null;
  /** Interquartile mean over seeds, with its percentile bootstrap interval. */
  readonly iqm: number;
  readonly iqmInterval: Interval | null;
  readonly seeds: number;
}

/** A paired test of a difference over seeds. */
export interface Contrast {
  readonly difference: number;
  readonly interval: Interval | null;
  /** Paired t-test, two-sided; null with one seed. */
  readonly p: number | null;
  /** After Holm's correction for all contrasts of this kind and measure in the sweep. */
  readonly pHolm: number | null;
  /** Sign-flip permutation test, from 8 seeds on. */
  readonly pPermutation?: number;
  readonly power: Power | null;
  readonly seeds: number;
}

export interface LevelEffect {
  readonly level: string;
  /** Over the cells of complete blocks: same seed and other settings, every level finished. Null without such a block. */
  readonly marginal: SeedMean | null;
  /** Against the reference level, over the blocks that have both; null for the reference itself, and without such a block. */
  readonly contrast: Contrast | null;
}

export interface Interaction {
  readonly factors: readonly [string, string];
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** Mean over seeds and the other settings; null if no cell has finished. */
  readonly cells: readonly (readonly (SeedMean | null)[])[];
  /** How much the column's effect differs between a row and the reference row: (f, g) − (f, ref) − (ref, g) + (ref, ref). */
  readonly contrasts: readonly { readonly row: string; readonly column: string; readonly contrast: Contrast | null }[];
}

export interface Variance {
  /** Seeds whose cells have all finished. */
  readonly seeds: number;
  readonly sources: readonly { readonly source: string; readonly degrees: number; readonly share: number }[];
}

/** Of shares, of which all measures are made. */
const ROUNDING = 1e-12;

type SeedValue = Pick<Observation, "seed" | "value">;

/** Values of the same seed become their mean; in order of seeds. */
const bySeed = (values: readonly SeedValue[]): number[] =>
  [...group(values, ({ seed }) => seed)]
    .sort(([a], [b]) => a - b)
    .map(([, all]) => mean(all.map(({ value }) => value)));

function seedMean(values: readonly SeedValue[], path: string): SeedMean | null {
  const means = bySeed(values);
  if (means.length === 0) return null;
  const ifSeveral = (interval: () => Interval): Interval | null => (means.length > 1 ? interval() : null);
  return {
    mean: mean(means),
    interval: ifSeveral(() => meanInterval(means)),
    iqm: interquartileMean(means),
    iqmInterval: ifSeveral(() =>
      bootstrapInterval(means, Random.stream(0, "sweep", path, "iqm"), undefined, middleHalf),
    ),
    seeds: means.length,
  };
}

interface Block {
  readonly seed: number;
  /** By the levels of the factors that the block leaves open. */
  readonly values: ReadonlyMap<string, number>;
}

const keyOf = (levels: readonly string[]): string => JSON.stringify(levels);

/** Of the blocks that have a cell at these levels. */
const seedValuesOf = (all: readonly Block[], levels: readonly string[]): SeedValue[] =>
  all.flatMap(({ seed, values }) => {
    const value = values.get(keyOf(levels));
    return value === undefined ? [] : [{ seed, value }];
  });

/** Cells that agree in seed and in all factors but the `open` ones. */
function blocks(observations: readonly Observation[], open: readonly number[]): Block[] {
  const found = new Map<string, { seed: number; values: Map<string, number> }>();
  for (const { levels, seed, value } of observations) {
    const rest = keyOf([String(seed), ...levels.filter((_, i) => !open.includes(i))]);
    const block = found.get(rest) ?? { seed, values: new Map<string, number>() };
    block.values.set(keyOf(open.map((i) => at(levels, i))), value);
    found.set(rest, block);
  }
  return [...found.values()];
}

/**
 * The contrast of cells of a block, by seed, over the blocks that have all of them. `corners` are the levels of the open factors; the
 * first counts, and those that differ from it in one factor are taken away.
 */
function contrastOver(all: readonly Block[], corners: readonly (readonly string[])[], path: string): Contrast | null {
  const signs = corners.length === 2 ? [1, -1] : [1, -1, -1, 1];
  const differences = all.flatMap(({ seed, values }) => {
    const found = corners.flatMap((corner) => values.get(keyOf(corner)) ?? []);
    if (found.length < corners.length) return [];
    return [{ seed, value: found.reduce((sum, value, i) => sum + at(signs, i) * value, 0) }];
  });
  // Sums of equal numbers in another order differ by a rounding error, which would pass for a spread.
  const means = bySeed(differences).map((value) => (Math.abs(value) < ROUNDING ? 0 : value));
  if (means.length === 0) return null;
  const { p, ...permuted } = pairedTests(means, Random.stream(0, "sweep", path, "permutation"));
  return {
    difference: mean(means),
    interval: means.length > 1 ? meanInterval(means) : null,
    p,
    pHolm: null,
    ...permuted,
    power: powerOf(means),
    seeds: means.length,
  };
}

/** With Holm's correction over all of them. */
function corrected<Tested extends { readonly contrast: Contrast | null }>(
  groups: readonly (readonly Tested[])[],
): Tested[][] {
  const family = holm(groups.flat().map(({ contrast }) => contrast?.p ?? null));
  let place = 0;
  return groups.map((group) =>
    group.map((each) => {
      const pHolm = at(family, place++);
      return { ...each, contrast: each.contrast && { ...each.contrast, pHolm } };
    }),
  );
}

/** For each factor its levels in order. Holm's family is all contrasts of all factors. */
export function mainEffects(
  factors: readonly Factor[],
  observations: readonly Observation[],
  measure: string,
): LevelEffect[][] {
  const effects = factors.map(({ key, levels, reference }, index) => {
    const all = blocks(observations, [index]);
    const complete = all.filter(({ values }) => levels.every((level) => values.has(keyOf([level]))));
    return levels.map((level): LevelEffect => {
      const path = `${measure}/${key}/${level}`;
      return {
        level,
        marginal: seedMean(seedValuesOf(complete, [level]), path),
        contrast: level === reference ? null : contrastOver(all, [[level], [reference]], path),
      };
    });
  });
  return corrected(effects);
}

/** Each pair of factors. Holm's family is all contrasts of all pairs. */
export function interactions(
  factors: readonly Factor[],
  observations: readonly Observation[],
  measure: string,
): Interaction[] {
  const pairs = factors.flatMap((a, i) => factors.slice(i + 1).map((b, j) => ({ a, b, open: [i, i + 1 + j] })));
  const found = pairs.map(({ a, b, open }): Interaction => {
    const all = blocks(observations, open);
    const path = (row: string, column: string) => `${measure}/${a.key}/${row}/${b.key}/${column}`;
    const others = ({ levels, reference }: Factor) => levels.filter((level) => level !== reference);
    const contrasts = cross(others(a), others(b), (row, column) => {
      const corners = [
        [row, column],
        [row, b.reference],
        [a.reference, column],
        [a.reference, b.reference],
      ];
      return { row, column, contrast: contrastOver(all, corners, path(row, column)) };
    });
    const cells = a.levels.map((row) =>
      b.levels.map((column) => seedMean(seedValuesOf(all, [row, column]), path(row, column))),
    );
    return { factors: [a.key, b.key], rows: a.levels, columns: b.levels, cells, contrasts };
  });
  const tested = corrected(found.map(({ contrasts }) => contrasts));
  return found.map((interaction, i) => ({ ...interaction, contrasts: at(tested, i) }));
}

/**
 * Shares of the total sum of squares (η²) of each factor, each pair of factors, the seeds, and the rest, over the seeds whose
 * whole grid has finished: only there are the parts orthogonal. Null without such a seed, or without any variance.
 */
export function varianceShares(factors: readonly Factor[], observations: readonly Observation[]): Variance | null {
  const size = factors.reduce((product, { levels }) => product * levels.length, 1);
  const bySeeds = group(observations, ({ seed }) => seed);
  const whole = observations.filter(({ seed }) => bySeeds.get(seed)?.length === size);
  if (whole.length === 0 || size < 2) return null;
  const seeds = new Set(whole.map(({ seed }) => seed)).size;
  const grand = mean(whole.map(({ value }) => value));
  const squares = (of: (observation: Observation) => string): number =>
    [...group(whole, of).values()].reduce(
      (sum, cells) => sum + cells.length * (mean(cells.map(({ value }) => value)) - grand) ** 2,
      0,
    );
  const total = whole.reduce((sum, { value }) => sum + (value - grand) ** 2, 0);
  if (total <= whole.length * (1e-12 * Math.max(1, Math.abs(grand))) ** 2) return null;
  const mains = factors.map((factor, i) => ({
    source: factor.name,
    degrees: factor.levels.length - 1,
    squares: squares(({ levels }) => at(levels, i)),
  }));
  const pairs = mains.flatMap((a, i) =>
    mains.slice(i + 1).map((b, offset) => {
      const j = i + 1 + offset;
      const both = squares(({ levels }) => keyOf([at(levels, i), at(levels, j)]));
      return {
        source: `${a.source} × ${b.source}`,
        degrees: a.degrees * b.degrees,
        squares: both - a.squares - b.squares,
      };
    }),
  );
  const blocked =
    seeds > 1 ? [{ source: "seed", degrees: seeds - 1, squares: squares(({ seed }) => String(seed)) }] : [];
  const known = [...mains, ...pairs, ...blocked];
  const rest = {
    source: "the rest",
    degrees: whole.length - 1 - known.reduce((sum, { degrees }) => sum + degrees, 0),
    squares: total - known.reduce((sum, part) => sum + part.squares, 0),
  };
  const sources = (rest.degrees > 0 ? [...known, rest] : known).map(({ source, degrees, squares: part }) => ({
    source,
    degrees,
    share: Math.max(0, part / total),
  }));
  return { seeds, sources };
}
