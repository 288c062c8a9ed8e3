/**
 * @file The process of a cell, here or on a cluster: `node dist/trainer/sweep/cell.js PLANFILE INDEX` runs the cell or
 * continues it from its checkpoint, and skips a finished one. It has the exit codes of `rls3`; SIGTERM ends it with
 * 130, resumable.
 */
import { InputError } from "../errors.js";
import { doRun, type Order } from "../runs/child-run.js";
import { modeOf } from "../runs/pool.js";
import { finishedState } from "../runs/run.js";
import { parseSweepFile } from "./plan-file.js";
import { recordUsage } from "./usage.js";

function order([file, index]: readonly string[]): Order | null {
  if (file === undefined || index === undefined) throw new InputError("a cell's process takes PLANFILE INDEX");
  const { cells } = parseSweepFile(file);
  const cell = cells[Number(index)];
  if (cell === undefined) throw new InputError(`${file}: has ${cells.length} cells, and none of index ${index}`);
  if (finishedState(cell.folder) !== null) return null;
  recordUsage(cell.folder);
  return { plan: cell, mode: modeOf(cell) };
}

void doRun(async () => order(process.argv.slice(2)));
