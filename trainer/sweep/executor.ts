/** @file Where a sweep's cells run: the interface of this machine's pool and a cluster's scheduler. */
import type { Progress } from "../progress.js";
import type { RunPlan } from "../runs/run.js";

/** What an executor may need besides the cells. */
export interface ExecutionContext {
  /** The sweep's folder. An executor's files (scripts, logs) go into a subfolder of the executor's name. */
  readonly folder: string;
  /** Has every cell by its index: `node dist/trainer/sweep/cell.js PLANFILE INDEX` runs or resumes one. */
  readonly planFile: string;
  /** Most cells at a time. */
  readonly jobs: number;
  readonly progress: Progress;
  /** Aborted by Ctrl-C: `run` then stops its cells, whose checkpoints stay, and rejects with the signal's reason. */
  readonly signal: AbortSignal | undefined;
  /** The executor's settings, from flags or the sweep's file (`--slurm-partition` → `partition`). */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A cell, and its place in the plan file. */
export interface Cell extends RunPlan {
  readonly index: number;
}

/** Where the cells of a sweep run: implement this for your own cluster. */
export interface Executor {
  readonly name: string;
  /** Whether cells run on this machine: they use its devices, and its cores and memory limit how many run at a time. */
  readonly here: boolean;
  /** Throws if its settings are wrong or it can't be used here, before anything is prepared. */
  check?(settings: Readonly<Record<string, unknown>>): Promise<void>;
  /**
   * Runs the unfinished cells (`finishedState` of their folder is null) through `cell.ts`, new or resumed as their folders say.
   * Resolves when all are finished. The first failure ends all cells and is thrown as InputError, UnavailableError or Error,
   * by the cell's exit code (2, 3, other); an abort is thrown as the signal's reason.
   */
  run(cells: readonly Cell[], context: ExecutionContext): Promise<void>;
}
