/** @file The output of `rls3 train --json`: how the run ended, and its accuracies before and after. */
import path from "node:path";
import { z } from "zod";
import type { State } from "../rls3/loop.js";
import { type MetricsRow, readMetrics } from "../run-format/readers.js";

/**
 * Shares from 0 to 1; null where not measured. One term or the whole relation flipped, on the balanced test set and on
 * the natural mix.
 */
const accuracies = z.strictObject({
  oneTerm: z.number().nullable(),
  full: z.number().nullable(),
  naturalOneTerm: z.number().nullable(),
  naturalFull: z.number().nullable(),
});

export const trainDocument = z.strictObject({
  /** Raised when a key changes its meaning. */
  schema: z.literal(1),
  folder: z.string(),
  /** Why the run ended. */
  finished: z.string(),
  /** Iterations done. */
  iteration: z.int(),
  /** Placements tried, and the number of valid ones. */
  generated: z.int(),
  valid: z.int(),
  accuracy: z.strictObject({ before: accuracies, final: accuracies }),
  /** Path of report.html; null where it could not be drawn. */
  report: z.string().nullable(),
});

export async function documentOf(
  folder: string,
  state: State,
  report: string | null,
): Promise<z.infer<typeof trainDocument>> {
  const rows = await readMetrics(folder);
  const { iteration, generated, valid, finished } = state;
  return {
    schema: 1,
    folder,
    finished: finished ?? "",
    iteration,
    generated,
    valid,
    accuracy: { before: accuraciesOf(rows[0]), final: accuraciesOf(rows.at(-1)) },
    report: report === null ? null : path.resolve(report),
  };
}

const accuraciesOf = (row: MetricsRow | undefined): z.infer<typeof accuracies> => ({
  oneTerm: row?.accuracyOneTerm ?? null,
  full: row?.accuracyFull ?? null,
  naturalOneTerm: row?.naturalOneTerm ?? null,
  naturalFull: row?.naturalFull ?? null,
});
