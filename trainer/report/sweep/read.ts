/** @file Reads a sweep's folder: its plan (sweep.json), the table of its finished cells (sweep.csv) and their curves. */

import path from "node:path";
import { parse } from "csv-parse/sync";
import { z } from "zod";
import { complaintOf, describeComplaint } from "../../complaint.js";
import { InputError } from "../../errors.js";
import { parseJson, readBytesIfAny, readMetrics, seedRun } from "../../run-format/readers.js";
import type { Description, SeedRun } from "../../run-format/summary.js";
import type { PlannedCell } from "./design.js";
import { type Common, MEASURE_COLUMNS, type MeasureColumn } from "./measures.js";

export interface FinishedCell {
  readonly cell: string;
  readonly seed: number;
  readonly measures: Readonly<Record<MeasureColumn, number | null>>;
  /** Repeats the cell alone. */
  readonly command: string;
}

export interface SweepPlan {
  readonly command: string;
  readonly varied: readonly string[];
  readonly cells: readonly (PlannedCell & { readonly seed: number })[];
  /** Defaults of the varied settings, as far as the plan has them. */
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly commit: string;
  readonly machine: Description;
}

export interface SweepContents {
  readonly plan: SweepPlan;
  readonly common: Common;
  readonly finished: readonly FinishedCell[];
  /** By the cells' names. */
  readonly curves: ReadonlyMap<string, SeedRun>;
}

const planSchema = z
  .object({
    command: z.string().default("rls3 sweep"),
    varied: z.array(z.string()),
    reference: z.record(z.string(), z.unknown()).default({}),
    commit: z.string().default("not recorded"),
    machine: z.union([z.string(), z.record(z.string(), z.unknown())]).default("not recorded"),
    cells: z
      .array(
        z
          .object({
            name: z.string(),
            variant: z.string().nullable().default(null),
            configuration: z.looseObject({ seed: z.number() }),
          })
          .transform((cell) => ({ ...cell, seed: cell.configuration.seed })),
      )
      .min(1),
  })
  .transform(({ reference, ...plan }): SweepPlan => ({ ...plan, defaults: reference }));

const number = z
  .string()
  .transform((text) => (text === "" ? null : Number(text)))
  .refine((value) => value === null || Number.isFinite(value), { message: "is not a number" });
const amount = number.transform((value) => value ?? 0);
const rowSchema = z.object({
  cell: z.string().min(1),
  seed: amount,
  command: z.string().default(""),
  commonValid: amount,
  commonGenerated: amount,
  ...(Object.fromEntries(MEASURE_COLUMNS.map((column) => [column, number])) as Record<MeasureColumn, typeof number>),
});

const PLAN = "sweep.json";
const TABLE = "sweep.csv";

export const isSweep = async (folder: string): Promise<boolean> =>
  (await readBytesIfAny(path.join(folder, PLAN))) !== null;

function parsePlan(text: string, file: string): SweepPlan {
  const value = parseJson(text, z.unknown(), file);
  const plan = planSchema.safeParse(value);
  if (plan.success) return plan.data;
  throw new InputError(`${file}: is not the plan of a sweep: ${describeComplaint(plan.error, value)}`);
}

function parseRows(text: string, file: string): { finished: FinishedCell[]; common: Common } {
  let table: Record<string, string>[];
  try {
    table = parse(text, { columns: true, bom: true, skip_empty_lines: true });
  } catch (error) {
    throw new InputError(`${file} is not a CSV file: ${error instanceof Error ? error.message : String(error)}`);
  }
  const rows = table.map((row, i) => {
    const result = rowSchema.safeParse(row);
    if (result.success) return result.data;
    const { path, message } = complaintOf(result.error, row);
    throw new InputError(`${file}, line ${i + 2}, column "${path}": ${message}`);
  });
  return {
    finished: rows.map(({ cell, seed, command, ...measures }) => ({ cell, seed, command, measures })),
    common: { valid: rows[0]?.commonValid ?? 0, generated: rows[0]?.commonGenerated ?? 0 },
  };
}

/** @throws InputError for a folder without a sweep or without any finished cell */
export async function readSweep(folder: string): Promise<SweepContents> {
  const [planFile, tableFile] = [path.join(folder, PLAN), path.join(folder, TABLE)];
  const planText = await readBytesIfAny(planFile);
  if (planText === null) throw new InputError(`${folder}: is no sweep's folder (no ${PLAN})`);
  const tableText = await readBytesIfAny(tableFile);
  const plan = parsePlan(planText.toString("utf8"), planFile);
  const { finished, common } = parseRows(tableText?.toString("utf8") ?? "", tableFile);
  if (finished.length === 0) {
    throw new InputError(
      `${folder}: none of its ${plan.cells.length} cells has finished yet; the same rls3 sweep command continues with them`,
    );
  }
  const unknown = finished.find(({ cell }) => plan.cells.every(({ name }) => name !== cell));
  if (unknown !== undefined) throw new InputError(`${tableFile}: has the cell "${unknown.cell}", which ${PLAN} lacks`);
  const curves = await Promise.all(
    finished.map(async ({ cell, seed }) => {
      const metrics = await readMetrics(path.join(folder, "cells", cell));
      return [cell, seedRun(seed, metrics)] as const;
    }),
  );
  return { plan, common, finished, curves: new Map(curves) };
}
