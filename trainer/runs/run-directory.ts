/** @file A run on disk: configuration, rows, samples, checkpoints; whole at any moment, and gone on with from the last checkpoint. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import path from "node:path";
import { stringify } from "csv-stringify/sync";
import { type Logger, pino } from "pino";
import { InputError, UnavailableError } from "../errors.js";
import { appendDurably, writeDurably } from "../files/durable-file.js";
import { readTensorFile, readTensorNote, writeTensorFile } from "../files/tensor-file.js";
import { EPISODE_COLUMNS, METRIC_COLUMNS, type SampleLine } from "../run-format/columns.js";
import { LOCK_FILE } from "../run-format/run-lock.js";
import type { Tensors } from "../tensor.js";
import { refuseOtherLanguage } from "./language-version.js";
import { holdsLock, takeLock } from "./lock.js";

export type CsvRow = Readonly<Record<string, number | null>>;

export const TIMING_COLUMNS = [
  "iteration",
  "episodes",
  "score",
  "agent",
  "fineTuning",
  "evaluation",
  "checkpoint",
  "total",
] as const;

const TABLES = {
  "metrics.csv": METRIC_COLUMNS,
  "episodes.csv": EPISODE_COLUMNS,
  "timings.csv": TIMING_COLUMNS,
} as const;
type Table = keyof typeof TABLES;
/** Their sizes go into the checkpoint: rows after it are cut off on resume. */
const COUNTED: readonly Table[] = ["metrics.csv", "episodes.csv"];

export interface Checkpoint<State> {
  readonly state: State;
  readonly tensors: Tensors;
}

interface Note<State> {
  readonly state: State;
  readonly sizes: Readonly<Record<string, number>>;
}

/** Of a table at the checkpoint. */
function sizeIn(sizes: Note<unknown>["sizes"], table: Table): number {
  const size = sizes[table];
  if (size === undefined) throw new Error(`the checkpoint does not say how long ${table} was`);
  return size;
}

const numbered = (iteration: number): string => String(iteration).padStart(4, "0");

export class RunDirectory {
  readonly log: Logger;

  private constructor(
    readonly folder: string,
    private readonly lock: string,
  ) {
    this.log = pino(
      { base: null },
      pino.destination({ dest: path.join(folder, "log.jsonl"), sync: true, append: true }),
    );
  }

