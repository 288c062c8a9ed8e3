/** @file Means, also of empty lists. */

/** NaN for an empty list. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Null for an empty list. */
export const meanOrNull = (values: readonly number[]): number | null => (values.length === 0 ? null : mean(values));
