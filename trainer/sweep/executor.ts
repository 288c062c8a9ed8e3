/** @file Where a sweep's cells run: the interface that this machine's pool and a cluster's scheduler both fill. */
import type { Progress } from "../progress.js";
import type { RunPlan } from "../runs/run.js";

/** What an executor may need to know of the sweep beside its cells. */
export interface ExecutionContext {
  /** The sweep's folder. An executor's own files (scripts, logs) go into a folder of its name in it. */
  readonly folder: string;
  /** Names every cell by its index: `node dist/trainer/sweep/cell.js PLANFILE INDEX` runs or resumes one. */
  readonly planFile: string;
  /** Cells at a time at most. */
  readonly jobs: number;
  readonly progress: Progress;
  /** Aborted by Ctrl-C: `run` then stops its cells, whose checkpoints stay, and rejects with the signal's reason. */
  readonly signal: AbortSignal | undefined;
  /** The executor's own settings, as flags or the sweep's file gave them (`--slurm-partition` → `partition`). */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A cell, and its place in the plan file. */
export interface Cell extends RunPlan {
  readonly index: number;
}

export interface Executor {
  readonly name: string;
  /** Cells run on this machine: its devices are the ones they get, and its cores and memory bound how many at a time. */
  readonly here: boolean;
  /** Says what is wrong with its settings, or that it can't be used here, before anything is prepared. */
  check?(settings: Readonly<Record<string, unknown>>): Promise<void>;
  /**
   * Runs the cells that are not finished (`finishedState` of their folder is null), new or resumed as their folders say,
   * through the entry `cell.ts`, and resolves when all are finished. The first failure ends all and is thrown, as
   * InputError, UnavailableError or Error by the cell's exit code (2, 3, other); an abort is thrown as the signal's reason.
   */
  run(cells: readonly Cell[], context: ExecutionContext): Promise<void>;
}
