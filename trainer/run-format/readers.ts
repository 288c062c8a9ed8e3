/**
 * @file Reads a run's files (metrics.csv, episodes.csv, samples, config.json, summary.json). Each is parsed once, and
 * errors name file and line.
 */

import { readdir } from "node:fs/promises";
import path from "node:path";
import { parse } from "csv-parse/sync";
import { z } from "zod";
import { complaintOf } from "../complaint.js";
import { InputError } from "../errors.js";
import { MOST_TEXT_BYTES, readPlainFileLater } from "../files/plain-file.js";
import { EPISODE_COLUMNS, type EpisodeColumn, METRIC_COLUMNS, type MetricColumn, type SampleLine } from "./columns.js";
import type { CurvePoint, SeedRun, Summary } from "./summary.js";

/** A row of metrics.csv; null where a cell is empty or the run has no such column. */
export type MetricsRow = Readonly<Record<MetricColumn, number | null>>;
/** A row of episodes.csv; null where a cell is empty or the run has no such column. */
export type EpisodeRow = Readonly<Record<EpisodeColumn, number | null>>;

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

async function readText(file: string, most = MOST_TEXT_BYTES): Promise<string> {
  try {
    return (await readPlainFileLater(file, most)).toString("utf8");
  } catch (error) {
    if (error instanceof InputError) throw error;
    if (isMissing(error)) throw new InputError(`${file} does not exist: is this folder a run's?`);
    throw new InputError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The entries of a folder, sorted by name; empty where it does not exist. */
export async function listFolder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export async function readBytesIfAny(file: string): Promise<Buffer | null> {
  try {
    return await readPlainFileLater(file);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Parses numbers under a header. An empty cell or absent optional column gives null; further columns are ignored. */
function parseTable<Column extends string>(
  text: string,
  file: string,
  columns: readonly Column[],
  required: readonly Column[],
): Readonly<Record<Column, number | null>>[] {
  let table: string[][];
  try {
    table = parse(text, { bom: true, relax_column_count: false, skip_empty_lines: true });
  } catch (error) {
    throw new InputError(`${file} is not a CSV file: ${error instanceof Error ? error.message : String(error)}`);
  }
  const header = table[0] ?? [];
  for (const column of required) {
    if (!header.includes(column)) throw new InputError(`${file}: its header lacks the column "${column}"`);
  }
  const places = columns.map((column) => [column, header.indexOf(column)] as const);
  return table.slice(1).map((cells, row) => {
    const entries = places.map(([column, place]) => {
      const cell = cells[place] ?? "";
      if (cell !== "") {
        const value = Number(cell);
        if (Number.isFinite(value)) return [column, value] as const;
        throw new InputError(`${file}, line ${row + 2}, column "${column}": ${JSON.stringify(cell)} is not a number`);
      }
      if (required.includes(column)) {
        throw new InputError(`${file}, line ${row + 2}: column "${column}" is empty, and it has to have a number`);
      }
      return [column, null] as const;
    });
    return Object.fromEntries(entries) as Record<Column, number | null>;
  });
}

export const parseMetrics = (text: string, file: string): MetricsRow[] =>
  parseTable(text, file, METRIC_COLUMNS, ["iteration", "generated", "valid", "feasibilitySteps"]);

export const parseEpisodes = (text: string, file: string): EpisodeRow[] =>
  parseTable(text, file, EPISODE_COLUMNS, ["iteration", "episode", "steps", "valid"]);

/**
 * Reads metrics.csv of a run's folder, one row per iteration.
 * @throws InputError that names file, line and column
 */
export async function readMetrics(folder: string): Promise<MetricsRow[]> {
  const file = path.join(folder, "metrics.csv");
  return parseMetrics(await readText(file), file);
}

/** Empty where the run has no episodes.csv yet. */
export async function readEpisodes(folder: string): Promise<EpisodeRow[]> {
  const file = path.join(folder, "episodes.csv");
  const bytes = await readBytesIfAny(file);
  return bytes === null ? [] : parseEpisodes(bytes.toString("utf8"), file);
}

const whole = z.number().int();
const sampleSchema = z
  .object({
    episode: whole,
    step: whole,
    scene: whole.nonnegative(),
    objects: z.array(z.array(whole).min(4)),
    slot: whole.nonnegative(),
    captions: z.array(
      z.object({
        slots: z.tuple([whole.nonnegative(), whole.nonnegative()]).optional(),
        prompt: z.string().optional(),
        right: z.string(),
        said: z.string().optional(),
        answer: z.string().optional(),
        probability: z.number(),
        margin: z.number(),
      }),
    ),
    score: z.number().nullable(),
    hardness: z.number(),
    kept: z.boolean(),
    image: z.string().optional(),
  })
  .refine(
    ({ objects, slot, captions }) =>
      [slot, ...captions.flatMap(({ slots }) => slots ?? [])].every((at) => at < objects.length),
    {
      path: ["slot"],
      message: "names a slot that has no object",
    },
  );

/** @throws InputError that names the place, the field and what is wanted there */
export function parseJson<T>(text: string, schema: z.ZodType<T>, where: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${where} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = complaintOf(result.error, value);
  throw new InputError(`${where}${path === "" ? "" : `, field "${path}"`}: ${message}`);
}

export function parseSamples(text: string, file: string): SampleLine[] {
  return text
    .split("\n")
    .flatMap((line, i) => (line.trim() === "" ? [] : [parseJson(line, sampleSchema, `${file}, line ${i + 1}`)]));
}

/** The entries of log.jsonl. It is for people: a line that is no entry, or is cut off, is none and no error. */
export function logEntries(text: string): Readonly<Record<string, unknown>>[] {
  return text.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    try {
      return [JSON.parse(line) as Record<string, unknown>];
    } catch (error) {
      if (error instanceof SyntaxError) return [];
      throw error;
    }
  });
}

/** The valid samples of one iteration. */
export interface SampleShard {
  /** The NNNN of samples/NNNN.jsonl. */
  readonly iteration: number;
  readonly samples: readonly SampleLine[];
}

/** All shards of a run, in order of iterations. */
export async function readSamples(folder: string): Promise<SampleShard[]> {
  const names = (await listFolder(path.join(folder, "samples"))).filter((name) => /^\d+\.jsonl$/.test(name));
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, "samples", name);
      return { iteration: Number.parseInt(name, 10), samples: parseSamples(await readText(file), file) };
    }),
  );
}

