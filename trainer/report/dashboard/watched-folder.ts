/** @file Follows the shown folder: looks when the disk reports a change and at intervals, and tells listeners what changed. */
import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { readPlainFileLater } from "../../files/plain-file.js";
import { readSummary } from "../../run-format/readers.js";
import { headline, mainPair } from "../verdicts.js";
import { type ChangeDocument, type GroupEntry, type IndexDocument, type RunEntry, SCHEMA } from "./documents.js";
import { type Found, type FoundGroup, findRuns } from "./found-runs.js";
import { ownFile } from "./own-file.js";
import { WatchedRun } from "./watched-run.js";

/** Milliseconds between looks while somebody watches; what the disk itself reports comes sooner. */
const LOOK = 2_000;
const SOONEST = 250;
/** Between looks for new folders where the disk reported none. */
const SEARCH = 10_000;
const MOST_WATCHERS = 1_000;
/** Runs whose files are open at the same time. */
const AT_ONCE = 32;

/** A kilobyte or two for each cell. */
const MOST_PLAN_BYTES = 64 * 1024 * 1024;

const comparisonConfig = z.object({ seeds: z.array(z.number()), configuration: z.record(z.string(), z.unknown()) });
const sweepPlan = z.object({ cells: z.array(z.unknown()) });

type Listener = (change: ChangeDocument) => void;

export class WatchedFolder {
  private readonly runs = new Map<string, WatchedRun>();
  private entries = new Map<string, RunEntry>();
  private groups: readonly GroupEntry[] = [];
  private readonly groupSeen = new Map<string, { readonly seen: string; readonly entry: GroupEntry }>();
  private readonly listeners = new Set<Listener>();
  private readonly watchers = new Map<string, FSWatcher>();
  private notes: readonly string[] = [];
  private version = 0;
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> | null = null;
  private searched = Number.NEGATIVE_INFINITY;
  private found: Found = { runs: [], groups: [], containers: [], cut: false };

  constructor(private readonly root: string) {}

  /** The current state, including a run that has just begun: a page first shows what was written last, and stays with it. */
  async index(): Promise<IndexDocument> {
    this.searched = Number.NEGATIVE_INFINITY;
    await this.lookAnew();
    const { version, groups, notes } = this;
    return {
      schema: SCHEMA,
      version,
      folder: path.basename(this.root),
      runs: [...this.entries.values()],
      groups,
      notes,
    };
  }

  run(id: string): WatchedRun | undefined {
    return this.runs.get(id);
  }

  /** The folder of a comparison or sweep, by its id. */
  groupFolder(id: string): string | undefined {
    return this.found.groups.find((group) => group.id === id)?.folder;
  }

