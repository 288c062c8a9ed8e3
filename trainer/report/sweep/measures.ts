/** @file The measures of a sweep's cells, by the columns of sweep.csv. */

import type { Interval } from "../../run-format/summary.js";
import { count, percent, percentInterval, points } from "../format.js";

export const MEASURE_COLUMNS = [
  "accuracyOneTermAtValid",
  "accuracyOneTermAtGenerated",
  "accuracyOneTerm",
  "gainPerIteration",
  "validRate",
] as const;
export type MeasureColumn = (typeof MEASURE_COLUMNS)[number];

/** Fixed beforehand: the measure of the headline, the interactions and the curves. */
export const MAIN_MEASURE: MeasureColumn = "accuracyOneTermAtValid";

/** Samples that every finished cell has reached. */
export interface Common {
  readonly valid: number;
  readonly generated: number;
}

export interface Measure {
  readonly column: MeasureColumn;
  /** For a table's head. */
  readonly short: string;
  readonly title: (common: Common) => string;
  readonly value: (value: number) => string;
  readonly range: (interval: Interval) => string;
}

const gain = (value: number): string => points(value, 2);

export const MEASURES: readonly Measure[] = [
  {
    column: "accuracyOneTermAtValid",
    short: "at equal valid samples",
    title: ({ valid }) => `One-term accuracy at ${count(valid)} valid samples`,
    value: percent,
    range: percentInterval,
  },
  {
    column: "accuracyOneTermAtGenerated",
    short: "at equal generated samples",
    title: ({ generated }) => `One-term accuracy at ${count(generated)} generated samples`,
    value: percent,
    range: percentInterval,
  },
  {
    column: "accuracyOneTerm",
    short: "at each run's end",
    title: () => "One-term accuracy at each run's own end (mean of its last three points)",
    value: percent,
    range: percentInterval,
  },
  {
    column: "gainPerIteration",
    short: "gain per iteration, points",
    title: () => "Gain in one-term accuracy per iteration, points",
    value: gain,
    range: ([low, high]) => `${gain(low)} to ${gain(high)}`,
  },
  {
    column: "validRate",
    short: "valid rate",
    title: () => "Valid share of the generated samples",
    value: percent,
    range: percentInterval,
  },
];

export const measureOf = (column: MeasureColumn): Measure => {
  const found = MEASURES.find((measure) => measure.column === column);
  if (found === undefined) throw new RangeError(`no measure "${column}"`);
  return found;
};
