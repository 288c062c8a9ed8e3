/** @file Chooses the samples to export, and yields their rows with pictures. */
import path from "node:path";
import type { SampleLine } from "../run-format/columns.js";
import { readSamples, type SampleShard } from "../run-format/readers.js";
import { picturesOf } from "./pictures.js";
import { type Row, type Split, sampleRow, type Wording } from "./row.js";
import type { ExportedRun } from "./runs.js";
import { splitOf, type Validation } from "./splits.js";

export interface Selection {
  readonly splits: ReadonlySet<Split>;
  readonly validation: Validation;
  /** Number of hardest samples; null: all. */
  readonly hardest: number | null;
  /** Whether to include samples without an askable pair. */
  readonly unasked: boolean;
}

/** A sample's place: run, shard, line. */
export const placeOf = (run: number, iteration: number, line: number): string => `${run} ${iteration} ${line}`;

export interface Chosen {
  /** By `placeOf`. */
  readonly places: ReadonlySet<string>;
  /** Number left out because they have no askable pair. */
  readonly unasked: number;
  readonly iterations: readonly number[];
  readonly counts: Readonly<Record<Split, number>>;
}

/** Looks through all runs, with one in memory at a time. */
export async function choose(runs: readonly ExportedRun[], selection: Selection): Promise<Chosen> {
  const found: { readonly place: string; readonly split: Split; readonly hardness: number }[] = [];
  const iterations = new Set<number>();
  let unasked = 0;
  for (const [i, run] of runs.entries()) {
    for (const { iteration, samples } of await readSamples(run.folder)) {
      iterations.add(iteration);
      const split = splitOf(selection.validation, run, iteration);
      if (!selection.splits.has(split)) continue;
      for (const [j, { captions, hardness }] of samples.entries()) {
        if (captions.length === 0) unasked += 1;
        if (captions.length > 0 || selection.unasked) found.push({ place: placeOf(i, iteration, j), split, hardness });
      }
    }
  }
  // Sorting is stable: of equally hard samples, the first ones are taken.
  const taken =
    selection.hardest === null ? found : [...found].sort((a, b) => b.hardness - a.hardness).slice(0, selection.hardest);
  const count = (wanted: Split): number => taken.filter(({ split }) => split === wanted).length;
  return {
    places: new Set(taken.map(({ place }) => place)),
    unasked: selection.unasked ? 0 : unasked,
    iterations: [...iterations],
    counts: { train: count("train"), validation: count("validation"), test: 0 },
  };
}

export interface Exported {
  readonly row: Row;
  readonly png: Uint8Array;
}

export interface Looks {
  /** Side in pixels; null: the size that the model saw. */
  readonly size: number | null;
  readonly wording: Wording;
}

/** The chosen samples in the order of runs, iterations and lines. */
export async function* samplesOf(
  runs: readonly ExportedRun[],
  { places }: Pick<Chosen, "places">,
  validation: Validation,
  { size, wording }: Looks,
): AsyncGenerator<Exported> {
  for (const [i, run] of runs.entries()) {
    const pictures = await picturesOf(run, size);
    for (const { iteration, samples } of await readSamples(run.folder)) {
      for (const [j, line] of samples.entries()) {
        if (!places.has(placeOf(i, iteration, j))) continue;
        const { png, boxes } = await pictures.of(iteration, line);
        const placed = {
          id: idOf(run, iteration, line),
          split: splitOf(validation, run, iteration),
          size: pictures.size,
          boxes,
        };
        yield { row: sampleRow(run, iteration, line, placed, wording, whereOf(run, iteration, j)), png };
      }
    }
  }
}

const padded = (number: number, digits: number): string => String(number).padStart(digits, "0");

const idOf = ({ key }: ExportedRun, iteration: SampleShard["iteration"], { episode, step }: SampleLine): string =>
  `${key === "" ? "" : `${key}-`}i${padded(iteration, 4)}-e${padded(episode, 3)}-s${padded(step, 4)}`;

const whereOf = ({ folder }: ExportedRun, iteration: number, line: number): string =>
  `${path.join(folder, "samples", `${padded(iteration, 4)}.jsonl`)}, line ${line + 1}`;
