/**
 * @file Writes a run's TensorBoard events during the run: after each iteration, flushed to disk. Each start of the run writes its own file, which tells
 * TensorBoard to drop what an earlier start wrote after the checkpoint.
 */
import { closeSync, openSync, readdirSync } from "node:fs";
import path from "node:path";
import { flushed, writingError } from "../../files/durable-file.js";
import type { Configuration } from "../../settings/configuration.js";
import { endValue, startValues } from "./hparams.js";
import { type EventContent, event, type SummaryValue } from "./messages.js";
import { COMPARED_TAGS, pluginTag, tagOf } from "./tags.js";

/** START of event.proto: everything written before, from this event's step on, is void. */
const SESSION_START = 1;

type Row = Readonly<Record<string, number | null>>;

export interface EventRow {
  /** Of metrics.csv. */
  readonly metrics: Row;
  /** A plugin's metrics. */
  readonly measured: Row;
  /** PNGs, the hardest sample first. */
  readonly pictures: readonly Uint8Array[];
  /** Whether it is the run's last. */
  readonly finished: boolean;
}

export interface StartedRun {
  readonly configuration: Configuration;
  /** A plugin's metrics. */
  readonly metrics: readonly string[];
  /** Rows of metrics.csv up to the checkpoint; empty for a new run. */
  readonly before: readonly Row[];
}

/** The event files of a run, oldest first: TensorBoard reads them in this order. */
export const eventFiles = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith(PREFIX))
    .sort();

const PREFIX = "events.out.tfevents.";

export class EventWriter {
  private constructor(
    readonly file: string,
    private readonly handle: number,
  ) {}

  /** Begins a new file. If a resumed run has none, because somebody removed them, it writes the rows so far again. */
  static start(folder: string, { configuration, metrics, before }: StartedRun): EventWriter {
    const earlier = eventFiles(folder);
    const file = path.join(folder, nextName(earlier.at(-1)));
    let writer: EventWriter;
    try {
      writer = new EventWriter(file, openSync(file, "ax"));
    } catch (error) {
      throw writingError(file, error);
    }
    const now = Date.now() / 1000;
    const last = before.at(-1);
    const lost = earlier.length === 0 ? before : [];
    // Steps up to the checkpoint stay. TensorBoard ignores the first START of a run, so the first file needs one too.
    const from = last === undefined || lost.length > 0 ? 0 : stepOf(last) + 1;
    const compared = [...COMPARED_TAGS, ...metrics.map(pluginTag)];
    writer.write(
      event(now, 0, { file_version: "brain.Event:2" }),
      event(now, from, { session_log: { status: SESSION_START } }),
      event(now, from, summary(startValues(configuration, compared, now))),
      ...lost.map((row) => event(now, stepOf(row), summary(scalars(row)))),
    );
    return writer;
  }

  /** Writes an iteration's scalars and pictures; the step is the number of generated samples. */
  iteration({ metrics, measured, pictures, finished }: EventRow): void {
    const now = Date.now() / 1000;
    const step = stepOf(metrics);
    const own = Object.entries(measured).flatMap(([name, value]) =>
      value === null ? [] : [{ tag: pluginTag(name), simple_value: value }],
    );
    this.write(
      event(now, step, summary([...scalars(metrics), ...own])),
      ...(pictures.length === 0 ? [] : [event(now, step, summary(pictures.map(pictureValue)))]),
      ...(finished ? [event(now, step, summary([endValue(now)]))] : []),
    );
  }

  close(): void {
    closeSync(this.handle);
  }

  private write(...events: readonly Buffer[]): void {
    try {
      flushed(this.handle, Buffer.concat(events));
    } catch (error) {
      throw writingError(this.file, error);
    }
  }
}

const summary = (value: readonly SummaryValue[]): EventContent => ({ summary: { value } });

const stepOf = (row: Row): number => row["generated"] ?? 0;

const scalars = (row: Row): SummaryValue[] =>
  Object.entries(row).flatMap(([column, value]) => {
    const tag = tagOf(column);
    return value === null || tag === null ? [] : [{ tag, simple_value: value }];
  });

function pictureValue(png: Uint8Array, index: number): SummaryValue {
  // A PNG has width and height at bytes 16 and 20.
  const header = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const [width, height] = [header.getUint32(16), header.getUint32(20)];
  return { tag: `hardest/${index + 1}`, image: { height, width, colorspace: 3, encoded_image_string: png } };
}

/** Named by the second, and always later than the last file: clocks are set back, and two starts can share a second. */
function nextName(last: string | undefined): string {
  const then = Number(/^\d+/.exec(last?.slice(PREFIX.length) ?? "")?.[0] ?? 0);
  const second = Math.max(Math.floor(Date.now() / 1000), then + 1);
  return `${PREFIX}${String(second).padStart(10, "0")}.rls3`;
}
