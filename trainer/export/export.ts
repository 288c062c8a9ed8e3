/** @file Exports the samples of a run, a comparison or a sweep as a data set for other trainers. */
import { InputError } from "../errors.js";
import { type Progress, stoppable } from "../progress.js";
import { card } from "./card.js";
import type { SplitWriter } from "./formats/format.js";
import { FORMATS, type FormatName } from "./formats/formats.js";
import type { Split, Wording } from "./row.js";
import { runsIn } from "./runs.js";
import { choose, type Exported, samplesOf } from "./samples.js";
import { checkValidation, type Validation } from "./splits.js";
import { testSetsOf } from "./test-set.js";
import { type OpenFolder, writeFolder } from "./whole-folder.js";

export interface ExportRequest {
  /** Folder of a run, a comparison or a sweep. */
  readonly folder: string;
  readonly format: FormatName;
  /** New or empty. */
  readonly out: string;
  readonly splits: ReadonlySet<Split>;
  readonly validation: Validation;
  /** Side in pixels, 32 to 512; null: the size that the model saw. */
  readonly size: number | null;
  /** Number of hardest samples to export; null: all. The test set is always complete. */
  readonly hardest: number | null;
  readonly wording: Wording;
}

export interface ExportResult {
  readonly runs: number;
  readonly counts: Readonly<Record<Split, number>>;
  /** Samples left out because they have no askable pair, where the format needs a question. */
  readonly unasked: number;
}

/**
 * Writes the data set. The same request on the same runs gives the same bytes.
 * @throws InputError for a request that cannot be met
 */
export async function exportSamples(
  request: ExportRequest,
  progress: Progress,
  signal?: AbortSignal,
): Promise<ExportResult> {
  const { folder, out, splits, validation, size, hardest, wording } = request;
  const format = FORMATS[request.format];
  const runs = await runsIn(folder);
  const chosen = await choose(runs, { splits, validation, hardest, unasked: format.holdsUnasked });
  checkValidation(
    validation,
    runs.map(({ seed }) => seed),
    chosen.iterations,
  );
  const empty = [...splits].find((split) => split !== "test" && chosen.counts[split] === 0);
  if (empty !== undefined) throw new InputError(`${folder}: has no sample for the split ${empty}`);
  const told = stoppable(progress, signal);
  return writeFolder(out, async (open) => {
    const writers = new Writers(open, request.format);
    if (splits.has("test")) await writers.take(testSetsOf(runs, { size, wording }, told));
    told.begin("pictures", chosen.places.size, "samples");
    await writers.take(samplesOf(runs, chosen, validation, { size, wording }), (done) => told.advance(done));
    told.end();
    const counts = writers.end();
    open.put("README.md", card({ runs, format, formatName: request.format, counts, validation, hardest, size }));
    return { runs: runs.length, counts, unasked: chosen.unasked };
  });
}

/** The writers of the splits, each made for its first sample. */
class Writers {
  private readonly open = new Map<Split, SplitWriter>();
  private readonly counts: Record<Split, number> = { train: 0, validation: 0, test: 0 };

  constructor(
    private readonly folder: OpenFolder,
    private readonly format: FormatName,
  ) {}

  async take(samples: AsyncIterable<Exported>, advance: (done: number) => void = () => undefined): Promise<void> {
    let done = 0;
    for await (const { row, png } of samples) {
      this.of(row.split).add(row, png);
      this.counts[row.split] += 1;
      done += 1;
      advance(done);
    }
  }

  end(): Readonly<Record<Split, number>> {
    for (const writer of this.open.values()) writer.end();
    return this.counts;
  }

  private of(split: Split): SplitWriter {
    const open = this.open.get(split) ?? FORMATS[this.format].open(this.folder, split);
    this.open.set(split, open);
    return open;
  }
}
