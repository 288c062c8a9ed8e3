/** @file The interface for running a sweep's cells: this machine's pool, or a cluster's scheduler. */
import type { Progress } from "../progress.js";
import type { RunPlan } from "../runs/run.js";

/** What an executor needs besides the cells. */
export interface ExecutionContext {
  /** The sweep's folder. An executor's files (scripts, logs) go into a subfolder of the executor's name. */
  readonly folder: string;
  /** Contains every cell, by index: `node dist/trainer/sweep/cell.js PLANFILE INDEX` runs or resumes one. */
  readonly planFile: string;
  /** The most cells at a time. */
  readonly jobs: number;
  readonly progress: Progress;
  /** Aborted by Ctrl-C. Then `run` stops its cells (their checkpoints stay) and rejects with the signal's reason. */
  readonly signal: AbortSignal | undefined;
  /** The executor's settings, from flags or the sweep's file (`--slurm-partition` → `partition`). */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A cell, and its index in the plan file. */
export interface Cell extends RunPlan {
  readonly index: number;
}

/** Where the cells of a sweep run: implement this for your own cluster. */
export interface Executor {
  readonly name: string;
  /**
   * Whether cells run on this machine: then they use its devices, and its cores and memory limit how many run at a
   * time.
   */
  readonly here: boolean;
  /** Checks the settings, and whether the executor can be used here; throws before anything is prepared. */
  check?(settings: Readonly<Record<string, unknown>>): Promise<void>;
  /**
   * Runs the unfinished cells (those where `finishedState` of the folder is null) through `cell.ts`, new or resumed
   * depending on their folders. Resolves when all are finished. The first failure ends all cells and throws InputError,
   * UnavailableError or Error, by the cell's exit code (2, 3, other); an abort throws the signal's reason.
   */
  run(cells: readonly Cell[], context: ExecutionContext): Promise<void>;
}
