/** @file Follows a table that is being written: reads only what was appended; an incomplete line waits for its end. */
import { type FileHandle, stat } from "node:fs/promises";
import path from "node:path";
import { openPlainFile } from "../../files/plain-file.js";
import { ownFile } from "./own-file.js";

/** So many bytes before the place read up to are read again, to see that they are still the same file's. */
const OVERLAP = 64;

const NEWLINE = 0x0a;

export class FollowedTable<Row> {
  private readonly read: Row[] = [];
  private header: string | null = null;
  /** Bytes up to the end of the last whole line. */
  private consumed = 0;
  private before: Buffer = Buffer.alloc(0);
  private seen = "";

  /** Milliseconds since 1970; null while there is no file. */
  written: number | null = null;
  problem: string | null = null;

  /** `parse` takes the text of a whole table: header and rows. */
  constructor(
    readonly file: string,
    private readonly parse: (text: string, file: string) => readonly Row[],
  ) {}

  get rows(): readonly Row[] {
    return this.read;
  }

  /** Reads what is new. @returns whether anything is */
  async poll(): Promise<boolean> {
    const now = await stat(this.file).catch(() => null);
    const seen = now === null ? "" : `${now.ino} ${now.size} ${now.mtimeMs}`;
    if (seen === this.seen) return false;
    this.seen = seen;
    this.written = now?.mtimeMs ?? null;
    if (now === null) {
      this.startAnew();
      return true;
    }
    try {
      const handle = await openPlainFile(await ownFile(path.dirname(this.file), path.basename(this.file)));
      try {
        await this.readNew(handle, now.size);
      } finally {
        await handle.close();
      }
    } catch (error) {
      this.problem = `${this.file} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
    return true;
  }

  private async readNew(handle: FileHandle, size: number): Promise<void> {
    if (size < this.consumed || !(await this.isSameFile(handle))) this.startAnew();
    const bytes = await bytesAt(handle, this.consumed, size);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end === 0) return;
    const text = bytes.toString("utf8", 0, end);
    const rest = this.header === null ? text : `${this.header}\n${text}`;
    try {
      this.read.push(...this.parse(rest, this.file));
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      return;
    }
    this.problem = null;
    this.header ??= text.slice(0, text.indexOf("\n"));
    this.consumed += end;
    this.before = Buffer.concat([this.before, bytes.subarray(0, end)]).subarray(-OVERLAP);
  }

  /** A resumed run cuts its tables back, and may have written past the old end since. */
  private async isSameFile(handle: FileHandle): Promise<boolean> {
    if (this.before.length === 0) return true;
    return this.before.equals(await bytesAt(handle, this.consumed - this.before.length, this.consumed));
  }

  private startAnew(): void {
    this.read.length = 0;
    this.header = null;
    this.consumed = 0;
    this.before = Buffer.alloc(0);
    this.problem = null;
  }
}

async function bytesAt(handle: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.max(0, to - from));
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