/**
 * The picture of a sample: the file named in its line, else the file in samples/NNNN/ with its episode and step at the
 * end of the name.
 */
export async function readSampleImage(folder: string, iteration: number, sample: SampleLine): Promise<Buffer | null> {
  const samples = path.join(folder, "samples");
  if (sample.image !== undefined) {
    const file = path.resolve(samples, sample.image);
    return file.startsWith(path.resolve(samples) + path.sep) ? readBytesIfAny(file) : null;
  }
  const shard = path.join(samples, String(iteration).padStart(4, "0"));
  const name = (await listFolder(shard)).find((entry) => {
    const [episode, step] = (entry.match(/\d+/g) ?? []).map(Number).slice(-2);
    return entry.endsWith(".png") && episode === sample.episode && step === sample.step;
  });
  return name === undefined ? null : readBytesIfAny(path.join(shard, name));
}

const description = z.union([z.string(), z.record(z.string(), z.unknown())]);

const runConfigSchema = z.looseObject({
  schema: z.number(),
  command: z.union([z.string(), z.array(z.string())]).default("rls3"),
  configuration: z.record(z.string(), z.unknown()).default({}),
  versions: z.record(z.string(), z.unknown()).default({}),
  machine: description.default("not recorded"),
  commit: z.string().default("not recorded"),
  /**
   * Version of the questions (trainer/language). Older runs lack it: they asked about every pair, which is version 1.
   */
  languageVersion: z.number().default(1),
  seed: z.number().optional(),
  /** For runs with a plugin. */
  plugin: z.looseObject({ name: z.string(), sha256: z.string() }).optional(),
  worldCatalog: z.unknown().optional(),
});
/** config.json of a run: its settings, command, versions, machine and commit. */
export type RunConfig = z.infer<typeof runConfigSchema>;

/** Far more than needed: the world takes most of the file, and that is about a hundredth of this. */
const MOST_CONFIG_BYTES = 16 * 1024 * 1024;

/**
 * Reads config.json of a run's folder.
 * @throws InputError that names file and field
 */
export const readRunConfig = (folder: string): Promise<RunConfig> =>
  readRunConfigFile(path.join(folder, "config.json"));

