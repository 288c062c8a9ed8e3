/**
 * @file A table that grows with a run. Every row is flushed before it counts, and no row is added to a file that anyone
 * else has changed.
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, constants, existsSync, fstatSync, openSync, truncateSync } from "node:fs";
import { stringify } from "csv-stringify/sync";
import { InputError, UnavailableError } from "../errors.js";
import { flushed, writeDurably, writingError } from "../files/durable-file.js";
import { MOST_TEXT_BYTES, readPlainFile } from "../files/plain-file.js";

export type CsvRow = Readonly<Record<string, number | null>>;

/** What a checkpoint records of a table: its length, and a digest of its content. */
export interface Mark {
  readonly size: number;
  readonly sha256: string;
}

/** On resume, a table's rows after the checkpoint are cut off; `lost` says which rows that it counts are missing. */
export type Reopened = { readonly table: Table; readonly lost: null } | { readonly table: null; readonly lost: string };

export class Table {
  private constructor(
    readonly file: string,
    private readonly columns: readonly string[],
    private size: number,
    private readonly hash: Hash,
  ) {}

  /** Starts a table with its header alone. */
  static begin(file: string, columns: readonly string[]): Table {
    const header = stringify([[...columns]]);
    writeDurably(file, header);
    return Table.of(file, columns, Buffer.from(header));
  }

  /** Opens an existing table, whatever it holds; starts one where there is none. */
  static goOn(file: string, columns: readonly string[]): Table {
    return existsSync(file) ? Table.of(file, columns, readPlainFile(file)) : Table.begin(file, columns);
  }

  /**
   * Checks that the table is as it was at the mark.
   * @throws InputError where rows that the mark counts have changed
   */
  static check(file: string, columns: readonly string[], mark: Mark): Reopened {
    if (!existsSync(file)) return { table: null, lost: `${file} is missing` };
    const bytes = readPlainFile(file, Math.max(MOST_TEXT_BYTES, 2 * mark.size));
    if (bytes.length < mark.size) return { table: null, lost: `${file} lacks rows that the run had written` };
    const table = Table.of(file, columns, bytes.subarray(0, mark.size));
    if (table.mark().sha256 === mark.sha256) return { table, lost: null };
    throw new InputError(`${file}: was changed after the run had written it; put it back as it was`);
  }

  private static of(file: string, columns: readonly string[], bytes: Uint8Array): Table {
    return new Table(file, columns, bytes.length, createHash("sha256").update(bytes));
  }

  mark(): Mark {
    return { size: this.size, sha256: this.hash.copy().digest("hex") };
  }

  /** Cuts off rows after those that it knows. */
  cut(): void {
    try {
      truncateSync(this.file, this.size);
    } catch (error) {
      throw writingError(this.file, error);
    }
  }

  append(rows: readonly CsvRow[]): void {
    const bytes = Buffer.from(stringify(rows.map((row) => this.columns.map((column) => row[column] ?? null))));
    try {
      // Do not create the file: a new one in place of a removed one would lack all rows so far.
      const handle = openSync(this.file, constants.O_WRONLY | constants.O_APPEND);
      try {
        if (fstatSync(handle).size !== this.size) throw this.disturbed("changed");
        flushed(handle, bytes);
      } finally {
        closeSync(handle);
      }
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") throw this.disturbed("removed");
      throw writingError(this.file, error);
    }
    this.hash.update(bytes);
    this.size += bytes.length;
  }

  /** The rows so far. */
  rows(): CsvRow[] {
    const [, ...lines] = this.text().trimEnd().split("\n");
    return lines.map((line) => {
      const cells = line.split(",");
      return Object.fromEntries(
        this.columns.map((column, i) => [column, cells[i] === "" || cells[i] === undefined ? null : Number(cells[i])]),
      );
    });
  }

  private text(): string {
    try {
      return readPlainFile(this.file).toString("utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") throw this.disturbed("removed");
      throw error;
    }
  }

  private disturbed(how: string): UnavailableError {
    return new UnavailableError(
      `${this.file} was ${how} while the run was writing it, so the run ends; put it back as it was and go on with --resume`,
    );
  }
}
