/** @file What an experiment leaves: summary.json, sweep.csv (a row a run), curves.csv (a row an iteration), pictures. */
import { mkdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { stringify } from "csv-stringify/sync";
import { z } from "zod";
import { TERM_NAMES } from "../../trainer/report/columns.js";
import { readMetrics } from "../../trainer/report/readers.js";
import { EVENT_FILE } from "../../trainer/report/tensorboard.js";
import { writeDurably } from "../../trainer/rls3/durable-file.js";
import { readRunConfig } from "../../trainer/rls3/run-directory.js";
import type { Cell } from "./cells.js";
import type { Experiment } from "./definition.js";
import type { Outcome } from "./outcome.js";

const CURVE_COLUMNS = [
  "iteration",
  "generated",
  "valid",
  "validRate",
  "accuracyOneTerm",
  "accuracyFull",
  "naturalOneTerm",
  "naturalFull",
  "score",
  "hardness",
  ...TERM_NAMES.map((term) => `accuracy_${term}` as const),
  ...TERM_NAMES.map((term) => `samples_${term}` as const),
] as const;

const table = z.object({ title: z.string(), head: z.array(z.string()), rows: z.array(z.array(z.string())) });
const summarySchema = z.object({
  schema: z.literal(1),
  experiment: z.string(),
  title: z.string(),
  question: z.string(),
  command: z.string(),
  setting: z.enum(["full", "quick"]),
  date: z.string(),
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  commits: z.array(z.string()),
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

export interface Asked {
  readonly command: string;
  readonly quick: boolean;
  readonly seeds: readonly number[];
}

/** Commits, machine and the day on which the last of the runs ended, as the runs themselves have them. */
function provenanceOf(cells: readonly Cell[]): Pick<ExperimentSummary, "date" | "machine" | "commits"> {
  const configs = cells.map(({ folder }) => readRunConfig(folder));
  const ended = Math.max(...cells.map(({ folder }) => statSync(path.join(folder, EVENT_FILE)).mtimeMs));
  return {
    date: new Date(ended).toISOString().slice(0, 10),
    machine: (configs[0]?.["machine"] ?? {}) as ExperimentSummary["machine"],
    commits: [...new Set(configs.map((config) => String(config["commit"])))].sort(),
  };
}

async function csvRows(
  cells: readonly Cell[],
  which: "all" | "last",
): Promise<Record<string, string | number | null>[]> {
  const perRun = await Promise.all(
    cells.map(async ({ levels, seed, folder }) => {
      const rows = await readMetrics(folder);
      return (which === "all" ? rows : rows.slice(-1)).map((row) => ({
        ...levels,
        seed,
        ...Object.fromEntries(CURVE_COLUMNS.map((column) => [column, row[column]])),
      }));
    }),
  );
  return perRun.flat();
}

/** Writes the experiment's folder and gives what is in its summary.json. */
export async function writeResults(
  folder: string,
  experiment: Experiment,
  cells: readonly Cell[],
  asked: Asked,
  outcome: Outcome,
): Promise<ExperimentSummary> {
  const pictures = [...(outcome.pictures ?? new Map<string, Uint8Array>())];
  const summary: ExperimentSummary = {
    schema: 1,
    experiment: experiment.name,
    title: experiment.title,
    question: experiment.question,
    command: asked.command,
    setting: asked.quick ? "quick" : "full",
    ...provenanceOf(cells),
    seeds: [...asked.seeds],
    runs: new Set(cells.map((cell) => cell.folder)).size,
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
  writeDurably(path.join(folder, "sweep.csv"), stringify(await csvRows(cells, "last"), { header: true }));
  writeDurably(path.join(folder, "curves.csv"), stringify(await csvRows(cells, "all"), { header: true }));
  for (const [name, bytes] of pictures) writeDurably(path.join(folder, name), bytes);
  return summary;
}

export const readExperimentSummary = (file: string): ExperimentSummary =>
  summarySchema.parse(JSON.parse(readFileSync(file, "utf8")));
