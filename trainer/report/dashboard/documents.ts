/** @file What the live page's server answers, as types that server and page share. README.md says it in words; fields are added, never changed. */
import type { MetricColumn } from "../../run-format/columns.js";
import type { RoomOutline, SampleEntry, ScenePlacements } from "../world.js";

export const SCHEMA = 1;

export type RunState = "running" | "finished" | "stopped";

/** A run as the list shows it. */
export interface RunEntry {
  /** Its folder, relative to the one that is shown, with "/"; "." for that folder itself. */
  readonly id: string;
  /** The id of the comparison or sweep that it belongs to. */
  readonly group: string | null;
  /** The last part of its folder's name. */
  readonly name: string;
  /** Its place in the group, from its folder's name: the arm of a comparison, the cell of a sweep. */
  readonly arm: string;
  readonly seed: number | null;
  readonly agent: string | null;
  readonly state: RunState;
  /** Settings whose values differ within its group, except seeds. */
  readonly varied: Readonly<Record<string, string>>;
  readonly iteration: number;
  readonly iterations: number | null;
  readonly generated: number;
  readonly valid: number;
  /** One-term accuracy on the balanced test set, an entry for each iteration that was evaluated. */
  readonly accuracy: readonly number[];
  /** When its tables were last written to, in milliseconds since 1970. */
  readonly written: number | null;
  /** What is wrong with its files, in a line. */
  readonly problem: string | null;
}

export interface GroupEntry {
  readonly id: string;
  readonly kind: "comparison" | "sweep" | "folder";
  readonly name: string;
  /** How many runs it will have; null if its configuration does not say. */
  readonly planned: number | null;
  /** The verdict of its summary.json in a sentence. */
  readonly headline: string | null;
  readonly report: boolean;
}

export interface IndexDocument {
  readonly schema: typeof SCHEMA;
  /** Grows with each change. */
  readonly version: number;
  /** The folder's name. */
  readonly folder: string;
  readonly runs: readonly RunEntry[];
  readonly groups: readonly GroupEntry[];
  /** What the reader should know, such as folders that were left out. */
  readonly notes: readonly string[];
}

export interface ChangeDocument {
  readonly schema: typeof SCHEMA;
  readonly version: number;
  /** New and changed ones, whole. */
  readonly runs: readonly RunEntry[];
  readonly removed: readonly string[];
  readonly groups: readonly GroupEntry[];
  readonly notes: readonly string[];
}

type Cells = readonly (number | null)[];

/** metrics.csv as it is so far. */
export interface MetricsDocument {
  readonly schema: typeof SCHEMA;
  readonly run: string;
  readonly columns: readonly MetricColumn[];
  readonly rows: readonly Cells[];
}

export interface ConfigurationDocument {
  readonly schema: typeof SCHEMA;
  readonly run: string;
  readonly command: string;
  readonly commit: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string>>;
}

/** Where the moved objects of valid samples went, seen from above, and how many of their captions were answered wrong. */
export interface MapDocument {
  readonly schema: typeof SCHEMA;
  readonly run: string;
  /** Cells along a side. */
  readonly side: number;
  readonly outlines: readonly RoomOutline[];
  readonly objects: readonly string[];
  readonly lastIteration: number;
  readonly scenes: readonly ScenePlacements[];
  readonly problems: readonly string[];
}

export interface SamplesDocument {
  readonly schema: typeof SCHEMA;
  readonly run: string;
  readonly outlines: readonly RoomOutline[];
  /** Whether its rooms can be drawn here: then /drawn has a picture of every sample. */
  readonly drawable: boolean;
  /** How many there are in all, and how many pass the filter. */
  readonly total: number;
  readonly matching: number;
  readonly offset: number;
  readonly samples: readonly SampleEntry[];
  readonly problems: readonly string[];
}

export interface ErrorDocument {
  readonly schema: typeof SCHEMA;
  readonly error: string;
}
