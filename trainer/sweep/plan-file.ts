/**
 * @file sweep.json: the cells of a sweep's folder. It is complete at any moment, and the only file that a cell's
 * process reads.
 */

import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { describeComplaint } from "../complaint.js";
import { InputError } from "../errors.js";
import { writeDurably } from "../files/durable-file.js";
import { readPlainFile } from "../files/plain-file.js";
import { LANGUAGE_VERSION } from "../language/index.js";
import { type PluginSource, pluginSourceSchema } from "../plugins/source.js";
import { refuseOtherLanguage } from "../runs/language-version.js";
import { provenance } from "../runs/provenance.js";
import { parseResolved, resolveConfiguration } from "../settings/configuration.js";
import { SETTING_NAMES, SETTINGS, type SettingName } from "../settings/settings.js";
import { repeatCommand } from "./command.js";
import type { Cell } from "./executor.js";

export const PLAN_FILE = "sweep.json";

/** A cell with its columns of the table; `command` repeats this cell alone. */
export interface PlannedCell extends Cell {
  /** The folder's name. */
  readonly name: string;
  /** The name of its variant, if a list gave it one. */
  readonly variant: string | null;
}

/** sweep.json: every cell that the folder has or will have. */
export interface SweepFile {
  /** The last command, as typed. */
  readonly command: string;
  /** Settings that differ between cells, in the given order, without `seed`. */
  readonly varied: readonly SettingName[];
  readonly cells: readonly PlannedCell[];
}

const SCHEMA = 1;

const settingName = z.custom<SettingName>((value) => SETTING_NAMES.some((name) => name === value));
const schema = z.object({
  schema: z.literal(SCHEMA),
  languageVersion: z.unknown().optional(),
  command: z.string(),
  varied: z.array(settingName),
  cells: z.array(
    z.object({
      name: z.string(),
      variant: z.string().nullable(),
      shared: z.string(),
      configuration: z.unknown(),
      plugin: pluginSourceSchema.optional(),
    }),
  ),
});

/** Writes folders relative to the sweep's, so that it can be moved. */
export function writeSweepFile(folder: string, { command, varied, cells }: SweepFile): void {
  const document = {
    schema: SCHEMA,
    languageVersion: LANGUAGE_VERSION,
    command,
    varied,
    reference: referenceOf(varied, cells),
    ...provenance(),
    cells: cells.map(({ name, variant, shared, configuration, plugin }) => ({
      name,
      variant,
      shared: shared === undefined ? "" : path.relative(folder, shared),
      configuration,
      ...(plugin === undefined ? {} : { plugin }),
    })),
  };
  writeDurably(path.join(folder, PLAN_FILE), `${JSON.stringify(document, null, 2)}\n`);
}

/** The default of `rls3 train` for each varied setting: the value that a report compares the others with. */
function referenceOf(varied: readonly SettingName[], cells: readonly PlannedCell[]): Readonly<Record<string, unknown>> {
  const agent = varied.includes("agent") ? SETTINGS.agent.fallback : cells[0]?.configuration.agent;
  const defaults = resolveConfiguration([{ name: "reference", values: agent === undefined ? {} : { agent } }]);
  return Object.fromEntries(varied.map((name) => [name, defaults[name]]));
}

export const cellFolder = (folder: string, name: string): string => path.join(folder, "cells", name);

/** Null where the folder has no sweep. */
export function readSweepFile(folder: string): SweepFile | null {
  const file = path.join(folder, PLAN_FILE);
  return existsSync(file) ? parseSweepFile(file) : null;
}

/**
 * For continuing a sweep; reports have their own reader.
 * @throws InputError for a file that is damaged or of another version
 */
export function parseSweepFile(file: string): SweepFile {
  const folder = path.dirname(path.resolve(file));
  let value: unknown;
  try {
    value = JSON.parse(readPlainFile(file).toString("utf8"));
  } catch (error) {
    throw new InputError(`${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    const why = describeComplaint(result.error, value);
    throw new InputError(`${file}: is not the plan of a sweep, or has another version: ${why}`);
  }
  const { command, varied, cells, languageVersion } = result.data;
  refuseOtherLanguage(file, languageVersion);
  return {
    command,
    varied,
    cells: cells.map(({ name, variant, shared, configuration, plugin }, index) => {
      const resolved = parseResolved(`${file}, cell ${name}`, configuration);
      return plannedCell(folder, { index, name, variant, shared: path.resolve(folder, shared), resolved, plugin });
    }),
  };
}

interface Described {
  readonly index: number;
  readonly name: string;
  readonly variant: string | null;
  readonly shared: string;
  readonly resolved: PlannedCell["configuration"];
  readonly plugin?: PluginSource | undefined;
}

/**
 * Cells with the same feasibility pre-training use the agent of the first one, whatever their model or test sets. An
 * agent that steers its KL budget starts with the budget in its file, so that other budgets need other files.
 */
const agentsFolder = ({ validityTarget, klBudget }: PlannedCell["configuration"]): string =>
  validityTarget > 0 ? `agents-kl-${klBudget}-valid-${validityTarget}` : "agents";

export const plannedCell = (
  folder: string,
  { index, name, variant, shared, resolved, plugin }: Described,
): PlannedCell => ({
  index,
  name,
  variant,
  folder: cellFolder(folder, name),
  shared,
  pretrained: path.join(folder, "shared", agentsFolder(resolved)),
  configuration: resolved,
  command: repeatCommand(resolved, plugin?.file),
  ...(plugin === undefined ? {} : { plugin }),
  earlyStopping: resolved.earlyStopping,
  // As many cells run at a time as there are cores for their threads, so a single-threaded cell stays on one core.
  inTurns: resolved.threads === 1,
});
