/** @file A run on disk: configuration, rows, samples, checkpoints; whole at any moment, and gone on with from the last checkpoint. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { stringify } from "csv-stringify/sync";
import { type Logger, pino } from "pino";
import { InputError } from "../errors.js";
import type { Tensors } from "../graph/runtime.js";
import { EPISODE_COLUMNS, METRIC_COLUMNS, type SampleLine } from "../report/columns.js";
import { appendDurably, writeDurably } from "./durable-file.js";
import { readTensorFile, writeTensorFile } from "./tensor-file.js";

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
    readRunConfig(folder);
    return new RunDirectory(folder, takeLock(folder));
  }

  path(...parts: readonly string[]): string {
    return path.join(this.folder, ...parts);
  }

  append(table: Table, rows: readonly CsvRow[]): void {
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

  /** After this returns a killed run goes on from here. Older checkpoints than the last `kept` are removed. */
  saveCheckpoint<State>(iteration: number, { state, tensors }: Checkpoint<State>, kept: number): void {
    const sizes = Object.fromEntries(COUNTED.map((table) => [table, statSync(this.path(table)).size]));
    writeTensorFile(this.checkpoint(iteration), tensors, { state, sizes } satisfies Note<State>);
    for (const old of this.checkpoints().slice(kept)) rmSync(this.checkpoint(old), { force: true });
  }

  /** The newest checkpoint that is whole, the tables cut back to it; null (and an empty run) where there is none. */
  resume<State>(): Checkpoint<State> | null {
    for (const iteration of this.checkpoints()) {
      try {
        const { tensors, note } = readTensorFile(this.checkpoint(iteration));
        const { state, sizes } = note as Note<State>;
        if (!COUNTED.every((table) => statSync(this.path(table)).size >= (sizes[table] ?? 0))) continue;
        for (const table of COUNTED) truncateSync(this.path(table), sizes[table] ?? 0);
        this.log.info({ iteration }, "resumed");
        return { state, tensors };
      } catch (error) {
        // A damaged checkpoint is no reason to lose the run: the one before it gives the same results, later.
        this.log.warn({ iteration, error: String(error) }, "checkpoint not usable");
      }
    }
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
    rmSync(this.lock, { force: true });
  }

  private startAnew(): void {
    for (const folder of ["samples", "checkpoints"]) rmSync(this.path(folder), { recursive: true, force: true });
    for (const [table, columns] of Object.entries(TABLES)) {
      writeDurably(this.path(table), stringify([[...columns]]));
    }
  }

  private checkpoint(iteration: number): string {
    return this.path("checkpoints", `${numbered(iteration)}.safetensors`);
  }

  /** Iterations of the checkpoints there are, newest first. */
  private checkpoints(): number[] {
    if (!existsSync(this.path("checkpoints"))) return [];
    return readdirSync(this.path("checkpoints"))
      .flatMap((name) => (/^\d+\.safetensors$/.test(name) ? [Number.parseInt(name, 10)] : []))
      .sort((a, b) => b - a);
  }
}

/** A folder with anything in it is refused before anything is done. `shared` may have been put there for the run. */
export function refuseUsed(folder: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) throw new InputError(`--out ${folder}: is a file; name a folder`);
  const entries = readdirSync(folder);
  if (entries.includes("config.json")) {
    throw new InputError(
      `--out ${folder}: holds another run; name another folder, or go on with it by --resume ${folder}`,
    );
  }
  if (entries.length > 0) throw new InputError(`--out ${folder}: is not empty; name another folder`);
}

/** config.json of a run, parsed as JSON. */
export function readRunConfig(folder: string): Readonly<Record<string, unknown>> {
  const file = path.join(folder, "config.json");
  if (!existsSync(file)) throw new InputError(`${folder}: is no run's folder (it has no config.json)`);
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  } catch {
    throw new InputError(`${file}: is not JSON; restore it, or start the run anew in another folder`);
  }
}

/** One process writes to a run's folder; a dead one's lock is taken over. */
function takeLock(folder: string): string {
  const file = path.join(folder, ".lock");
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = openSync(file, "wx");
      writeSync(handle, String(process.pid));
      closeSync(handle);
      return file;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      const owner = Number.parseInt(readFileSync(file, "utf8"), 10);
      if (attempt > 0 || (owner !== process.pid && isAlive(owner))) {
        throw new InputError(`${folder}: process ${owner} is writing to it; wait for it or end it`);
      }
      rmSync(file, { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
