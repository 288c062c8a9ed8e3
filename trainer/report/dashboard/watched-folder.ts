/** @file Follows the shown folder: looks at it again and again while somebody listens, and tells listeners what changed. */
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { group } from "d3-array";
import { z } from "zod";
import { readPlainFileLater } from "../../files/plain-file.js";
import { readSummaryFile } from "../../run-format/readers.js";
import { headline, mainPair } from "../verdicts.js";
import { type ChangeDocument, type GroupEntry, type IndexDocument, type RunEntry, SCHEMA } from "./documents.js";
import { Followed } from "./followed.js";
import { type FoundGroup, findRuns } from "./found-runs.js";
import { sharedReading } from "./shared-reading.js";
import { WatchedRun } from "./watched-run.js";

/** Milliseconds between looks, unless looking takes more than this share of the time. */
const PAUSE = 1_000;
const MOST_BUSY = 0.2;
/** Runs whose files are open at the same time. */
const AT_ONCE = 32;

/** A kilobyte or two for each cell. */
const MOST_PLAN_BYTES = 64 * 1024 * 1024;

const comparisonConfig = z.object({ seeds: z.array(z.number()), configuration: z.record(z.string(), z.unknown()) });
const sweepPlan = z.object({ cells: z.array(z.unknown()) });

type Listener = (change: ChangeDocument) => void;

export class WatchedFolder {
  private readonly runs = new Map<string, WatchedRun>();
  private readonly groups = new Map<string, WatchedGroup>();
  private readonly listeners = new Set<Listener>();
  private told: IndexDocument;
  private readonly lookAnew = sharedReading(() => this.look());
  private watching: Promise<void> | null = null;

  constructor(private readonly root: string) {
    this.told = { schema: SCHEMA, version: 0, folder: path.basename(root), runs: [], groups: [], notes: [] };
  }

  /** The current state, including a run that has just begun: a page first shows what was written last, and stays with it. */
  async index(): Promise<IndexDocument> {
    await this.lookAnew();
    return this.told;
  }

  run(id: string): WatchedRun | undefined {
    return this.runs.get(id);
  }

  /** The folder of a run, comparison or sweep. */
  folder(id: string): string | undefined {
    return (this.groups.get(id) ?? this.runs.get(id))?.place.folder;
  }

  /** Reports changes until the returned function is called. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    this.watching ??= this.watch().finally(() => {
      this.watching = null;
    });
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.listeners.clear();
  }

  private async watch(): Promise<void> {
    while (this.listeners.size > 0) {
      const start = performance.now();
      await this.lookAnew().catch((error: unknown) => {
        const { runs, groups } = this.told;
        const why = error instanceof Error ? error.message : String(error);
        this.tell({ runs, groups, notes: [`The folder could not be looked at: ${why}`] });
      });
      const took = performance.now() - start;
      await setTimeout(Math.max(PAUSE, took / MOST_BUSY), undefined, { ref: false });
    }
  }

  private async look(): Promise<void> {
    const found = findRuns(this.root, new Set(this.runs.keys()));
    follow(this.runs, found.runs, (place) => new WatchedRun(place));
    follow(this.groups, found.groups, (place) => new WatchedGroup(this.root, place));
    const watched = [...this.runs.values(), ...this.groups.values()];
    for (let start = 0; start < watched.length; start += AT_ONCE) {
      await Promise.all(watched.slice(start, start + AT_ONCE).map((each) => each.refresh()));
    }
    this.tell({
      runs: this.runEntries(),
      groups: [...this.groups.values()].map((watched) => watched.entry()),
      notes: found.cut ? ["There are too many folders here to look into all; name one further down."] : [],
    });
  }

  /** Tells what is new since it last told something. */
  private tell(now: Pick<IndexDocument, "runs" | "groups" | "notes">): void {
    const before = this.told;
    if (isSame(now, { runs: before.runs, groups: before.groups, notes: before.notes })) return;
    this.told = { ...before, ...now, version: before.version + 1 };
    const known = new Map(before.runs.map((run) => [run.id, run]));
    const runs = now.runs.filter((run) => !isSame(run, known.get(run.id)));
    const left = new Set(now.runs.map(({ id }) => id));
    const removed = before.runs.flatMap(({ id }) => (left.has(id) ? [] : [id]));
    const change = { ...now, schema: SCHEMA, version: this.told.version, runs, removed } satisfies ChangeDocument;
    for (const listener of this.listeners) {
      try {
        listener(change);
      } catch {
        // Its page is gone: the others are told all the same.
        this.listeners.delete(listener);
      }
    }
  }

  private runEntries(): RunEntry[] {
    const byGroup = group(this.runs.values(), ({ place }) => place.group);
    return [...byGroup].flatMap(([id, runs]) => {
      const keys = id === null ? [] : differing(runs.map(({ settings }) => settings));
      return runs.map((run) => {
        const { settings } = run;
        const varied = keys.flatMap((key) => (settings[key] === undefined ? [] : [[key, settings[key]] as const]));
        return run.entry(Object.fromEntries(varied));
      });
    });
  }
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Keeps what is still found and begins with what is new. */
function follow<Found extends { readonly id: string }, Watched extends { readonly place: Found }>(
  known: Map<string, Watched>,
  found: readonly Found[],
  begin: (place: Found) => Watched,
): void {
  const before = new Map(known);
  known.clear();
  for (const place of found) {
    const old = before.get(place.id);
    known.set(place.id, old !== undefined && isSame(old.place, place) ? old : begin(place));
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

/** A comparison, a sweep, or a plain folder with runs. */
class WatchedGroup {
  private readonly headline: Followed<string | null>;
  /** How many runs it will have. */
  private readonly planned: Followed<number | null>;
  private readonly report: Followed<boolean>;

  constructor(
    private readonly root: string,
    readonly place: FoundGroup,
  ) {
    const { folder, kind } = place;
    const file = (name: string): string => path.join(folder, name);
    this.headline = new Followed<string | null>(file("summary.json"), null, readHeadline);
    this.planned = new Followed<number | null>(
      file(kind === "sweep" ? "sweep.json" : "config.json"),
      null,
      async (plan) => (kind === "folder" ? null : plannedRuns(plan)),
    );
    this.report = new Followed(file("report.html"), false, async () => true);
  }

  async refresh(): Promise<void> {
    await Promise.all([this.headline.poll(), this.planned.poll(), this.report.poll()]);
  }

  entry(): GroupEntry {
    const { id, kind } = this.place;
    return {
      id,
      kind,
      name: id === "." ? path.basename(this.root) : id,
      planned: this.planned.value,
      headline: this.headline.value,
      report: this.report.value,
    };
  }
}

async function readHeadline(file: string): Promise<string | null> {
  const summary = await readSummaryFile(file);
  const main = summary === null ? null : mainPair(summary);
  return main === null ? null : headline(main);
}

/** Cells of a sweep, arms × seeds of a comparison. */
async function plannedRuns(file: string): Promise<number> {
  const plan: unknown = JSON.parse((await readPlainFileLater(file, MOST_PLAN_BYTES)).toString("utf8"));
  const sweep = sweepPlan.safeParse(plan);
  if (sweep.success) return sweep.data.cells.length;
  const { seeds, configuration } = comparisonConfig.parse(plan);
  return seeds.length * Object.keys(configuration).length;
}