  /** A new run's folder; one that holds something already is refused. */
  static create(folder: string, config: unknown): RunDirectory {
    refuseUsed(folder);
    mkdirSync(folder, { recursive: true });
    const lock = takeLock(folder);
    writeDurably(path.join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
    const directory = new RunDirectory(folder, lock);
    directory.startAnew();
    return directory;
  }

  /** A run's folder to go on with. */
  static open(folder: string): RunDirectory {
    const { languageVersion } = readRunConfig(folder);
    refuseOtherLanguage(path.join(folder, "config.json"), languageVersion);
    return new RunDirectory(folder, takeLock(folder));
  }

  /** The state in a run's newest checkpoint, read without touching anything of the run; null where there is none. */
  static peek<State>(folder: string): State | null {
    const [newest] = checkpointsIn(folder);
    return newest === undefined ? null : (readTensorNote(checkpointFile(folder, newest)) as Note<State>).state;
  }

  path(...parts: readonly string[]): string {
    return path.join(this.folder, ...parts);
  }

  append(table: Table, rows: readonly CsvRow[]): void {
    this.refuseTakenOver();
    appendDurably(this.path(table), stringify(rows.map((row) => TABLES[table].map((column) => row[column] ?? null))));
  }

  /** All of an iteration's samples as lines, and pictures of some: samples/NNNN.jsonl and samples/NNNN/. */
  writeSamples(iteration: number, lines: readonly SampleLine[], pictures: ReadonlyMap<string, Uint8Array>): void {
    for (const [name, png] of pictures) writeDurably(this.path("samples", name), png);
    writeDurably(
      this.path("samples", `${numbered(iteration)}.jsonl`),
      lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
  }

  /** After this returns a killed run goes on from here. Older checkpoints than the `newest` so many are removed. */
  saveCheckpoint<State>(iteration: number, { state, tensors }: Checkpoint<State>, newest: number): void {
    this.refuseTakenOver();
    const sizes = Object.fromEntries(COUNTED.map((table) => [table, statSync(this.path(table)).size]));
    writeTensorFile(this.checkpoint(iteration), tensors, { state, sizes } satisfies Note<State>);
    for (const old of this.checkpoints().slice(newest)) rmSync(this.checkpoint(old), { force: true });
  }

  /**
   * The newest checkpoint that is whole, the tables cut back to it; null (and an empty run) where there is none.
   * `warn` hears of those that are not.
   */
  resume<State>(warn: (line: string) => void = () => undefined): Checkpoint<State> | null {
    const saved = this.checkpoints();
    for (const iteration of saved) {
      try {
        const { tensors, note } = readTensorFile(this.checkpoint(iteration));
        const { state, sizes } = note as Note<State>;
        const short = COUNTED.find((table) => statSync(this.path(table)).size < sizeIn(sizes, table));
        if (short !== undefined) {
          warn(`${this.path(short)} lacks rows that iteration ${iteration} had written; its checkpoint is left out`);
          continue;
        }
        for (const table of COUNTED) truncateSync(this.path(table), sizeIn(sizes, table));
        this.log.info({ iteration }, "resumed");
        return { state, tensors };
      } catch (error) {
        // A damaged checkpoint is no reason to lose the run: the one before it gives the same results, later.
        this.log.warn({ iteration, error: String(error) }, "checkpoint not usable");
        warn(
          `${this.checkpoint(iteration)} is not usable and left out: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
    if (saved.length > 0) warn(`${this.folder}: no checkpoint is usable, so the run starts anew`);
    this.startAnew();
    return null;
  }

  /** The rows of a table so far. */
  rows(table: Table): CsvRow[] {
    const [, ...lines] = readFileSync(this.path(table), "utf8").trimEnd().split("\n");
    const columns = TABLES[table];
    return lines.map((line) => {
      const cells = line.split(",");
      return Object.fromEntries(
        columns.map((column, i) => [column, cells[i] === "" || cells[i] === undefined ? null : Number(cells[i])]),
      );
    });
  }

  close(): void {
    if (holdsLock(this.lock)) rmSync(this.lock, { force: true });
  }

  /** Two that write would leave neither's rows. */
  private refuseTakenOver(): void {
    if (holdsLock(this.lock)) return;
    throw new UnavailableError(`${this.folder}: another process has taken this run over, so this one ends`);
  }

  private startAnew(): void {
    for (const folder of ["samples", "checkpoints"]) rmSync(this.path(folder), { recursive: true, force: true });
    for (const [table, columns] of Object.entries(TABLES)) {
      writeDurably(this.path(table), stringify([[...columns]]));
    }
  }

  private checkpoint(iteration: number): string {
    return checkpointFile(this.folder, iteration);
  }

  private checkpoints(): number[] {
    return checkpointsIn(this.folder);
  }
}

const checkpointFile = (folder: string, iteration: number): string =>
  path.join(folder, "checkpoints", `${numbered(iteration)}.safetensors`);

/** Iterations of the checkpoints there are, newest first. */
function checkpointsIn(folder: string): number[] {
  const checkpoints = path.join(folder, "checkpoints");
  if (!existsSync(checkpoints)) return [];
  return readdirSync(checkpoints)
    .flatMap((name) => (/^\d+\.safetensors$/.test(name) ? [Number.parseInt(name, 10)] : []))
    .sort((a, b) => b - a);
}

/** Rows of a run's metrics, row 0 included; 0 where there is no run yet. */
export function iterationsIn(folder: string): number {
  const file = path.join(folder, "metrics.csv");
  return existsSync(file) ? Math.max(0, readFileSync(file, "utf8").trimEnd().split("\n").length - 1) : 0;
}

/** What a start that is killed before its configuration is written leaves behind: nothing to go on with, nothing to lose. */
const isLeftByAKilledStart = (name: string): boolean =>
  name === "config.json.unfinished" || name === LOCK_FILE || name.startsWith(`${LOCK_FILE}.`);

/** A folder with anything in it, or one that can't be made, is refused before anything is done. */
export function refuseUsed(folder: string): void {
  refuseUnwritable(folder);
  if (!existsSync(folder)) return;
  const entries = readdirSync(folder).filter((entry) => !isLeftByAKilledStart(entry));
  if (entries.includes("config.json")) {
    throw new InputError(
      `--out ${folder}: holds another run; name another folder, or go on with it by --resume ${folder}`,
    );
  }
  if (entries.length > 0) throw notEmpty(folder);
}

/** A folder that holds anything at all is refused, whatever it is. */
export function refuseFilled(folder: string): void {
  refuseUnwritable(folder);
  if (existsSync(folder) && readdirSync(folder).length > 0) throw notEmpty(folder);
}

const notEmpty = (folder: string): InputError => new InputError(`--out ${folder}: is not empty; name another folder`);

/** A folder that can't be made or written to is refused, by the look of the nearest one above it that is there. */
export function refuseUnwritable(folder: string): void {
  let nearest = path.resolve(folder);
  while (!existsSync(nearest)) nearest = path.dirname(nearest);
  if (!statSync(nearest).isDirectory()) {
    throw new InputError(
      `--out ${folder}: ${nearest === path.resolve(folder) ? "" : `${nearest} `}is a file; name a folder`,
    );
  }
  try {
    accessSync(nearest, constants.W_OK);
  } catch {
    throw new InputError(`--out ${folder}: ${nearest} may not be written to; name another folder`);
  }
}

/** config.json of a run, parsed as JSON. */
export function readRunConfig(folder: string): Readonly<Record<string, unknown>> {
  const file = path.join(folder, "config.json");
  if (existsSync(path.join(folder, "sweep.json"))) {
    throw new InputError(`${folder}: is a sweep; go on with it by the rls3 sweep command that it was started with`);
  }
  if (!existsSync(file)) throw new InputError(`${folder}: is no run's folder (it has no config.json)`);
  const damaged = (what: string): InputError =>
    new InputError(`${file}: is ${what}; restore it, or start the run anew in another folder`);
  let config: unknown;
  try {
    config = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw damaged("not JSON");
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) throw damaged("no run's configuration");
  return config as Record<string, unknown>;
}
