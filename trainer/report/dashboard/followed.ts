/** @file What a file says, read again when the file has changed. */
import { stat } from "node:fs/promises";
import path from "node:path";
import { ownFile } from "./own-file.js";

export class Followed<Value> {
  /** What it said when it could last be read. */
  value: Value;
  /** Milliseconds since 1970; null while there is no file. */
  written: number | null = null;
  /** Why it cannot be read. */
  problem: string | null = null;
  private seen = "";
  private polling: Promise<void> | null = null;

  constructor(
    readonly file: string,
    private readonly empty: Value,
    private readonly read: (file: string) => Promise<Value>,
  ) {
    this.value = empty;
  }

  /** Those who ask at the same time wait for the same reading; one that is under way may have begun before the last change. */
  async poll(): Promise<void> {
    await this.polling;
    this.polling ??= this.pollNow().finally(() => {
      this.polling = null;
    });
    await this.polling;
  }

  private async pollNow(): Promise<void> {
    const now = await stat(this.file).catch(() => null);
    const seen = now === null ? "" : `${now.ino} ${now.size} ${now.mtimeMs}`;
    if (seen === this.seen) return;
    this.seen = seen;
    this.written = now?.mtimeMs ?? null;
    try {
      this.value =
        now === null ? this.empty : await this.read(await ownFile(path.dirname(this.file), path.basename(this.file)));
      this.problem = null;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }
}
