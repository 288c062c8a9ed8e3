/** @file A grid of factors: the main effect of each, tables of two factors at a time, and the best and worst cells. */

import { at } from "../../../trainer/at.js";
import { mean } from "../../../trainer/mean.js";
import { count, percent, points, probability } from "../../../trainer/report/format.js";
import { holm } from "../../../trainer/report/statistics.js";
import {
  commonBudget,
  difference,
  gainPerIteration,
  grouped,
  levelOf,
  type Measured,
  type MeasuredCell,
  paired,
  valueAt,
} from "../measures.js";
import type { Outcome, Table } from "../outcome.js";
import type { Analysis, Context } from "./analysis.js";

/** Everything about a cell except one of its factors: runs are paired by it. */
const rest =
  (factor: string) =>
  (cell: MeasuredCell): string =>
    JSON.stringify([cell.seed, ...Object.entries(cell.levels).filter(([name]) => name !== factor)]);

interface Budget {
  readonly valid: number;
  readonly generated: number;
}

function mainEffect(runs: readonly Measured[], factor: string, { valid, generated }: Budget) {
  const groups = [...grouped(runs, (cell) => levelOf(cell, factor))];
  const [, base] = at(groups, 0);
  const perLevel = groups.map(([level, group]) => {
    const pairs = group === base ? [] : paired(group, base, rest(factor));
    return {
      level,
      runs: group.length,
      perValid: mean(group.map((run) => valueAt(run, "valid", valid))),
      perGenerated: mean(group.map((run) => valueAt(run, "generated", generated))),
      validRate: mean(group.map(({ run }) => run.validRate)),
      gainPerIteration: mean(group.map(gainPerIteration)),
      against:
        pairs.length === 0
          ? null
          : difference(pairs.map(([a, b]) => [valueAt(a, "valid", valid), valueAt(b, "valid", valid)] as const)),
    };
  });
  const corrected = holm(perLevel.map(({ against }) => against?.p ?? null));
  return perLevel.map((level, i) => ({ ...level, pHolm: at(corrected, i) }));
}

type Effect = ReturnType<typeof mainEffect>;

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
    level.against === null ? "" : points(level.against.mean),
    level.against === null ? "" : probability(level.pHolm),
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
  const found = factors.map((factor) => ({ factor, levels: mainEffect(runs, factor, budget) }));
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
    sentences,
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
