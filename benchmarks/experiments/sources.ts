/**
 * @file Where each run of an experiment comes from: done here, read from another machine's cell file, or still to do.
 */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { shownPath } from "../../trainer/cli/run-folder.js";
import { InputError } from "../../trainer/errors.js";
import { LANGUAGE_VERSION } from "../../trainer/language/index.js";
import { finishedState } from "../../trainer/runs/run.js";
import { configurationKey } from "../../trainer/sweep/plan.js";
import type { OpenSweep, SweepOptions } from "../../trainer/sweep/sweep.js";
import type { Refusal } from "./acceptance.js";
import type { Analysis } from "./analyses/analysis.js";
import { analysisNamed } from "./analyses/index.js";
import { cellFile, languageVersionOf, type ReadCell, type RunRecord, readCellFile, recordOf } from "./cell-files.js";
import { cellsOf, openRuns, type RunRequest, wishesOf } from "./cells.js";
import { combinationName, type Experiment, readExperiment } from "./definition.js";
import { type Measured, measured } from "./measures.js";

/** Shared by all experiments of a command. */
export interface Setting {
  /** The folder of all experiments. */
  readonly folder: string;
  /** The folder of cell files: benchmarks/results, or one like it. */
  readonly results: string;
  readonly refusal: Refusal;
  readonly quick: boolean;
  /** From the command: how many from an experiment's first on, or which; else each experiment's own. */
  readonly seeds: number | readonly number[] | undefined;
  /** Only runs with these levels; all where it is empty. */
  readonly only: readonly LevelChoice[];
  readonly sweep: Omit<SweepOptions, "folder" | "command"> & Pick<Required<SweepOptions>, "signal">;
}

export interface Chosen {
  readonly experiment: Experiment;
  readonly seeds: readonly number[];
  readonly requests: readonly RunRequest[];
  /** How many runs the experiment has, with its own seeds and those of the command. */
  readonly of: number;
}

export function choose(
  name: string,
  { folder, quick, seeds: requested, only }: Pick<Setting, "folder" | "quick" | "seeds" | "only">,
): Chosen {
  const experiment = readExperiment(name);
  const { first, count } = experiment.seeds;
  const fromFirst = (length: number): number[] => Array.from({ length }, (_, i) => first + i);
  const own = fromFirst(quick ? 1 : count);
  const seeds = typeof requested === "number" ? fromFirst(requested) : (requested ?? own);
  const wanted = wishesOf(experiment, folder, seeds, quick);
  const requests = withLevels(experiment, wanted, only);
  const all = [...wanted, ...wishesOf(experiment, folder, own, quick)];
  return { experiment, seeds, requests, of: new Set(all.map((request) => request.name)).size };
}

/** A factor's level, as in `--only arm=paper`. */
export interface LevelChoice {
  readonly factor: string;
  readonly level: string;
}

/** @throws InputError unless each is FACTOR=LEVEL */
export const parseOnly = (given: readonly string[]): LevelChoice[] =>
  given.map((text) => {
    const [factor = "", ...rest] = text.split("=");
    if (rest.length === 0) throw new InputError(`--only ${text}: takes FACTOR=LEVEL, such as --only arm=paper`);
    return { factor, level: rest.join("=") };
  });

/** The requests with the chosen levels: of each factor that is named, any of its levels that are named. */
function withLevels(
  { name, levels }: Experiment,
  requests: readonly RunRequest[],
  chosen: readonly LevelChoice[],
): readonly RunRequest[] {
  for (const { factor, level } of chosen) {
    if (levels.get(factor)?.includes(level)) continue;
    const there = [...levels].map(([known, of]) => of.map((one) => `${known}=${one}`).join(", ")).join(", ");
    throw new InputError(`--only ${factor}=${level}: ${name} has no such level; it has ${there}`);
  }
  return requests.filter((request) =>
    chosen.every(({ factor }) =>
      chosen.some((other) => other.factor === factor && other.level === request.levels[factor]),
    ),
  );
}

/** The command that repeats it anywhere; the folder of its results and the place of its runs do not matter. */
export const commandOf = (names: readonly string[], { quick, seeds }: Pick<Setting, "quick" | "seeds">): string =>
  [
    `npm run experiment -- ${names.join(" ")}`,
    ...(quick ? ["--quick"] : []),
    ...(seeds === undefined ? [] : [`--seeds ${seeds}${typeof seeds === "object" && seeds.length === 1 ? "," : ""}`]),
  ].join(" ");

export interface Sources {
  /** The runs that are done here, or to be done. */
  readonly sweep: OpenSweep;
  /** Experiment → run → content of its cell file, for runs not done here. */
  readonly taken: ReadonlyMap<string, ReadonlyMap<string, RunRecord>>;
  /** Run → why its cell file does not count, for runs not done here. */
  readonly refused: ReadonlyMap<string, string>;
  /** Messages about cells that lack what an analysis needs. */
  readonly lacking: readonly string[];
  /** Number of different runs in all experiments. */
  readonly runCount: number;
}

/** Finds out where the runs of all the experiments are; writes nothing. */
export async function openSources(chosen: readonly Chosen[], setting: Setting): Promise<Sources> {
  const names = chosen.map(({ experiment }) => experiment.name);
  const options = { ...setting.sweep, folder: path.join(setting.folder, "runs"), command: commandOf(names, setting) };
  const requests = chosen.flatMap((one) => one.requests);
  const whole = await openRuns(requests, options);
  const here = new Set(whole.finished.map(({ configuration }) => configurationKey(configuration)));
  refuseOldRuns(whole, setting);
  const refused = new Map<string, string>();
  const lacking: string[] = [];
  const taken = new Map(
    chosen.map(({ experiment, requests: ofExperiment }) => {
      const elsewhere = ofExperiment.filter(({ configuration }) => !here.has(configurationKey(configuration)));
      return [experiment.name, takenFrom(experiment, elsewhere, setting, { refused, lacking })] as const;
    }),
  );
  const toRun = chosen.flatMap(({ experiment, requests: ofExperiment }) =>
    ofExperiment.filter(({ name }) => taken.get(experiment.name)?.has(name) !== true),
  );
  return { sweep: await openRuns(toRun, options), taken, refused, lacking, runCount: whole.requested.length };
}

