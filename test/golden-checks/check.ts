/**
 * @file The interface of a comparison with reference numbers: one file for each folder of golden data, exporting
 * `check`.
 */

export interface GoldenResult {
  /** Number of compared values, rows or cases; 0 is a failure. */
  readonly compared: number;
  /** One line for each that differs by more than its tolerance. */
  readonly failures: readonly string[];
}

/** Compares everything in `directory`; sizes, dtypes, seeds and layouts come from its files. */
export type GoldenCheck = (directory: string) => Promise<GoldenResult>;
