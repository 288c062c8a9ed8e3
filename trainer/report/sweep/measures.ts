/** @file The measures of a sweep's cells, by the columns of sweep.csv. */
import { FINE_POINTS, POINTS, type Quantity, SHARE } from "../charts/quantities.js";
import { count } from "../format.js";

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
  readonly unit: Quantity;
  /** Of two values. */
  readonly difference: Quantity;
}

const OF_SHARES = { unit: SHARE, difference: POINTS };
const MEASURED = {
  accuracyOneTermAtValid: {
    short: "at equal valid samples",
    title: ({ valid }: Common) => `One-term accuracy at ${count(valid)} valid samples`,
    ...OF_SHARES,
  },
  accuracyOneTermAtGenerated: {
    short: "at equal generated samples",
    title: ({ generated }: Common) => `One-term accuracy at ${count(generated)} generated samples`,
    ...OF_SHARES,
  },
  accuracyOneTerm: {
    short: "at each run's end",
    title: () => "One-term accuracy at each run's own end (mean of its last three points)",
    ...OF_SHARES,
  },
  gainPerIteration: {
    short: "gain per iteration, points",
    title: () => "Gain in one-term accuracy per iteration, points",
    unit: FINE_POINTS,
    difference: FINE_POINTS,
  },
  validRate: { short: "valid rate", title: () => "Valid share of the generated samples", ...OF_SHARES },
};
export type MeasureColumn = keyof typeof MEASURED;
export const MEASURE_COLUMNS = Object.keys(MEASURED) as readonly MeasureColumn[];
export const MEASURES: readonly Measure[] = MEASURE_COLUMNS.map((column) => ({ column, ...MEASURED[column] }));

/** Fixed beforehand: the measure of the headline, the interactions and the curves. */
export const MAIN_MEASURE = "accuracyOneTermAtValid";
export const MAIN: Measure = { column: MAIN_MEASURE, ...MEASURED[MAIN_MEASURE] };
