/**
 * @file sweep.csv: a row for each finished cell, with the varied settings and the seed as its key. No clock times:
 * equal sweeps have equal files.
 */

import { existsSync } from "node:fs";
import path from "node:path";
import { stringify } from "csv-stringify/sync";
import { at } from "../at.js";
import { writeDurably } from "../files/durable-file.js";
import { mean } from "../mean.js";
import { along, interpolate } from "../report/summary.js";
import { type MetricsRow, readMetrics, seedRun } from "../run-format/readers.js";
import type { Accuracy, SeedRun } from "../run-format/summary.js";
import { finishedState } from "../runs/run.js";
import type { SettingName } from "../settings/settings.js";
import type { PlannedCell, SweepFile } from "./plan-file.js";

export const TABLE_FILE = "sweep.csv";

/** The outcome of a cell; report and README use these names. */
export const OUTCOME_COLUMNS = [
  "iterations",
  "generated",
  "valid",
  /** valid / generated. */
  "validRate",
  "accuracyOneTermBefore",
  /** Mean of the last three points. */
  "accuracyOneTerm",
  /** The last point. */
  "accuracyOneTermFinal",
  "accuracyFullBefore",
  "accuracyFull",
  "accuracyFullFinal",
  /** At the number of samples that every cell of the table has reached, interpolated linearly between two points. */
  "accuracyOneTermAtValid",
  "accuracyFullAtValid",
  "accuracyOneTermAtGenerated",
  "accuracyFullAtGenerated",
  /** (accuracyOneTerm − accuracyOneTermBefore) / iterations. */
  "gainPerIteration",
  /** On the natural mix, at the end. */
  "naturalOneTerm",
  "naturalFull",
  "feasibilitySteps",
  /** Mean of the iterations' scores S. */
  "meanScore",
] as const;
export type OutcomeColumn = (typeof OUTCOME_COLUMNS)[number];
export type Outcome = Readonly<Record<OutcomeColumn, number | null>>;

/** A finished cell: its settings and outcome. */
export interface SweepRow {
  readonly cell: string;
  readonly variant: string | null;
  readonly seed: number;
  /** The varied settings, by name. */
  readonly settings: Readonly<Partial<Record<SettingName, unknown>>>;
  readonly outcome: Outcome;
  /** The command that repeats the cell alone. */
  readonly command: string;
}

/** The finished cells of a sweep, compared at equal numbers of samples. */
export interface SweepTable {
  readonly varied: readonly SettingName[];
  readonly rows: readonly SweepRow[];
  /** Numbers of samples that every finished cell has reached: cells are compared there. */
  readonly common: { readonly valid: number; readonly generated: number };
}

const LAST = 3;

/** The table of the finished cells, in the order of the varied settings. */
export async function sweepTable({ varied, cells }: Pick<SweepFile, "varied" | "cells">): Promise<SweepTable> {
  const finished = cells.filter(({ folder }) => existsSync(folder) && finishedState(folder) !== null);
  const runs = await Promise.all(
    finished.map(async (cell) => {
      const metrics = await readMetrics(cell.folder);
      return { cell, metrics, run: seedRun(cell.configuration.seed, metrics) };
    }),
  );
  const least = (axis: "valid" | "generated"): number =>
    runs.length === 0 ? 0 : Math.min(...runs.map(({ run }) => at(run.curve, run.curve.length - 1)[axis]));
  const common = { valid: least("valid"), generated: least("generated") };
  const rows = runs.map(({ cell, metrics, run }): SweepRow => {
    const { name, variant, configuration, command } = cell;
    const settings = Object.fromEntries(varied.map((key) => [key, configuration[key]]));
    return {
      cell: name,
      variant,
      seed: configuration.seed,
      settings,
      outcome: outcomeOf(run, metrics, common),
      command,
    };
  });
  return { varied, rows: rows.sort(inOrder(varied, cells)), common };
}

function outcomeOf(run: SeedRun, metrics: readonly MetricsRow[], common: SweepTable["common"]): Outcome {
  const { curve, feasibilitySteps } = run;
  const [first, last] = [at(curve, 0), at(curve, curve.length - 1)];
  const accuracyAt = (axis: "valid" | "generated", name: keyof Accuracy): number =>
    interpolate(
      along(run, axis, (point) => point.accuracy[name]),
      common[axis],
    );
  const ending = (name: keyof Accuracy): number => mean(curve.slice(-LAST).map((point) => point.accuracy[name]));
  const iterations = metrics.at(-1)?.iteration ?? 0;
  const scores = metrics.flatMap(({ score }) => (score === null ? [] : [score]));
  const before = first.accuracy.oneTerm;
  const { generated, valid } = last;
  return {
    iterations,
    generated,
    valid,
    validRate: generated === 0 ? null : valid / generated,
    accuracyOneTermBefore: before,
    accuracyOneTerm: ending("oneTerm"),
    accuracyOneTermFinal: last.accuracy.oneTerm,
    accuracyFullBefore: first.accuracy.full,
    accuracyFull: ending("full"),
    accuracyFullFinal: last.accuracy.full,
    accuracyOneTermAtValid: accuracyAt("valid", "oneTerm"),
    accuracyFullAtValid: accuracyAt("valid", "full"),
    accuracyOneTermAtGenerated: accuracyAt("generated", "oneTerm"),
    accuracyFullAtGenerated: accuracyAt("generated", "full"),
    gainPerIteration: iterations === 0 ? null : (ending("oneTerm") - before) / iterations,
    naturalOneTerm: last.natural?.oneTerm ?? null,
    naturalFull: last.natural?.full ?? null,
    feasibilitySteps,
    meanScore: scores.length === 0 ? null : mean(scores),
  };
}

/** Variants in the plan's order, then varied values from low to high, then seeds. */
function inOrder(varied: readonly SettingName[], cells: readonly PlannedCell[]): (a: SweepRow, b: SweepRow) => number {
  const variants = [...new Set(cells.map(({ variant }) => variant))];
  return (a, b) => {
    const byVariant = variants.indexOf(a.variant) - variants.indexOf(b.variant);
    if (byVariant !== 0) return byVariant;
    for (const key of varied) {
      const order = compareValues(a.settings[key], b.settings[key]);
      if (order !== 0) return order;
    }
    return a.seed - b.seed;
  };
}

function compareValues(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [String(a), String(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}

/** The file's header for a sweep with these varied settings. */
export const tableColumns = (varied: readonly SettingName[], named: boolean): string[] => [
  ...(named ? ["variant"] : []),
  ...varied,
  "seed",
  ...OUTCOME_COLUMNS,
  "commonValid",
  "commonGenerated",
  "cell",
  "command",
];

export function renderTable({ varied, rows, common }: SweepTable): string {
  const named = rows.some(({ variant }) => variant !== null);
  const header = tableColumns(varied, named);
  const lines = rows.map(({ cell, variant, seed, settings, outcome, command }) => [
    ...(named ? [variant ?? ""] : []),
    ...varied.map((key) => text(settings[key])),
    seed,
    ...OUTCOME_COLUMNS.map((column) => outcome[column]),
    common.valid,
    common.generated,
    cell,
    command,
  ]);
  return stringify([header, ...lines]);
}

/** csv-stringify would write true as 1 and false as nothing. */
const text = (value: unknown): unknown => (typeof value === "boolean" ? String(value) : value);

export function writeTable(folder: string, table: SweepTable): void {
  writeDurably(path.join(folder, TABLE_FILE), renderTable(table));
}
