/**
 * @file Whether this code still has the numbers of cells made at another commit: a run of each combination of settings is done anew and compared row by row.
 * What came out is kept beside the cells, so that they count here from then on, without anybody's word for it.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { complaintOf } from "../../trainer/complaint.js";
import { InputError } from "../../trainer/errors.js";
import { writeDurably } from "../../trainer/files/durable-file.js";
import type { RunRecord } from "./cell-files.js";
import { CURVE_COLUMNS, LATER_COLUMNS } from "./measures.js";

const schema = z.array(
  z.strictObject({
    /** Of the cells. */
    commit: z.string(),
    /** Of settings, as `combinationOf` names it. */
    combination: z.string(),
    /** The commit at which `run` was done again, and gave the same rows. */
    sameAt: z.string(),
    run: z.string(),
    machine: z.record(z.string(), z.union([z.string(), z.number()])),
    date: z.string(),
  }),
);

/** A run that was done again with the same outcome. */
export type Repeat = z.infer<typeof schema>[number];

const fileOf = (results: string): string => path.join(results, "repeats.json");

/** What a run is but for its seed: one seed speaks for the others, and no setting for another. */
export const combinationOf = ({ name }: Pick<RunRecord, "name">): string => name.replace(/-\d+$/, "");

/** @throws InputError where the file is none of this program's */
export function readRepeats(results: string): readonly Repeat[] {
  const file = fileOf(results);
  if (!existsSync(file)) return [];
  const refused = (why: string): InputError =>
    new InputError(`${file}: ${why}; restore it (git checkout), or remove it to have runs repeated anew`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw refused(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path: field, message } = complaintOf(result.error, value);
  throw refused(`field "${field}": ${message}`);
}

/** Adds a repeat; an earlier one of the same commit and combination is replaced. */
export function keepRepeat(results: string, repeat: Repeat): void {
  const others = readRepeats(results).filter(
    ({ commit, combination }) => commit !== repeat.commit || combination !== repeat.combination,
  );
  writeDurably(fileOf(results), `${JSON.stringify([...others, repeat], null, 2)}\n`);
}

/** What differs first between a run and its repeat; null: nothing. Columns that came later than the run are not compared. */
export function firstDifference(before: RunRecord, after: RunRecord): string | null {
  if (before.rows.length !== after.rows.length) return `${before.rows.length} rows, now ${after.rows.length}`;
  for (const [i, row] of before.rows.entries()) {
    for (const column of CURVE_COLUMNS) {
      const [was, is] = [row[column], after.rows[i]?.[column]];
      if (was === is || (was === null && LATER_COLUMNS.includes(column))) continue;
      return `${column} of iteration ${row.iteration} was ${was}, and is ${is} now`;
    }
  }
  return null;
}
