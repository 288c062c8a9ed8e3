/** @file One run of the shown folder: its table, its configuration, and whether it is still being written. */
import path from "node:path";
import { readPlainFileLater } from "../../files/plain-file.js";
import { processLives } from "../../files/process-identity.js";
import { type MetricsRow, parseMetrics, type RunConfig, readRunConfigFile } from "../../run-format/readers.js";
import { isWhole, lengthOf, type RunLength, saysFinished } from "../../run-format/run-end.js";
import { LOCK_FILE, parseLock } from "../../run-format/run-lock.js";
import { commandLine, describe, texts } from "../format.js";
import { type ConfigurationDocument, type RunEntry, type RunState, SCHEMA } from "./documents.js";
import { Followed } from "./followed.js";
import type { Place } from "./found-runs.js";

/** A lock whose process is not seen here (it may run on another host) still counts for so long after the last write. */
const FRESH = 2 * 60_000;
const MOST_LOCK_BYTES = 4096;

export class WatchedRun {
  private readonly table: Followed<readonly MetricsRow[]>;
  private readonly config: Followed<RunConfig | null>;
  private readonly log: Followed<boolean>;
  private state: RunState = "stopped";

  constructor(readonly place: Place) {
    const file = (name: string): string => path.join(place.folder, name);
    this.table = new Followed<readonly MetricsRow[]>(file("metrics.csv"), [], readWholeRows);
    this.config = new Followed<RunConfig | null>(file("config.json"), null, readSettings);
    this.log = new Followed(file("log.jsonl"), false, saysFinished);
  }

  get metrics(): readonly MetricsRow[] {
    return this.table.value;
  }

  /** As text. */
  get settings(): Readonly<Record<string, string>> {
    return texts(this.config.value?.configuration ?? {});
  }

  /** Reads what has changed on the disk. */
  async refresh(): Promise<void> {
    await Promise.all([this.table.poll(), this.config.poll(), this.log.poll()]);
    this.state = await this.findState();
  }

  entry(varied: Readonly<Record<string, string>>): RunEntry {
    const { id, folder, group } = this.place;
    const name = path.basename(folder);
    const [, arm = name, seed] = /^(.+)-(\d+)$/.exec(name) ?? [];
    const config = this.config.value;
    const last = this.metrics.at(-1);
    const agent = config?.configuration["agent"];
    return {
      id,
      group,
      name,
      arm: group === null ? name : arm,
      seed: config?.seed ?? (group === null || seed === undefined ? null : Number(seed)),
      agent: typeof agent === "string" ? agent : null,
      state: this.state,
      varied,
      iteration: last?.iteration ?? 0,
      iterations: this.iterations,
      generated: last?.generated ?? 0,
      valid: last?.valid ?? 0,
      accuracy: this.metrics.flatMap((row) => row.accuracyOneTerm ?? []),
      written: this.table.written,
      problem: this.table.problem ?? this.config.problem,
    };
  }

  configuration(): ConfigurationDocument {
    const config = this.config.value;
    return {
      schema: SCHEMA,
      run: this.place.id,
      command: commandLine(config?.command ?? "not recorded"),
      commit: config?.commit ?? "not recorded",
      machine: describe(config?.machine ?? "not recorded"),
      versions: config === null ? {} : texts({ ...config.versions, language: config.languageVersion }),
      settings: this.settings,
    };
  }

  private get length(): RunLength | null {
    return this.config.value === null ? null : lengthOf(this.config.value);
  }

  /** How many iterations it will have; a budget of valid samples needs about so many, or some more. */
  private get iterations(): number | null {
    if (this.length === null) return null;
    const { iterations, validSamples, episodesPerIteration, samplesPerEpisode } = this.length;
    if (validSamples === 0) return iterations;
    const each = episodesPerIteration * samplesPerEpisode;
    return each === 0 ? null : Math.ceil(validSamples / each);
  }

  private async findState(): Promise<RunState> {
    if (isWhole(this.length, this.metrics.at(-1))) return "finished";
    const lock = path.join(this.place.folder, LOCK_FILE);
    const owner = await readPlainFileLater(lock, MOST_LOCK_BYTES).catch(() => null);
    if (owner === null) return this.log.value ? "finished" : "stopped";
    const lives = processLives(parseLock(owner.toString("utf8")));
    if (lives !== null) return lives ? "running" : "stopped";
    const written = Math.max(this.log.written ?? 0, this.table.written ?? 0);
    return Date.now() - written < FRESH ? "running" : "stopped";
  }
}

/** A row that is being written waits for its end. */
export async function readWholeRows(file: string): Promise<MetricsRow[]> {
  const text = (await readPlainFileLater(file)).toString("utf8");
  const end = text.lastIndexOf("\n");
  return end === -1 ? [] : parseMetrics(text.slice(0, end), file);
}

/** The world takes most of the file, and is read again when somebody looks at a map. */
async function readSettings(file: string): Promise<RunConfig> {
  const { worldCatalog: _, ...config } = await readRunConfigFile(file);
  return config;
}
