/**
 * @file The submissions of a sweep: files in its folder, by which a later controller finds the jobs, and a job finds
 * its cell.
 */

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { describeComplaint } from "../../complaint.js";
import { InputError } from "../../errors.js";
import { writeDurably } from "../../files/durable-file.js";
import { readPlainFile } from "../../files/plain-file.js";

const submission = z.object({
  schema: z.literal(1),
  /** The job's name, unique to this submission. */
  name: z.string(),
  planFile: z.string(),
  /** Names of cells' folders, by the index of the array's task. */
  cells: z.array(z.string()),
});
/** One array job. */
export type Submission = z.infer<typeof submission>;

const outcome = z.object({
  schema: z.literal(1),
  job: z.string(),
  /** The exit code of the cell's process. */
  code: z.number(),
  message: z.string(),
});
/** The end of a cell's process that did not finish the cell. */
export type Outcome = z.infer<typeof outcome>;

const identity = z.object({ schema: z.literal(1), id: z.string(), folder: z.string() });

export class Submissions {
  private constructor(
    /** FOLDER/slurm */
    readonly folder: string,
    private readonly id: string,
    private readonly list: Submission[],
  ) {}

  static open(sweepFolder: string): Submissions {
    const folder = path.join(path.resolve(sweepFolder), "slurm");
    for (const part of ["jobs", "logs", "outcomes"]) mkdirSync(path.join(folder, part), { recursive: true });
    const file = path.join(folder, "identity.json");
    const known = existsSync(file) ? parseFile(file, identity) : null;
    if (known !== null && isSamePlace(known.folder, folder)) return new Submissions(folder, known.id, readAll(folder));
    // A copy of a sweep's folder has its own jobs: those of the original write to the original.
    for (const name of readdirSync(folder)) if (SUBMISSION.test(name)) rmSync(path.join(folder, name));
    const id = randomBytes(4).toString("hex");
    writeDurably(file, `${JSON.stringify({ schema: 1, id, folder } satisfies z.infer<typeof identity>)}\n`);
    return new Submissions(folder, id, []);
  }

  /** Names of all jobs ever submitted for this sweep. */
  get names(): string[] {
    return this.list.map(({ name }) => name);
  }

  /** The cell of a job's task. */
  cellOf(name: string, index: number): string | undefined {
    return this.list.find((one) => one.name === name)?.cells[index];
  }

  /** Written to disk before anything is submitted, so that after a kill in between the jobs can be found by name. */
  add(planFile: string, cells: readonly string[]): { readonly submission: Submission; readonly file: string } {
    const number = this.list.length + 1;
    const added: Submission = { schema: 1, name: `rls3-${this.id}-${number}`, planFile, cells: [...cells] };
    for (const cell of cells) rmSync(outcomeFile(this.folder, cell), { force: true });
    const file = this.fileOf(number);
    writeDurably(file, `${JSON.stringify(added, null, 2)}\n`);
    this.list.push(added);
    return { submission: added, file };
  }

  /** Forgets the newest one, which Slurm did not accept. */
  dropLast(): void {
    this.list.pop();
    rmSync(this.fileOf(this.list.length + 1), { force: true });
  }

  private fileOf(number: number): string {
    return path.join(this.folder, `submission-${String(number).padStart(4, "0")}.json`);
  }

  outcome(cell: string): Outcome | null {
    const file = outcomeFile(this.folder, cell);
    return existsSync(file) ? parseFile(file, outcome) : null;
  }

  events(cell: string): string {
    return eventsFile(this.folder, cell);
  }

  log(cell: string): string {
    return logFile(this.folder, cell);
  }

  /** Slurm's output about a task: why its script did not start, or what ended it. */
  jobLog(id: string): string {
    return path.join(this.folder, "jobs", `${id}.out`);
  }

  /** The same path for all tasks, as sbatch's pattern; escapes a % in the folder's path. */
  get jobLogPattern(): string {
    return path.join(this.folder.replaceAll("%", "%%"), "jobs", "%A_%a.out");
  }
}

/** The same folder may have another path, through a symbolic link. */
const isSamePlace = (one: string, other: string): boolean =>
  one === other || (existsSync(one) && realpathSync(one) === realpathSync(other));

const SUBMISSION = /^submission-(\d+)\.json$/;

const readAll = (folder: string): Submission[] =>
  readdirSync(folder)
    .filter((name) => SUBMISSION.test(name))
    .sort()
    .map((name) => readSubmission(path.join(folder, name)));

export const readSubmission = (file: string): Submission => parseFile(file, submission);

/** @throws InputError for a file that is damaged or of another version */
function parseFile<T>(file: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(readPlainFile(file).toString("utf8"));
  } catch (error) {
    throw new InputError(`${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InputError(`${file}: is damaged, or another version's: ${describeComplaint(parsed.error, value)}`);
}

export const logFile = (folder: string, cell: string): string => path.join(folder, "logs", `${cell}.log`);

/** The cell's log for the controller, one LogMessage per line. */
export const eventsFile = (folder: string, cell: string): string => path.join(folder, "logs", `${cell}.jsonl`);

/** A line of a cell's log. */
export interface LogMessage {
  readonly type: "say" | "warn";
  readonly line: string;
}
const outcomeFile = (folder: string, cell: string): string => path.join(folder, "outcomes", `${cell}.json`);

export const writeOutcome = (folder: string, cell: string, value: Omit<Outcome, "schema">): void =>
  writeDurably(outcomeFile(folder, cell), `${JSON.stringify({ schema: 1, ...value } satisfies Outcome)}\n`);
