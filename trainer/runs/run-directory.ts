/**
 * @file A run on disk: configuration, rows, samples, checkpoints. It is consistent at any moment, and can go on from
 * its last checkpoint.
 */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { type Logger, pino } from "pino";
import { z } from "zod";
import { InputError, UnavailableError } from "../errors.js";
import { writeDurably } from "../files/durable-file.js";
import { readPlainFile } from "../files/plain-file.js";
import { eventFiles } from "../report/tensorboard/event-writer.js";
import { EPISODE_COLUMNS, METRIC_COLUMNS, PLUGIN_COLUMNS, type SampleLine } from "../run-format/columns.js";
import { LOCK_FILE } from "../run-format/run-lock.js";
import {
  adapterProblem,
  type Checkpoint,
  checkpointsIn,
  type KeptAdapter,
  keepAdapter,
  mendAdapter,
  newestNote,
  numbered,
  prune,
  type ReadCheckpoint,
  readCheckpoint,
  writeCheckpoint,
} from "./checkpoints.js";
import { followedSettings, refuseChangedButLonger } from "./followed-settings.js";
import { refuseOtherLanguage } from "./language-version.js";
import { type Lock, takeLock } from "./lock.js";
import { type CsvRow, Table } from "./table.js";

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

type TableName = "metrics.csv" | "episodes.csv" | "plugin.csv" | "timings.csv";
type Tables = ReadonlyMap<TableName, readonly string[]>;

/** The columns of each of a run's tables; plugin.csv exists only for a plugin with metrics. */
function tablesOf(config: Readonly<Record<string, unknown>>): Tables {
  const { metrics = [] } = measuringSchema.safeParse(config["plugin"]).data ?? {};
  return new Map<TableName, readonly string[]>([
    ["metrics.csv", METRIC_COLUMNS],
    ["episodes.csv", EPISODE_COLUMNS],
    ...(metrics.length === 0 ? [] : [["plugin.csv", [...PLUGIN_COLUMNS, ...metrics]] as const]),
    ["timings.csv", TIMING_COLUMNS],
  ]);
}

const measuringSchema = z.object({ metrics: z.array(z.string()) });

/** Whether checkpoints count a table's rows: rows after the checkpoint are cut off on resume. */
const isCounted = (name: TableName): boolean => name !== "timings.csv";

export class RunDirectory {
  readonly log: Logger;
  private readonly columns: Tables;
  private tables: ReadonlyMap<TableName, Table> = new Map();
  private adapter: KeptAdapter | null = null;

  private constructor(
    readonly folder: string,
    private readonly lock: Lock,
    /** The content of config.json. */
    readonly config: Readonly<Record<string, unknown>>,
  ) {
    this.columns = tablesOf(config);
    const destination = pino.destination({ dest: path.join(folder, "log.jsonl"), sync: true, append: true });
    // A lost line of the log should not end a run; a lost row should, and throws.
    destination.on("error", () => undefined);
    this.log = pino({ base: null }, destination);
  }

