/**
 * @file Compares two arms on several measures at once; shared by the analyses of terms, of the natural mix and of
 * transfer.
 */

import { at } from "../../../trainer/at.js";
import { mean } from "../../../trainer/mean.js";
import { percent, points, probability } from "../../../trainer/report/format.js";
import { holm } from "../../../trainer/report/statistics.js";
import { type Difference, difference, type Measured, paired } from "../measures.js";
import type { Table } from "../outcome.js";

export interface Quantity {
  readonly name: string;
  readonly value: (run: Measured) => number;
}

export interface Row {
  readonly name: string;
  readonly a: number;
  readonly b: number;
  readonly difference: Difference;
  readonly pHolm: number | null;
}

const seedOf = ({ seed }: { readonly seed: number }): string => String(seed);

/** Each quantity of both arms, with a paired test over seeds, corrected for the number of quantities. */
export function compareArms(a: readonly Measured[], b: readonly Measured[], quantities: readonly Quantity[]): Row[] {
  const pairs = paired(a, b, seedOf);
  const found = quantities.map(({ value }) => difference(pairs.map(([x, y]) => [value(x), value(y)] as const)));
  const corrected = holm(found.map(({ p }) => p));
  return quantities.map(({ name, value }, i) => ({
    name,
    a: mean(a.map(value)),
    b: mean(b.map(value)),
    difference: at(found, i),
    pHolm: at(corrected, i),
  }));
}

export const armsTable = (title: string, first: string, nameA: string, nameB: string, rows: readonly Row[]): Table => ({
  title,
  head: [first, nameA, nameB, "difference", "p (Holm)", "seeds"],
  rows: rows.map((row) => [
    row.name,
    percent(row.a),
    percent(row.b),
    points(row.difference.mean),
    probability(row.pHolm),
    `${row.difference.wins} of ${row.difference.pairs}`,
  ]),
});

/** Runs of one level of a factor. */
export const ofLevel = <Run extends Measured>(runs: readonly Run[], factor: string, level: string): Run[] =>
  runs.filter(({ cell }) => cell.levels[factor] === level);