/** Runs with different questions cannot be compared in one table. */
function refuseOldRuns({ finished, resumed }: OpenSweep, { folder }: Setting): void {
  const old = [...finished, ...resumed].find((cell) => languageVersionOf(cell.folder) !== LANGUAGE_VERSION);
  if (old === undefined) return;
  throw new InputError(
    `${shownPath(old.folder)}: was made with version ${languageVersionOf(old.folder)} of the language, and this code has ${LANGUAGE_VERSION}, which asks a picture other questions; give another --out than ${shownPath(folder)}`,
  );
}

/** Collects cells that do not count, or lack something. */
interface Complaints {
  readonly refused: Map<string, string>;
  readonly lacking: string[];
}

/** The cells that count, from any experiment's folder: experiments with the same run share it. */
function takenFrom(
  { name: experiment, analysis }: Experiment,
  requests: readonly RunRequest[],
  { results, refusal }: Setting,
  { refused, lacking }: Complaints,
): Map<string, RunRecord> {
  const { measures } = analysisNamed(analysis);
  const taken = new Map<string, RunRecord>();
  for (const { name } of requests) {
    const files = collectedFiles(results, experiment, name);
    const wrong: string[] = [];
    const short: string[] = [];
    for (const file of files) {
      const { record, why } = judged(readCellFile(file), refusal);
      if (record === null) wrong.push(`${shownPath(file)}: ${why}`);
      else if (measures !== null && !measures.schema.safeParse(record.measures[analysis]).success) short.push(file);
      else {
        taken.set(name, record);
        break;
      }
    }
    if (taken.has(name)) continue;
    if (wrong[0] !== undefined) refused.set(name, wrong[0]);
    else if (short[0] !== undefined) {
      lacking.push(
        `${experiment}: the cell ${shownPath(short[0])} lacks what the analysis "${analysis}" needs from a run's folder, so its run must be done here`,
      );
    }
  }
  return taken;
}

/** Cell files of a run, the experiment's own first. */
export function collectedFiles(results: string, experiment: string, run: string): string[] {
  const others = existsSync(results) ? readdirSync(results).sort() : [];
  return [experiment, ...others.filter((name) => name !== experiment)]
    .map((name) => cellFile(results, name, run))
    .filter((file) => existsSync(file));
}

/** A cell file's content where it counts here, else why it does not. */
export function judged(
  cell: ReadCell,
  refusal: Refusal,
): { readonly record: RunRecord; readonly why: null } | { readonly record: null; readonly why: string } {
  if (cell.kind === "damaged") {
    return {
      record: null,
      why: `${cell.why}; restore it from where it was collected (git checkout), or remove it to repeat the run`,
    };
  }
  const why = refusal(cell.record);
  return why === null ? { record: cell.record, why } : { record: null, why };
}

/** Never repeats hours of work without asking: names the cells that do not count, and says what to do. */
export function refuseUncounted({ refused }: Sources): void {
  const [first, ...others] = [...refused];
  if (first === undefined) return;
  const more = others.length === 0 ? "" : `. Refused too: ${others.map(([name]) => name).join(", ")}`;
  throw new InputError(`${first[1]}${more}`);
}

/** A run of an experiment, wherever it was done. */
export interface Gathered extends Measured {
  readonly record: RunRecord;
}

/** The experiment's finished runs, here or elsewhere, in the order of the request. */
export async function gather(one: Chosen, { sweep, taken }: Sources, setting: Setting): Promise<Gathered[]> {
  const { experiment, requests } = one;
  const analysis = analysisNamed(experiment.analysis);
  const elsewhere = taken.get(experiment.name) ?? new Map<string, RunRecord>();
  const cells = cellsOf(
    requests.filter(({ name }) => !elsewhere.has(name)),
    sweep,
  );
  const here = await recordsOf(one, cells, analysis, setting);
  return requests.flatMap(({ name, levels, configuration: { seed } }) => {
    const record = here.get(name) ?? elsewhere.get(name);
    if (record === undefined) return [];
    const cell = { levels, name: combinationName(levels), seed };
    return [{ ...measured(cell, record.rows, record.measures[experiment.analysis]), record }];
  });
}

/** The runs that are finished here. */
async function recordsOf(
  { experiment, requests }: Chosen,
  cells: ReturnType<typeof cellsOf>,
  { measures }: Analysis,
  { folder, sweep: { progress, signal, ...options } }: Setting,
): Promise<Map<string, RunRecord>> {
  const finished = cells.filter((cell) => finishedState(cell.folder) !== null);
  const records = new Map<string, RunRecord>();
  if (measures === null) {
    for (const cell of finished) records.set(cell.run, await recordOf(cell, {}));
    return records;
  }
  const whole = await openRuns(requests, { ...options, progress, folder: path.join(folder, "runs"), command: "" });
  const place = { cells: cellsOf(requests, whole), folder, progress, signal };
  progress.begin("runs looked at", finished.length, "runs");
  for (const cell of finished) {
    signal.throwIfAborted();
    records.set(cell.run, await recordOf(cell, { [experiment.analysis]: await measures.take(cell, place) }));
    progress.advance(records.size);
  }
  progress.end();
  return records;
}
