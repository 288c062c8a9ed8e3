/**
 * @file The files of an experiment: summary.json, sweep.csv (one row per run), curves.csv (one row per iteration),
 * pictures.
 */
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "csv-stringify/sync";
import { z } from "zod";
import { writeDurably } from "../../trainer/files/durable-file.js";
import { parseJson } from "../../trainer/run-format/readers.js";
import type { Experiment } from "./definition.js";
import { CURVE_COLUMNS } from "./measures.js";
import type { Outcome } from "./outcome.js";
import type { Gathered } from "./sources.js";

/** A row of curves.csv. The cost of feasibility pre-training is in none of its tables. */
const CSV_COLUMNS = CURVE_COLUMNS.filter((column) => column !== "feasibilitySteps");

const table = z.object({ title: z.string(), head: z.array(z.string()), rows: z.array(z.array(z.string())) });
const machine = z.record(z.string(), z.union([z.string(), z.number()]));
const summarySchema = z.object({
  schema: z.literal(2),
  experiment: z.string(),
  title: z.string(),
  question: z.string(),
  command: z.string(),
  setting: z.enum(["full", "quick"]),
  date: z.string(),
  /** Of the first run. */
  machine,
  /** All machines that did runs. */
  machines: z.array(machine),
  commits: z.array(z.string()),
  /** Version of the questions about pictures: LANGUAGE_VERSION of the runs. */
  languageVersion: z.number(),
  /** Number of finished runs, and of runs in the experiment. */
  cells: z.object({ finished: z.number(), of: z.number() }),
  seeds: z.array(z.number()),
  runs: z.number(),
  settings: z.record(z.string(), z.unknown()),
  factors: z.record(z.string(), z.unknown()),
  headline: z.string(),
  sentences: z.array(z.string()),
  tables: z.array(table),
  pictures: z.array(z.string()),
  data: z.record(z.string(), z.unknown()),
});
export type ExperimentSummary = z.infer<typeof summarySchema>;

export interface ResultsRequest {
  readonly command: string;
  readonly quick: boolean;
  readonly seeds: readonly number[];
  /** Number of runs in the experiment. */
  readonly of: number;
}

/** Commits, machines and the day on which the last run ended, as recorded by the runs. */
function provenanceOf(
  runs: readonly Gathered[],
): Pick<ExperimentSummary, "date" | "machine" | "machines" | "commits" | "languageVersion"> {
  const records = runs.map(({ record }) => record);
  const machines = new Map(records.map((record) => [JSON.stringify(record.machine), record.machine]));
  return {
    date:
      records
        .map(({ date }) => date)
        .sort()
        .at(-1) ?? "",
    machine: records[0]?.machine ?? {},
    machines: [...machines.values()],
    commits: [...new Set(records.map(({ commit }) => commit))].sort(),
    languageVersion: Math.min(...records.map(({ languageVersion }) => languageVersion)),
  };
}

const csvRows = (runs: readonly Gathered[], which: "all" | "last"): Record<string, string | number | null>[] =>
  runs.flatMap(({ cell: { levels, seed }, rows }) =>
    (which === "all" ? rows : rows.slice(-1)).map((row) => ({
      ...levels,
      seed,
      ...Object.fromEntries(CSV_COLUMNS.map((column) => [column, row[column]])),
    })),
  );

/** Writes the experiment's folder and returns the content of its summary.json. */
export function writeResults(
  folder: string,
  experiment: Experiment,
  runs: readonly Gathered[],
  request: ResultsRequest,
  outcome: Outcome,
): ExperimentSummary {
  const finished = new Set(runs.map(({ record }) => record.name)).size;
  const pictures = [...(outcome.pictures ?? new Map<string, Uint8Array>())];
  const summary: ExperimentSummary = {
    schema: 2,
    experiment: experiment.name,
    title: experiment.title,
    question: experiment.question,
    command: request.command,
    setting: request.quick ? "quick" : "full",
    ...provenanceOf(runs),
    seeds: [...request.seeds],
    cells: { finished, of: request.of },
    runs: finished,
    settings: experiment.settings,
    factors: experiment.factors,
    headline: outcome.headline,
    sentences: [...outcome.sentences],
    tables: outcome.tables.map(({ title, head, rows }) => ({
      title,
      head: [...head],
      rows: rows.map((row) => [...row]),
    })),
    pictures: pictures.map(([name]) => name),
    data: outcome.data,
  };
  mkdirSync(folder, { recursive: true });
  writeDurably(path.join(folder, "summary.json"), `${JSON.stringify(summary, null, 1)}\n`);
  writeDurably(path.join(folder, "sweep.csv"), stringify(csvRows(runs, "last"), { header: true }));
  writeDurably(path.join(folder, "curves.csv"), stringify(csvRows(runs, "all"), { header: true }));
  for (const [name, bytes] of pictures) writeDurably(path.join(folder, name), bytes);
  return summary;
}

/** Converts files from before partial experiments, and from before versions of the questions. */
const upgraded = (value: unknown): unknown => {
  const old = z.looseObject({ schema: z.literal(1), runs: z.number(), machine }).safeParse(value);
  if (!old.success) return value;
  const { runs, machine: only } = old.data;
  return { ...old.data, schema: 2, languageVersion: 1, machines: [only], cells: { finished: runs, of: runs } };
};

/** @throws InputError that names file and field where it is damaged */
export const readExperimentSummary = (file: string): ExperimentSummary =>
  parseJson(readFileSync(file, "utf8"), z.preprocess(upgraded, summarySchema), file);
