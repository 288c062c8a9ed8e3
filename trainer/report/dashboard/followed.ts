/** @file What a file says, read again when the file has changed. */
import { stat } from "node:fs/promises";
import path from "node:path";
import { ownFile } from "./own-file.js";
import { sharedReading } from "./shared-reading.js";

export class Followed<Value> {
  /** What it said when it could last be read. */
  value: Value;
  /** Milliseconds since 1970; null while there is no file. */
  written: number | null = null;
  /** Why it cannot be read. */
  problem: string | null = null;
  private seen = "";
  /** Reads the file again if it has changed. */
  readonly poll = sharedReading(() => this.pollNow());

  /** @param within the folder that the file has to lie in once links are followed */
  constructor(
    readonly file: string,
    private readonly empty: Value,
    private readonly read: (file: string) => Promise<Value>,
    private readonly within = path.dirname(file),
  ) {
    this.value = empty;
  }

  private async pollNow(): Promise<void> {
    const now = await stat(this.file).catch(() => null);
    const seen = now === null ? "" : `${now.ino} ${now.size} ${now.mtimeMs}`;
    if (seen === this.seen) return;
    this.seen = seen;
    this.written = now?.mtimeMs ?? null;
    try {
      this.value =
        now === null ? this.empty : await this.read(await ownFile(this.within, path.relative(this.within, this.file)));
      this.problem = null;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }
}
