/** @file The answers of the live page's server, as types for server and page. README.md describes them; fields are added, never changed. */
import type { MetricColumn, SampleCaption } from "../../run-format/columns.js";

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

/** From the lower end to the upper one, in mm. */
type Span = readonly [number, number];

export interface SceneOutline {
  readonly name: string;
  /** Width, height, depth in mm; the origin is on the floor at the middle. */
  readonly size: readonly [number, number, number];
  readonly furniture: readonly { readonly x: Span; readonly y: Span; readonly z: Span }[];
}

export interface ScenePlacements {
  readonly scene: number;
  readonly placed: number;
  /** Of those, how many stand on furniture. */
  readonly raised: number;
  readonly asked: number;
  readonly wrong: number;
  /** For each cell with a placement: its number (row by row from the far left), placed, captions asked, answered wrong. */
  readonly cells: readonly (readonly [cell: number, placed: number, asked: number, wrong: number])[];
}

/** Where the moved objects of valid samples were put, seen from above, and how many of their captions were answered wrong. */
export interface MapDocument {
  readonly schema: typeof SCHEMA;
  readonly run: string;
  /** Cells along a side. */
  readonly side: number;
  readonly outlines: readonly SceneOutline[];
  readonly objects: readonly string[];
  readonly lastIteration: number;
  readonly scenes: readonly ScenePlacements[];
  readonly problems: readonly string[];
}

export interface SampleEntry {
  readonly iteration: number;
  readonly episode: number;
  readonly step: number;
  readonly scene: number;
  /** Name, position in mm, and size in mm of each object. */
  readonly objects: readonly {
    readonly name: string;
    readonly at: readonly number[];
    readonly size: readonly number[];
  }[];
  readonly slot: number;
  readonly captions: readonly SampleCaption[];
  readonly score: number | null;
  readonly hardness: number;
  readonly kept: boolean;
  /** The picture to request; null if none was stored. */
  readonly image: string | null;
}

export interface SamplesDocument {
  readonly schema: typeof SCHEMA;
  readonly run: string;
  readonly outlines: readonly SceneOutline[];
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
