/** @file The two parts of an analysis: what it measures for each run, and its result over all runs. */

import type { z } from "zod";
import type { Progress } from "../../../trainer/progress.js";
import type { Cell } from "../cells.js";
import type { Experiment } from "../definition.js";
import type { Measured } from "../measures.js";
import type { Outcome } from "../outcome.js";

/** Where a run's measures are taken. */
export interface Place {
  /** All cells of the experiment; the runs of some may be on another machine. */
  readonly cells: readonly Cell[];
  /** The folder of all experiments; analyses store their files under it. */
  readonly folder: string;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/** An analysis is called when all runs are done. */
export interface Context {
  readonly experiment: Experiment;
  readonly runs: readonly Measured[];
}

export interface Analysis {
  /**
   * What it needs from a run's folder besides the curve. It is stored in the cell file, so that no other machine needs
   * the folder.
   */
  readonly measures: Measures | null;
  readonly outcome: (context: Context) => Outcome | Promise<Outcome>;
}

export interface Measures {
  readonly schema: z.ZodType;
  readonly take: (cell: Cell, place: Place) => Promise<unknown>;
}