  /** Reports changes until the returned function is called. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    if (this.timer === null) {
      // With the first look the folders are watched, too.
      this.searched = Number.NEGATIVE_INFINITY;
      this.schedule(0);
    }
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.rest();
    };
  }

  close(): void {
    this.listeners.clear();
    this.rest();
  }

  /** Looks now, or waits for the look that is under way. */
  private look(): Promise<void> {
    this.looking ??= this.lookNow().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  /** A look that is under way may have passed by what has just changed. */
  private async lookAnew(): Promise<void> {
    await this.looking;
    await this.look();
  }

  private async lookNow(): Promise<void> {
    const now = Date.now();
    const isSearch = now - this.searched >= SEARCH;
    if (isSearch) this.search(now);
    const touched = new Set<string>();
    // What is finished seldom goes on: it is looked at as seldom as new folders are looked for.
    const due = [...this.runs.values()].filter((run) => run.isUnfinished || isSearch);
    for (let at = 0; at < due.length; at += AT_ONCE) {
      const look = async (run: WatchedRun): Promise<void> => {
        if (await run.refresh(now)) touched.add(run.place.id);
      };
      await Promise.all(due.slice(at, at + AT_ONCE).map(look));
    }
    const removed = [...this.entries.keys()].filter((id) => !this.runs.has(id));
    const known = [...this.runs.keys()].every((id) => this.entries.has(id));
    const regrouped = await this.readGroups();
    if (touched.size === 0 && removed.length === 0 && known && !regrouped) return;
    const before = this.entries;
    this.entries = this.allEntries();
    this.version += 1;
    const runs = [...this.entries.values()].filter((entry) => {
      const old = before.get(entry.id);
      return old === undefined || touched.has(entry.id) || JSON.stringify(old.varied) !== JSON.stringify(entry.varied);
    });
    const { version, groups, notes } = this;
    for (const listener of this.listeners) listener({ schema: SCHEMA, version, runs, removed, groups, notes });
  }

  private search(now: number): void {
    this.searched = now;
    this.found = findRuns(this.root, new Set(this.runs.keys()));
    const ids = new Set(this.found.runs.map(({ id }) => id));
    for (const id of this.runs.keys()) if (!ids.has(id)) this.runs.delete(id);
    for (const place of this.found.runs) {
      if (!this.runs.has(place.id)) this.runs.set(place.id, new WatchedRun(place));
    }
    this.notes = this.found.cut ? ["There are too many folders here to look into all; name one further down."] : [];
    if (this.listeners.size > 0) this.watchFolders();
  }

  private allEntries(): Map<string, RunEntry> {
    const byGroup = new Map<string | null, WatchedRun[]>();
    for (const run of this.runs.values()) {
      const { group } = run.place;
      const runs = byGroup.get(group);
      if (runs === undefined) byGroup.set(group, [run]);
      else runs.push(run);
    }
    const entries: RunEntry[] = [];
    for (const [group, runs] of byGroup) {
      const keys = group === null ? [] : differing(runs.map((run) => run.settings));
      for (const run of runs) {
        const varied = keys.flatMap((key) => {
          const value = run.settings[key];
          return value === undefined ? [] : [[key, value] as const];
        });
        entries.push(run.entry(Object.fromEntries(varied)));
      }
    }
    return new Map(entries.map((entry) => [entry.id, entry]));
  }

  private async readGroups(): Promise<boolean> {
    const groups: GroupEntry[] = [];
    for (const group of this.found.groups) {
      const seen = await stamp(group.folder, ["config.json", "sweep.json", "summary.json", "report.html"]);
      const old = this.groupSeen.get(group.id);
      if (old?.seen === seen && old.entry.kind === group.kind) {
        groups.push(old.entry);
        continue;
      }
      const entry = await groupEntry(this.root, group);
      this.groupSeen.set(group.id, { seen, entry });
      groups.push(entry);
    }
    const changed = groups.length !== this.groups.length || groups.some((group, i) => group !== this.groups[i]);
    this.groups = groups;
    return changed;
  }

  private schedule(after: number): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const again = (): void => {
        if (this.listeners.size > 0) this.schedule(LOOK);
      };
      this.lookAnew().then(again, (error: unknown) => {
        this.notes = [`The folder could not be looked at: ${error instanceof Error ? error.message : String(error)}`];
        again();
      });
    }, after);
  }

  private rest(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
    this.searched = Number.NEGATIVE_INFINITY;
  }

  /** Containers, for new runs, and what is not finished, for new rows. Where the system refuses, the intervals remain. */
  private watchFolders(): void {
    const unfinished = [...this.runs.values()].filter((run) => run.isUnfinished).map((run) => run.place.folder);
    const containers = new Set(this.found.containers);
    const wanted = new Set([...containers, ...unfinished].slice(0, MOST_WATCHERS));
    for (const [folder, watcher] of this.watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.watchers.delete(folder);
    }
    for (const folder of wanted) {
      if (this.watchers.has(folder)) continue;
      const drop = (): void => {
        this.watchers.get(folder)?.close();
        this.watchers.delete(folder);
      };
      try {
        const watcher = watch(folder, { persistent: false }, () => {
          if (containers.has(folder)) this.searched = Number.NEGATIVE_INFINITY;
          this.soon();
        });
        watcher.on("error", drop);
        this.watchers.set(folder, watcher);
      } catch {
        // No watchers left on this system, or the folder is gone: the look at intervals finds what it would have told.
        return;
      }
    }
  }

  private dueSoon = false;

  private soon(): void {
    if (this.dueSoon || this.listeners.size === 0) return;
    this.dueSoon = true;
    setTimeout(() => {
      this.dueSoon = false;
      if (this.listeners.size > 0) this.schedule(0);
    }, SOONEST);
  }
}

/** Where and with what a run is made, and which of several seeds it is: not what it is. */
const NO_DIFFERENCE = ["seed", "env", "keys", "device", "threads"];

/** Keys that not all have with the same value. */
function differing(settings: readonly Readonly<Record<string, string>>[]): string[] {
  const keys = new Set(settings.flatMap((each) => Object.keys(each)));
  for (const key of NO_DIFFERENCE) keys.delete(key);
  return [...keys].filter((key) => new Set(settings.map((each) => each[key])).size > 1);
}

async function stamp(folder: string, names: readonly string[]): Promise<string> {
  const each = await Promise.all(
    names.map(async (name) => {
      const found = await stat(path.join(folder, name)).catch(() => null);
      return found === null ? "-" : `${found.size} ${found.mtimeMs}`;
    }),
  );
  return each.join(" ");
}

async function groupEntry(root: string, { id, folder, kind }: FoundGroup): Promise<GroupEntry> {
  // A summary of another version, or one that is just being written, is no reason to show nothing.
  const summary = await ownFile(folder, "summary.json").then(
    () => readSummary(folder).catch(() => null),
    () => null,
  );
  const main = summary === null ? null : mainPair(summary);
  const report = await stat(path.join(folder, "report.html")).catch(() => null);
  return {
    id,
    kind,
    name: id === "." ? path.basename(root) : id,
    planned: await plannedRuns(folder, kind),
    headline: main === null ? null : headline(main),
    report: report?.isFile() === true,
  };
}

/** Arms × seeds of a comparison and cells of a sweep, where their files say them. */
async function plannedRuns(folder: string, kind: FoundGroup["kind"]): Promise<number | null> {
  if (kind === "folder") return null;
  try {
    const file = await ownFile(folder, kind === "sweep" ? "sweep.json" : "config.json");
    const text = (await readPlainFileLater(file, MOST_PLAN_BYTES)).toString("utf8");
    if (kind === "sweep") return sweepPlan.parse(JSON.parse(text)).cells.length;
    const { seeds, configuration } = comparisonConfig.parse(JSON.parse(text));
    return seeds.length * Object.keys(configuration).length;
  } catch {
    // It is not there, or being written, or of a later version: then the runs that are there are all that is known.
    return null;
  }
}