/** The same of a file, whatever its name. */
export async function readRunConfigFile(file: string): Promise<RunConfig> {
  return parseJson(await readText(file, MOST_CONFIG_BYTES), runConfigSchema, file);
}

const accuracy = z.object({ full: z.number(), oneTerm: z.number() });
const interval = z.tuple([z.number(), z.number()]);
const estimate = z.object({ mean: z.number(), interval });
const reach = z.object({
  ratio: z.number().nullable(),
  interval: interval.nullable(),
  perSeed: z.array(z.number().nullable()),
  verdict: z.enum(["reached", "not reached"]),
});
const interquartile = z.object({ value: z.number(), interval });
const power = z.object({ effect: z.number(), power: z.number(), seedsNeeded: z.number().nullable() });
const verdict = z.enum(["better", "worse", "no difference"]);
const summarySchema: z.ZodType<Summary> = z.object({
  schema: z.literal(1),
  commit: z.string(),
  languageVersion: z.number().exactOptional(),
  machine: description,
  config: z.record(z.string(), z.unknown()),
  seeds: z.array(z.number()),
  unfinished: z.array(z.string()).exactOptional(),
  arms: z.record(
    z.string(),
    z.array(
      z.object({
        seed: z.number(),
        curve: z.array(
          z.object({ generated: z.number(), valid: z.number(), accuracy, natural: accuracy.exactOptional() }),
        ),
        validRate: z.number(),
        feasibilitySteps: z.number(),
      }),
    ),
  ),
  metric: z.literal("oneTerm"),
  test: z.literal("paired t, two-sided, over seeds"),
  intervals: z.literal("Student t").exactOptional(),
  pairs: z.record(
    z.string(),
    z.object({
      accuracyAt: z.array(
        z.object({
          axis: z.enum(["generated", "valid"]),
          samples: z.number(),
          a: estimate,
          b: estimate,
          difference: z.number(),
          differenceInterval: interval,
          p: z.number().nullable(),
          pPermutation: z.number().exactOptional(),
          pHolm: z.number().nullable().exactOptional(),
          wins: z.number(),
          seeds: z.number(),
          iqm: z.object({ a: interquartile, b: interquartile, difference: interquartile }).exactOptional(),
          power: power.nullable().exactOptional(),
        }),
      ),
      samplesToReach: z.object({ generated: reach, valid: reach }),
      verdict: z.object({ generated: verdict, valid: verdict }),
    }),
  ),
});

/** Null where the folder has no summary.json. */
export const readSummary = (folder: string): Promise<Summary | null> =>
  readSummaryFile(path.join(folder, "summary.json"));

/** The same of a file, whatever its name. */
export async function readSummaryFile(file: string): Promise<Summary | null> {
  const bytes = await readBytesIfAny(file);
  return bytes === null ? null : parseJson(bytes.toString("utf8"), summarySchema, file);
}

/** The columns of a run that a comparison needs. */
type ComparedRow = Pick<
  MetricsRow,
  "generated" | "valid" | "feasibilitySteps" | "accuracyFull" | "accuracyOneTerm" | "naturalFull" | "naturalOneTerm"
>;

/** A run's curve: the rows of metrics.csv with an evaluation on the balanced test set. */
export function curveOf(rows: readonly ComparedRow[]): CurvePoint[] {
  return rows.flatMap((row) => {
    if (row.accuracyFull === null || row.accuracyOneTerm === null) return [];
    const { naturalFull, naturalOneTerm } = row;
    return [
      {
        generated: row.generated ?? 0,
        valid: row.valid ?? 0,
        accuracy: { full: row.accuracyFull, oneTerm: row.accuracyOneTerm },
        ...(naturalFull !== null &&
          naturalOneTerm !== null && { natural: { full: naturalFull, oneTerm: naturalOneTerm } }),
      },
    ];
  });
}

/** The data of one run for a comparison. */
export function seedRun(seed: number, rows: readonly ComparedRow[]): SeedRun {
  const last = rows.at(-1);
  const generated = last?.generated ?? 0;
  return {
    seed,
    curve: curveOf(rows),
    validRate: generated === 0 ? 0 : (last?.valid ?? 0) / generated,
    feasibilitySteps: last?.feasibilitySteps ?? 0,
  };
}
