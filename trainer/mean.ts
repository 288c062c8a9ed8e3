/** @file The mean, where there may be nothing to take it of. */

/** NaN of no values. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Null where there is nothing to take the mean of. */
export const meanOrNull = (values: readonly number[]): number | null => (values.length === 0 ? null : mean(values));
