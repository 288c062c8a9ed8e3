/** @file One run of the shown folder: follows its table, reads its configuration once, and knows whether it is still being written. */
import { stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { openPlainFile, readPlainFileLater } from "../../files/plain-file.js";
import { processLives } from "../../files/process-identity.js";
import { type MetricsRow, parseMetrics, type RunConfig } from "../../run-format/readers.js";
import { LOCK_FILE, parseLock } from "../../run-format/run-lock.js";
import { commandLine, describe } from "../html/configuration.js";
import { type ConfigurationDocument, type RunEntry, type RunState, SCHEMA } from "./documents.js";
import { FollowedTable } from "./followed-table.js";
import { readOwnConfig } from "./own-file.js";

/** A lock whose process is not seen here (it may run on another host) still counts for so long after the last write. */
const FRESH = 2 * 60_000;
/** The last lines of log.jsonl: after the end of a run stands at most what its process took. */
const LOG_END = 8192;

const MOST_LOCK_BYTES = 4096;

const logLine = z.object({ msg: z.string() });

/** What of a run's configuration says how long it is; the rest is shown as it is. */
const lengthSchema = z.object({
  iterations: z.number(),
  validSamples: z.number().default(0),
  episodesPerIteration: z.number().default(0),
  samplesPerEpisode: z.number().default(0),
});

export interface Place {
  readonly id: string;
  readonly folder: string;
  readonly group: string | null;
}

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

const texts = (record: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, shown(value)]));

export class WatchedRun {
  private readonly table: FollowedTable<MetricsRow>;
  private config: RunConfig | null = null;
  private configSeen = "";
  private configProblem: string | null = null;
  private logSeen = 0;
  private saidFinished = false;
  private state: RunState = "stopped";

  constructor(readonly place: Place) {
    this.table = new FollowedTable(path.join(place.folder, "metrics.csv"), parseMetrics);
  }

  get metrics(): readonly MetricsRow[] {
    return this.table.rows;
  }

  /** Settings as text, for what differs within a group. */
  get settings(): Readonly<Record<string, string>> {
    return texts(this.config?.configuration ?? {});
  }

  get isUnfinished(): boolean {
    return this.state !== "finished";
  }

  /** Reads what has changed on the disk. @returns whether anything has */
  async refresh(now: number): Promise<boolean> {
    const grown = await this.table.poll();
    const configured = await this.readConfig();
    const state = await this.findState(now);
    const changed = grown || configured || state !== this.state;
    this.state = state;
    return changed;
  }

  entry(varied: Readonly<Record<string, string>>): RunEntry {
    const { id, folder, group } = this.place;
    const name = path.basename(folder);
    const [, arm = name, seed] = /^(.+)-(\d+)$/.exec(name) ?? [];
    const last = this.metrics.at(-1);
    const agent = this.config?.configuration["agent"];
    const ownSeed = this.config?.seed ?? (group === null || seed === undefined ? null : Number(seed));
    return {
      id,
      group,
      name,
      arm: group === null ? name : arm,
      seed: ownSeed,
      agent: typeof agent === "string" ? agent : null,
      state: this.state,
      varied,
      iteration: last?.iteration ?? 0,
      iterations: this.iterations,
      generated: last?.generated ?? 0,
      valid: last?.valid ?? 0,
      accuracy: this.metrics.flatMap((row) => row.accuracyOneTerm ?? []),
      written: this.table.written,
      problem: this.table.problem ?? this.configProblem,
    };
  }

  configuration(): ConfigurationDocument {
    const config = this.config;
    return {
      schema: SCHEMA,
      run: this.place.id,
      command: config === null ? "not recorded" : commandLine(config.command),
      commit: config?.commit ?? "not recorded",
      machine: config === null ? "not recorded" : describe(config.machine),
      versions: config === null ? {} : texts({ ...config.versions, language: config.languageVersion }),
      settings: this.settings,
    };
  }

  /** How many iterations it will have at most; a budget of valid samples needs about so many. */
  private get iterations(): number | null {
    const length = lengthSchema.safeParse(this.config?.configuration ?? {});
    if (!length.success) return null;
    const { iterations, validSamples, episodesPerIteration, samplesPerEpisode } = length.data;
    if (validSamples === 0) return iterations;
    const each = episodesPerIteration * samplesPerEpisode;
    return each === 0 ? null : Math.ceil(validSamples / each);
  }

  private async readConfig(): Promise<boolean> {
    const { folder } = this.place;
    const found = await stat(path.join(folder, "config.json")).catch(() => null);
    const seen = found === null ? "" : `${found.ino} ${found.size} ${found.mtimeMs}`;
    if (seen === this.configSeen) return false;
    this.configSeen = seen;
    try {
      // The world takes most of it, and is read again when somebody looks at a map.
      const { worldCatalog: _, ...config } = await readOwnConfig(folder);
      this.config = config;
      this.configProblem = null;
    } catch (error) {
      this.configProblem = error instanceof Error ? error.message : String(error);
    }
    return true;
  }

  private async findState(now: number): Promise<RunState> {
    const last = this.metrics.at(-1)?.iteration ?? -1;
    if (this.iterations !== null && last >= this.iterations) return "finished";
    const { folder } = this.place;
    const owner = await readPlainFileLater(path.join(folder, LOCK_FILE), MOST_LOCK_BYTES).catch(() => null);
    const log = await stat(path.join(folder, "log.jsonl")).catch(() => null);
    if (owner !== null) {
      const written = Math.max(log?.mtimeMs ?? 0, this.table.written ?? 0);
      return processLives(parseLock(owner.toString("utf8"))) === true || now - written < FRESH ? "running" : "stopped";
    }
    if (log !== null && log.mtimeMs !== this.logSeen) {
      this.logSeen = log.mtimeMs;
      this.saidFinished = await saysFinished(path.join(folder, "log.jsonl"), log.size);
    }
    return this.saidFinished ? "finished" : "stopped";
  }
}

/** Whether the end of the log says that the run is done: one that stopped early has fewer iterations than it was given. */
async function saysFinished(file: string, size: number): Promise<boolean> {
  const handle = await openPlainFile(file, Number.POSITIVE_INFINITY).catch(() => null);
  if (handle === null) return false;
  try {
    const bytes = Buffer.alloc(Math.min(size, LOG_END));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString("utf8", 0, bytesRead).split("\n").some(isFinished);
  } catch {
    return false;
  } finally {
    await handle.close();
  }
}

/** A line that is cut off, by the place read from or by a kill, says nothing. */
function isFinished(line: string): boolean {
  if (!line.startsWith("{")) return false;
  try {
    const parsed = logLine.safeParse(JSON.parse(line));
    return parsed.success && parsed.data.msg === "finished";
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
