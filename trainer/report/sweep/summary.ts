/** @file Computes sweep-summary.json, the results of a sweep, from its plan and its finished cells. */

import { at } from "../../at.js";
import { meanOrNull } from "../../mean.js";
import type { Description } from "../../run-format/summary.js";
import { designOf, type Factor, settingName } from "./design.js";
import {
  type Interaction,
  interactions,
  type LevelEffect,
  mainEffects,
  type Observation,
  type Variance,
  varianceShares,
} from "./effects.js";
import { type Common, MAIN_MEASURE, MEASURE_COLUMNS, type MeasureColumn } from "./measures.js";
import type { FinishedCell, SweepContents } from "./read.js";
import { spearman } from "./trend.js";

export interface Cell {
  readonly name: string;
  /** In the order of the factors. */
  readonly levels: readonly string[];
  readonly seed: number;
}

/** One combination of levels: all its seeds. */
export interface Combination {
  readonly levels: readonly string[];
  readonly seeds: number;
  readonly planned: number;
  /** Means over the finished seeds; null if none has finished or the measure was not taken. */
  readonly means: Readonly<Record<MeasureColumn, number | null>>;
}

/** Correlation of a measure with a varied number, over all finished cells: Spearman's rank correlation. */
export interface Trend {
  readonly setting: string;
  readonly values: number;
  readonly correlation: number;
}

export interface SweepSummary {
  readonly schema: 1;
  readonly command: string;
  readonly commit: string;
  readonly machine: Description;
  readonly design: "grid" | "combinations";
  /** The varied settings, by their names for readers; in a grid these are the factors. */
  readonly varied: readonly string[];
  readonly factors: readonly Factor[];
  readonly seeds: readonly number[];
  readonly common: Common;
  readonly mainMeasure: typeof MAIN_MEASURE;
  readonly test: "paired t, two-sided, over seeds, Holm";
  readonly finished: readonly (Cell & FinishedCell)[];
  readonly missing: readonly Cell[];
  readonly combinations: readonly Combination[];
  readonly effects: Readonly<Record<MeasureColumn, readonly (readonly LevelEffect[])[]>>;
  /** Of the main measure. */
  readonly interactions: readonly Interaction[];
  readonly variance: Readonly<Record<MeasureColumn, Variance | null>>;
  /** Of the main measure, if the cells are no grid. */
  readonly trends: readonly Trend[];
}

const forEach = <T>(of: (column: MeasureColumn) => T): Record<MeasureColumn, T> =>
  Object.fromEntries(MEASURE_COLUMNS.map((column) => [column, of(column)])) as Record<MeasureColumn, T>;

/** Pure: equal contents give an equal summary, intervals included. */
export function summarizeSweep({ plan, common, finished }: SweepContents): SweepSummary {
  const design = designOf(plan.cells, plan.varied, plan.defaults);
  const rows = new Map(finished.map((row) => [row.cell, row]));
  const cells = plan.cells.map((cell) => ({ name: cell.name, levels: design.levelsOf(cell), seed: cell.seed }));
  const done = cells.flatMap((cell) => {
    const row = rows.get(cell.name);
    return row === undefined ? [] : [{ ...cell, ...row }];
  });
  const observations = forEach((column): Observation[] =>
    done.flatMap(({ levels, seed, measures }) => {
      const value = measures[column];
      return value === null ? [] : [{ levels, seed, value }];
    }),
  );
  const distinct = new Map(cells.map((cell) => [JSON.stringify(cell.levels), cell.levels]));
  const isOf = (levels: readonly string[]) => (cell: Cell) => cell.levels.every((level, i) => level === levels[i]);
  return {
    schema: 1,
    command: plan.command,
    commit: plan.commit,
    machine: plan.machine,
    design: design.kind,
    varied: plan.varied.map(settingName),
    factors: design.factors,
    seeds: [...new Set(cells.map(({ seed }) => seed))].sort((a, b) => a - b),
    common,
    mainMeasure: MAIN_MEASURE,
    test: "paired t, two-sided, over seeds, Holm",
    finished: done,
    missing: cells.filter(({ name }) => !rows.has(name)),
    combinations: inOrder(design.factors, [...distinct.values()]).map((levels) => {
      const finishedCells = done.filter(isOf(levels));
      return {
        levels,
        seeds: finishedCells.length,
        planned: cells.filter(isOf(levels)).length,
        means: forEach((column) => meanOrNull(finishedCells.flatMap(({ measures }) => measures[column] ?? []))),
      };
    }),
    effects: forEach((column) => mainEffects(design.factors, observations[column], column)),
    interactions: interactions(design.factors, observations[MAIN_MEASURE], MAIN_MEASURE),
    variance: forEach((column) => varianceShares(design.factors, observations[column])),
    trends: design.kind === "grid" ? [] : trends({ plan, finished }),
  };
}

/** By the factors' order of levels, the first factor slowest. */
function inOrder(factors: readonly Factor[], combinations: readonly (readonly string[])[]): (readonly string[])[] {
  const places = (levels: readonly string[]) => levels.map((level, i) => at(factors, i).levels.indexOf(level));
  return [...combinations].sort((left, right) => {
    const [a, b] = [places(left), places(right)];
    const first = a.findIndex((place, i) => place !== b[i]);
    return first === -1 ? 0 : at(a, first) - at(b, first);
  });
}

function trends({ plan, finished }: Pick<SweepContents, "plan" | "finished">): Trend[] {
  const configurations = new Map(plan.cells.map(({ name, configuration }) => [name, configuration]));
  return plan.varied.flatMap((setting) => {
    const pairs = finished.flatMap(({ cell, measures }) => {
      const [x, y] = [configurations.get(cell)?.[setting], measures[MAIN_MEASURE]];
      return typeof x === "number" && y !== null ? [{ x, y }] : [];
    });
    const values = new Set(pairs.map(({ x }) => x)).size;
    const correlation = spearman(pairs);
    return pairs.length < finished.length || values < 3 || correlation === null
      ? []
      : [{ setting: settingName(setting), values, correlation }];
  });
}