  /** Creates a new run's folder; refuses one that is not empty. */
  static create(folder: string, config: Readonly<Record<string, unknown>>): RunDirectory {
    refuseUsed(folder);
    mkdirSync(folder, { recursive: true });
    return RunDirectory.locked(folder, (lock) => {
      // Another process may have used the folder since the check above.
      refuseUsed(folder);
      writeDurably(path.join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
      const directory = new RunDirectory(folder, lock, config);
      directory.beginTables();
      return directory;
    });
  }

  /** Opens a run's folder to go on with it. */
  static open(folder: string): RunDirectory {
    return RunDirectory.locked(folder, (lock) => {
      const config = readRunConfig(folder);
      refuseOtherLanguage(path.join(folder, "config.json"), config["languageVersion"]);
      return new RunDirectory(folder, lock, config);
    });
  }

  private static locked(folder: string, make: (lock: Lock) => RunDirectory): RunDirectory {
    if (!existsSync(folder)) throw new InputError(`${folder}: does not exist; name a run's folder`);
    const lock = takeLock(folder);
    try {
      return make(lock);
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** Whether pictures of all samples are stored. */
  get keepsPictures(): boolean {
    return this.config["keepPictures"] === true;
  }

  path(...parts: readonly string[]): string {
    return path.join(this.folder, ...parts);
  }

  append(table: TableName, rows: readonly CsvRow[]): void {
    this.refuseTakenOver();
    this.table(table).append(rows);
  }

  /** Writes all samples of an iteration as lines, and pictures of some: samples/NNNN.jsonl and samples/NNNN/. */
  writeSamples(iteration: number, lines: readonly SampleLine[], pictures: ReadonlyMap<string, Uint8Array>): void {
    for (const [name, png] of pictures) writeDurably(this.path("samples", name), png);
    writeDurably(
      this.path("samples", `${numbered(iteration)}.jsonl`),
      lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
  }

  /** Lets `save` write the model's current adapter, and copies it to the checkpoints. */
  async saveAdapter(iteration: number, save: (folder: string) => Promise<void>): Promise<void> {
    this.refuseTakenOver();
    await save(this.path("adapter"));
    this.adapter = keepAdapter(this.folder, iteration);
  }

  /** Once this returns, a killed run goes on from here. Removes all but the `newest` checkpoints. */
  saveCheckpoint(iteration: number, { state, tensors }: Checkpoint, newest: number): void {
    this.refuseTakenOver();
    const tables = Object.fromEntries(this.counted().map(([name]) => [name, this.table(name).mark()]));
    const note = { state, tables, settings: followedSettings(this.config), adapter: this.adapter };
    writeCheckpoint(this.folder, iteration, tensors, note);
    prune(this.folder, newest);
  }

  /**
   * Goes back to the newest undamaged checkpoint with all its rows: cuts the tables back to it, restores the adapter,
   * and returns it. Null for a run that was stopped before its first checkpoint. `warn` gets the checkpoints that are
   * skipped. Removes nothing but rows after the checkpoint and checkpoints older than the `newest`.
   * @throws InputError where there is nothing to go on from
   */
  resume(newest: number, warn: (line: string) => void): Checkpoint | null {
    const saved = checkpointsIn(this.folder);
    const problems: string[] = [];
    for (const iteration of saved) {
      const read = readCheckpoint(this.folder, iteration);
      const found = read.checkpoint === null ? read : this.reopened(iteration, read.checkpoint);
      if (found.checkpoint !== null) {
        this.adapter = found.checkpoint.note.adapter;
        if (this.adapter !== null) mendAdapter(this.folder, this.adapter, warn);
        this.warnOfLostSamples(iteration, warn);
        prune(this.folder, newest, iteration);
        this.log.info({ iteration }, "resumed");
        const { note, tensors } = found.checkpoint;
        return { state: note.state, tensors };
      }
      problems.push(found.problem);
      this.log.warn({ iteration, problem: found.problem }, "checkpoint left out");
      warn(`the checkpoint of iteration ${iteration} is left out: ${found.problem}`);
    }
    const [first] = problems;
    if (first !== undefined) throw this.nothingToGoOnFrom(first);
    if (this.hasMoreThanAStart()) throw this.nothingToGoOnFrom(`${this.path("checkpoints")} holds no checkpoint`);
    this.beginAgain();
    return null;
  }

  /**
   * Checks a finished run's files, as on resume.
   * @throws InputError where they differ from what the run wrote
   */
  settle(warn: (line: string) => void): void {
    const note = newestNote(this.folder);
    if (note === null) return;
    refuseChangedButLonger(this.path("config.json"), note.settings, this.config);
    for (const [name, columns] of this.counted()) {
      const mark = note.tables[name];
      const lost = mark === undefined ? null : Table.check(this.path(name), columns, mark).lost;
      if (lost !== null) throw new InputError(`${lost}; put it back from a copy`);
    }
    const { adapter } = note;
    if (adapter === null) return;
    const problem = adapterProblem(this.folder, adapter);
    if (problem !== null) throw new InputError(`${problem}; put one back from a copy`);
    mendAdapter(this.folder, adapter, warn);
  }

  /** Removes everything that the run has written so far; it begins again with its configuration. */
  restart(): void {
    for (const name of ["samples", "checkpoints", "adapter"]) rmSync(this.path(name), { recursive: true, force: true });
    for (const name of [...this.columns.keys(), ...eventFiles(this.folder)]) {
      rmSync(this.path(name), { recursive: true, force: true });
    }
    this.beginAgain();
  }

  /** The rows of a table so far. */
  rows(table: TableName): CsvRow[] {
    return this.table(table).rows();
  }

  close(): void {
    this.lock.close();
  }

  /** Two processes that write would destroy each other's rows. */
  private refuseTakenOver(): void {
    if (this.lock.held()) return;
    throw new UnavailableError(`${this.folder}: another process has taken this run over, so this one ends`);
  }

  private table(name: TableName): Table {
    const table = this.tables.get(name);
    if (table === undefined) throw new Error(`${name} is written to before the run was begun or resumed`);
    return table;
  }

  private counted(): (readonly [TableName, readonly string[]])[] {
    return [...this.columns].filter(([name]) => isCounted(name));
  }

  private beginTables(): void {
    this.tables = new Map([...this.columns].map(([name, columns]) => [name, Table.begin(this.path(name), columns)]));
  }

  private beginAgain(): void {
    this.beginTables();
    this.log.info({ iteration: 0 }, "resumed");
  }

  /** Cuts the tables back to the checkpoint; returns the problem where rows that it counts are lost. */
  private reopened(iteration: number, checkpoint: NonNullable<ReadCheckpoint["checkpoint"]>): ReadCheckpoint {
    const { tables, settings } = checkpoint.note;
    refuseChangedButLonger(this.path("config.json"), settings, this.config);
    const counted: [TableName, Table][] = [];
    for (const [name, columns] of this.counted()) {
      const mark = tables[name];
      if (mark === undefined) return { checkpoint: null, problem: `it does not say how long ${name} was` };
      const { table, lost } = Table.check(this.path(name), columns, mark);
      if (table === null) return { checkpoint: null, problem: `${lost}, which iteration ${iteration} counts` };
      counted.push([name, table]);
    }
    for (const [, table] of counted) table.cut();
    const timings = Table.goOn(this.path("timings.csv"), TIMING_COLUMNS);
    this.tables = new Map([...counted, ["timings.csv", timings]]);
    return { checkpoint, problem: null };
  }

  private warnOfLostSamples(iteration: number, warn: (line: string) => void): void {
    const lost = Array.from({ length: iteration }, (_, i) => i + 1).filter(
      (one) => !existsSync(this.path("samples", `${numbered(one)}.jsonl`)),
    );
    if (lost.length === 0) return;
    warn(`${this.path("samples")}: the samples of iteration ${lost.join(", ")} are gone, and stay so`);
  }

  /** A run that was stopped before its first checkpoint has at most one row, and no samples. */
  private hasMoreThanAStart(): boolean {
    return iterationsIn(this.folder) > 1 || existsSync(this.path("samples"));
  }

  private nothingToGoOnFrom(why: string): InputError {
    return new InputError(
      `${this.folder}: can't go on: ${why}. Nothing was removed. Put it back from a copy; or to begin the run anew, without what it has so far: rls3 train --resume ${this.folder} --restart`,
    );
  }
}

/** Number of rows in a run's metrics, including row 0; 0 where there is no run yet. */
export function iterationsIn(folder: string): number {
  const file = path.join(folder, "metrics.csv");
  return existsSync(file) ? Math.max(0, readPlainFile(file).toString("utf8").trimEnd().split("\n").length - 1) : 0;
}

/** Left behind by a start that was killed before it wrote its configuration: nothing to go on with, nothing to lose. */
const isLeftByAKilledStart = (name: string): boolean =>
  name === "config.json.unfinished" || name === LOCK_FILE || name.startsWith(`${LOCK_FILE}.`);

/** Refuses a folder that holds something or cannot be made, before anything is done. */
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

/** Refuses any folder that is not empty. */
export function refuseFilled(folder: string): void {
  refuseUnwritable(folder);
  if (existsSync(folder) && readdirSync(folder).length > 0) throw notEmpty(folder);
}

const notEmpty = (folder: string): InputError => new InputError(`--out ${folder}: is not empty; name another folder`);

/** Refuses a folder that cannot be made or written to, judging by the nearest existing folder above it. */
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
    new InputError(`${file}: is ${what}; restore it, or start the run again in another folder`);
  let config: unknown;
  try {
    config = JSON.parse(readPlainFile(file).toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged("not JSON");
    throw error;
  }
  const parsed = z.record(z.string(), z.unknown()).safeParse(config);
  if (!parsed.success) throw damaged("no run's configuration");
  return parsed.data;
}
