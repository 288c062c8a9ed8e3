/**
 * @file Cell files: a finished run in a few KB, small enough to commit, so that another machine can continue the
 * experiment.
 */

import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { at } from "../../trainer/at.js";
import { complaintOf } from "../../trainer/complaint.js";
import { writeDurably } from "../../trainer/files/durable-file.js";
import { eventFiles } from "../../trainer/report/tensorboard/event-writer.js";
import { readMetrics } from "../../trainer/run-format/readers.js";
import { readRunConfig } from "../../trainer/runs/run-directory.js";
import { SETTINGS } from "../../trainer/settings/settings.js";
import { type Cell, runName } from "./cells.js";
import { CURVE_COLUMNS, type CurveRow, LATER_COLUMNS } from "./measures.js";

const SCHEMA = 1;

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const machine = z.record(z.string(), z.union([z.string(), z.number()]));
const schema = z.strictObject({
  schema: z.literal(SCHEMA),
  name: z.string(),
  /** For readers: an experiment that shares the run may name its levels differently. */
  levels: z.record(z.string(), z.string()),
  settings: z.record(z.string(), scalar),
  seed: z.number().int().nonnegative(),
  commit: z.string(),
  languageVersion: z.number().int(),
  world: z.strictObject({ name: z.string(), digest: z.string() }),
  versions: z.record(z.string(), z.string()),
  machine,
  /** When the run ended. */
  date: z.string(),
  columns: z.array(z.enum(CURVE_COLUMNS)),
  rows: z.array(z.array(z.number().nullable())),
  /** Analysis → its measures of the run, besides the curve. */
  measures: z.record(z.string(), z.unknown()),
});

/** A finished run as an experiment needs it, from any machine. */
export interface RunRecord extends Omit<z.infer<typeof schema>, "schema" | "columns" | "rows"> {
  readonly rows: readonly CurveRow[];
}

const sha256 = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");
/** Digest of a world's catalog: equal catalogs are equal worlds. */
export const worldDigest = sha256;

const configSchema = z.looseObject({
  commit: z.string().default("unknown"),
  languageVersion: z.number().int().default(1),
  versions: z.record(z.string(), z.string()).default({}),
  machine: machine.default({}),
  worldCatalog: z.unknown(),
});

/** The version of the questions that a run's folder was made with. */
export const languageVersionOf = (folder: string): number => configSchema.parse(readRunConfig(folder)).languageVersion;

/** A finished run of this machine, with the measures of analyses. */
export async function recordOf(cell: Cell, measures: Readonly<Record<string, unknown>>): Promise<RunRecord> {
  const { run: name, levels, settings, seed, configuration, folder } = cell;
  const { commit, languageVersion, versions, machine, worldCatalog } = configSchema.parse(readRunConfig(folder));
  return {
    ...{ name, levels, settings, seed, commit, languageVersion },
    world: { name: configuration.world, digest: worldDigest(worldCatalog) },
    ...{ versions, machine },
    date: new Date(statSync(path.join(folder, at(eventFiles(folder).slice(-1), 0))).mtimeMs).toISOString().slice(0, 10),
    rows: await readMetrics(folder),
    measures,
  };
}

export const cellFile = (results: string, experiment: string, name: string): string =>
  path.join(results, experiment, "cells", `${name}.json`);

/** Writes the file whole or not at all; equal runs give equal files. */
export function writeCellFile(file: string, record: RunRecord): void {
  const { name, levels, settings, seed, commit, languageVersion, world, versions, machine, date, rows, measures } =
    record;
  const content = {
    schema: SCHEMA,
    ...{ name, levels, settings, seed, commit, languageVersion, world, versions, machine, date },
    columns: CURVE_COLUMNS,
    rows: rows.map((row) => CURVE_COLUMNS.map((column) => row[column])),
    measures,
  };
  writeDurably(file, `${laidOut({ ...content, digest: sha256(content) }, "")}\n`);
}

const LINE = 200;

/** JSON with one line per row of the curve, so that the diff of two cells is readable. */
function laidOut(value: unknown, indent: string): string {
  const line = JSON.stringify(value);
  if (typeof value !== "object" || value === null) return line;
  const members: readonly unknown[] = Object.values(value);
  if (members.every((member) => typeof member !== "object" || member === null)) return line;
  if (indent !== "" && line.length <= LINE) return line;
  const inner = `${indent} `;
  const lines = Array.isArray(value)
    ? members.map((member) => `${inner}${laidOut(member, inner)}`)
    : Object.entries(value).map(([key, member]) => `${inner}${JSON.stringify(key)}: ${laidOut(member, inner)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return `${open}\n${lines.join(",\n")}\n${indent}${close}`;
}

export type ReadCell =
  | { readonly kind: "whole"; readonly record: RunRecord }
  | { readonly kind: "damaged"; readonly why: string };

const damaged = (why: string): ReadCell => ({ kind: "damaged", why });

/** The file's content, or what is wrong with it. */
export function readCellFile(file: string): ReadCell {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    return damaged(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== "object" || value === null || !("digest" in value)) return damaged("has no digest");
  const { digest, ...content } = value;
  if (digest !== sha256(content))
    return damaged("was damaged or changed by hand: its digest is not that of its content");
  const result = schema.safeParse(content);
  if (!result.success) {
    const { path: field, message } = complaintOf(result.error, content);
    return damaged(`is no cell of this version: field "${field}": ${message}`);
  }
  const { schema: _schema, columns, rows, ...rest } = result.data;
  const missing = CURVE_COLUMNS.find((column) => !columns.includes(column) && !LATER_COLUMNS.includes(column));
  if (missing !== undefined) return damaged(`lacks the column "${missing}" of the curve`);
  const name = runName(rest.settings, rest.seed);
  if (rest.name !== name || path.basename(file) !== `${name}.json`) {
    return damaged(`is named as another run: by its settings and seed it is ${name}`);
  }
  const places = CURVE_COLUMNS.map((column) => [column, columns.indexOf(column)] as const);
  const curve = rows.map(
    (row) =>
      Object.fromEntries(
        places.map(([column, place]) => [column, place < 0 ? null : at(row, place)]),
      ) as unknown as CurveRow,
  );
  return { kind: "whole", record: { ...rest, rows: curve } };
}

/** The base model in a run's settings, where it is not a bundled one. */
export const baseOf = ({ settings }: Pick<RunRecord, "settings">): string | null => {
  const vlm = settings["vlm"] ?? SETTINGS.vlm.fallback;
  return vlm === SETTINGS.vlm.fallback ? null : String(vlm);
};
