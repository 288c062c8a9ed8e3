/** @file A comparison with reference numbers: one file here for each folder of golden data, exporting `check`. */

export interface GoldenResult {
  /** How many values, rows or cases were compared; 0 is a failure. */
  readonly compared: number;
  /** One line for each that differs by more than its tolerance. */
  readonly failures: readonly string[];
}

/** Compares everything in `directory`; sizes, dtypes, seeds and layouts are read from its files. */
export type GoldenCheck = (directory: string) => Promise<GoldenResult>;
