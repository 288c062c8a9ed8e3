/** @file A grid of factors: the main effect of each, tables of two factors at a time, and the best and worst cells. */

import { at } from "../../../trainer/at.js";
import { mean } from "../../../trainer/mean.js";
import { count, EMPTY, percent, points, probability } from "../../../trainer/report/format.js";
import { type LevelEffect, mainEffects } from "../../../trainer/report/sweep/effects.js";
import { commonBudget, gainPerIteration, grouped, levelOf, type Measured, valueAt } from "../measures.js";
import type { Outcome, Table } from "../outcome.js";
import type { Analysis, Context } from "./analysis.js";

interface Budget {
  readonly valid: number;
  readonly generated: number;
}

/** Means of a factor's levels, each tested against the first over seeds: cells of one seed share its rooms and draws. */
function levelsOf(runs: readonly Measured[], factor: string, tested: readonly LevelEffect[], budget: Budget) {
  const { valid, generated } = budget;
  const groups = grouped(runs, (cell) => levelOf(cell, factor));
  return tested.map(({ level, contrast }) => {
    const group = groups.get(level) ?? [];
    return {
      level,
      runs: group.length,
      perValid: mean(group.map((run) => valueAt(run, "valid", valid))),
      perGenerated: mean(group.map((run) => valueAt(run, "generated", generated))),
      validRate: mean(group.map(({ run }) => run.validRate)),
      gainPerIteration: mean(group.map(gainPerIteration)),
      against: contrast,
    };
  });
}

type Effect = ReturnType<typeof levelsOf>;

/** A dash where one seed allows no test. */
const untested = (p: number | null): string => (p === null ? EMPTY : probability(p));

const effectTable = (factor: string, effect: Effect, { valid, generated }: Budget): Table => ({
  title: `${factor}: means over all other factors, one-term accuracy`,
  head: [
    factor,
    `${count(valid)} valid`,
    `to ${at(effect, 0).level}`,
    "p (Holm)",
    `${count(generated)} generated`,
    "valid",
    "gain/it.",
  ],
  rows: effect.map((level) => [
    level.level,
    percent(level.perValid),
    level.against === null ? "" : points(level.against.difference),
    level.against === null ? "" : untested(level.against.pHolm),
    percent(level.perGenerated),
    percent(level.validRate, 0),
    points(level.gainPerIteration),
  ]),
});

function twoWay(runs: readonly Measured[], rows: string, columns: string, valid: number): Table {
  const values = (factor: string): string[] => [...grouped(runs, (cell) => levelOf(cell, factor)).keys()];
  const across = values(columns);
  return {
    title: `${rows} and ${columns}, one-term accuracy after ${count(valid)} valid samples`,
    head: [rows, ...across.map((level) => `${columns} ${level}`)],
    rows: values(rows).map((row) => [
      row,
      ...across.map((column) => {
        const inCell = runs.filter(({ cell: { levels } }) => levels[rows] === row && levels[columns] === column);
        return inCell.length === 0 ? "" : percent(mean(inCell.map((run) => valueAt(run, "valid", valid))));
      }),
    ]),
  };
}

function extremes(
  runs: readonly Measured[],
  { valid, generated }: Budget,
): { table: Table; cells: readonly RankedCell[] } {
  const cells = [...grouped(runs, ({ name }) => name)]
    .map(([name, group]) => ({
      name,
      seeds: group.length,
      perValid: mean(group.map((run) => valueAt(run, "valid", valid))),
      perGenerated: mean(group.map((run) => valueAt(run, "generated", generated))),
      validRate: mean(group.map(({ run }) => run.validRate)),
    }))
    .sort((a, b) => b.perValid - a.perValid);
  const shown = cells.length <= 8 ? cells : [...cells.slice(0, 4), ...cells.slice(-4)];
  const table = {
    title: cells.length <= 8 ? "The cells, best first" : "The four best and the four worst cells",
    head: ["cell", `${count(valid)} valid`, `${count(generated)} generated`, "valid"],
    rows: shown.map((cell) => [
      cell.name,
      percent(cell.perValid),
      percent(cell.perGenerated),
      percent(cell.validRate, 0),
    ]),
  };
  return { table, cells };
}

interface RankedCell {
  readonly name: string;
  readonly perValid: number;
}

function outcome({ experiment, runs }: Context): Outcome {
  const factors = Object.keys(experiment.factors);
  const budget = { valid: commonBudget(runs, "valid"), generated: commonBudget(runs, "generated") };
  const inOrder = factors.map((factor) => {
    const levels = [...grouped(runs, (cell) => levelOf(cell, factor)).keys()];
    return { key: factor, name: factor, levels, reference: at(levels, 0) };
  });
  const values = runs.map((run) => ({
    levels: factors.map((factor) => levelOf(run.cell, factor)),
    seed: run.cell.seed,
    value: valueAt(run, "valid", budget.valid),
  }));
  const tested = mainEffects(inOrder, values, "accuracy");
  const found = factors.map((factor, i) => ({ factor, levels: levelsOf(runs, factor, at(tested, i), budget) }));
  const seeds = new Set(runs.map(({ cell }) => cell.seed)).size;
  const ranked = extremes(runs, budget);
  const pairs = factors.flatMap((row, i) => factors.slice(i + 1).map((column) => [row, column] as const));
  const sentences = found.map(({ factor, levels }) => {
    const values = levels.map(({ perValid }) => perValid);
    const best = levels.reduce((high, level) => (level.perValid > high.perValid ? level : high));
    const spread = Math.max(...values) - Math.min(...values);
    return `${factor}: its levels lie ${(100 * spread).toFixed(1)} points apart, ${best.level} is highest`;
  });
  const best = at(ranked.cells, 0);
  return {
    headline: `${sentences.join("; ")}; best cell ${best.name} with ${percent(best.perValid)} after ${count(budget.valid)} valid samples`,
    sentences: [
      ...sentences,
      seeds === 1
        ? "one seed: no difference between levels can be tested, since cells of one seed share its rooms and draws"
        : `each level is tested against the first over ${seeds} seeds, the other factors averaged within each, with Holm's correction for all levels of all factors`,
    ],
    tables: [
      ...found.map(({ factor, levels }) => effectTable(factor, levels, budget)),
      ...pairs.map(([row, column]) => twoWay(runs, row, column, budget.valid)),
      ranked.table,
    ],
    data: { budget, effects: found, cells: ranked.cells },
  };
}

/** It needs only the curves. */
export const effects: Analysis = { measures: null, outcome };
