/**
 * @file Records whether this code still gives the numbers of cells made at another commit: one run of each combination
 * of settings is repeated and compared row by row. The outcome is stored beside the cells, so that they count here from
 * then on, based on evidence.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
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
    /** Of settings, as named by `combinationOf`. */
    combination: z.string(),
    /** The commit at which `run` was repeated with the same rows. */
    sameAt: z.string(),
    run: z.string(),
    /** The version with which it was repeated; 1.30.0 where an older entry does not say. */
    onnxruntime: z.string().default("1.30.0"),
    /** The analyses for which the run's measures were compared, too. */
    measures: z.array(z.string()).default([]),
    machine: z.record(z.string(), z.union([z.string(), z.number()])),
    date: z.string(),
  }),
);

/** A repeated run with the same outcome. */
export type Repeat = z.infer<typeof schema>[number];

const fileOf = (results: string): string => path.join(results, "repeats.json");

/** A run without its seed: one seed stands for the others, but no setting for another. */
export const combinationOf = ({ name }: Pick<RunRecord, "name">): string => name.replace(/-\d+$/, "");

/** @throws InputError where the file was not written by this program */
export function readRepeats(results: string): readonly Repeat[] {
  const file = fileOf(results);
  if (!existsSync(file)) return [];
  const refused = (why: string): InputError =>
    new InputError(`${file}: ${why}; restore it (git checkout), or remove it to repeat runs again`);
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

/** Adds a repeat; replaces an earlier one of the same commit, combination and measures. */
export function keepRepeat(results: string, repeat: Repeat): void {
  const others = readRepeats(results).filter(
    ({ commit, combination, measures }) =>
      commit !== repeat.commit ||
      combination !== repeat.combination ||
      measures.join(" ") !== repeat.measures.join(" "),
  );
  writeDurably(fileOf(results), `${JSON.stringify([...others, repeat], null, 2)}\n`);
}

/** The analyses whose measures both have. */
export const measuredInBoth = (before: RunRecord, after: RunRecord): string[] =>
  Object.keys(before.measures)
    .filter((analysis) => analysis in after.measures)
    .sort();

/** The first difference between a run and its repeat; null: none. What was added after the run is not compared. */
export function firstDifference(before: RunRecord, after: RunRecord): string | null {
  if (before.rows.length !== after.rows.length) return `${before.rows.length} rows, now ${after.rows.length}`;
  for (const [i, row] of before.rows.entries()) {
    for (const column of CURVE_COLUMNS) {
      const [was, is] = [row[column], after.rows[i]?.[column]];
      if (was === is || (was === null && LATER_COLUMNS.includes(column))) continue;
      return `${column} of iteration ${row.iteration} was ${was}, and is ${is} now`;
    }
  }
  const other = measuredInBoth(before, after).find(
    (analysis) => !isDeepStrictEqual(before.measures[analysis], after.measures[analysis]),
  );
  if (other === undefined) return null;
  const [was, is] = [before, after].map(({ measures }) => JSON.stringify(measures[other]).slice(0, 200));
  return `what the analysis "${other}" measured was ${was}, and is ${is} now`;
}
