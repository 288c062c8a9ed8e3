/** @file Answers requests by URL with documents. Names in a URL are looked up among the runs found, never opened. */

import path from "node:path";
import { z } from "zod";
import { describeComplaint } from "../../complaint.js";
import { InputError } from "../../errors.js";
import { readPlainFileLater } from "../../files/plain-file.js";
import { METRIC_COLUMNS } from "../../run-format/columns.js";
import { placements, SIDE, sampleEntry } from "../world.js";
import {
  type IndexDocument,
  type MapDocument,
  type MetricsDocument,
  type SamplesDocument,
  SCHEMA,
} from "./documents.js";
import { ownFile } from "./own-file.js";
import { inOrder, isOrder, isTerm, matching } from "./sample-queries.js";
import { SampleStore } from "./sample-store.js";
import type { WatchedFolder } from "./watched-folder.js";
import type { WatchedRun } from "./watched-run.js";

/** A request without an answer, with the status that says why. */
export class Unanswerable extends Error {
  constructor(
    readonly status: 400 | 404,
    message: string,
  ) {
    super(message);
  }
}

export interface FileAnswer {
  readonly type: string;
  readonly body: Buffer;
}

const MOST_SAMPLES = 96;

const whole = z.coerce.number().int().nonnegative();
const number = z.coerce.number();
const filterSchema = z.object({
  scene: whole.optional(),
  term: z.string().refine(isTerm, "is no relation term").optional(),
  answered: z.enum(["wrong", "right"]).optional(),
  object: whole.optional(),
  surface: z.enum(["floor", "furniture"]).optional(),
  from: whole.optional(),
  to: whole.optional(),
  scoreFrom: number.optional(),
  scoreTo: number.optional(),
  marginFrom: number.optional(),
  marginTo: number.optional(),
  pictures: z
    .literal("1")
    .transform(() => true)
    .optional(),
  order: z.string().refine(isOrder, "is no order").default("hardest"),
  offset: whole.default(0),
  limit: whole.max(MOST_SAMPLES).default(24),
});

function filterOf(query: URLSearchParams) {
  const given = [...query].filter(([key, value]) => key !== "run" && value !== "");
  const filter = Object.fromEntries(given);
  const parsed = filterSchema.safeParse(filter);
  if (parsed.success) return parsed.data;
  throw new Unanswerable(400, describeComplaint(parsed.error, filter, "the filter"));
}

export class Answers {
  private readonly store = new SampleStore();

  constructor(private readonly folder: WatchedFolder) {}

  index(): Promise<IndexDocument> {
    return this.folder.index();
  }

  async metrics(query: URLSearchParams): Promise<MetricsDocument> {
    const run = await this.run(query);
    const rows = run.metrics.map((row) => METRIC_COLUMNS.map((column) => row[column]));
    return { schema: SCHEMA, run: run.place.id, columns: METRIC_COLUMNS, rows };
  }

  async configuration(query: URLSearchParams) {
    return (await this.run(query)).configuration();
  }

  async map(query: URLSearchParams): Promise<MapDocument> {
    const { place } = await this.run(query);
    const filter = filterOf(query);
    const world = await this.store.world(place.folder);
    const { samples, problems } = await this.store.samples(place.folder);
    return {
      schema: SCHEMA,
      run: place.id,
      side: SIDE,
      outlines: world.scenes,
      objects: world.objects.map(({ name }) => name),
      lastIteration: samples.at(-1)?.iteration ?? 0,
      scenes: placements(
        matching(samples, filter).map(({ sample }) => sample),
        world,
      ),
      problems,
    };
  }

  async samples(query: URLSearchParams): Promise<SamplesDocument> {
    const { place } = await this.run(query);
    const filter = filterOf(query);
    const world = await this.store.world(place.folder);
    const { samples, problems } = await this.store.samples(place.folder);
    const found = matching(samples, filter);
    const shown = inOrder(found, filter.order).slice(filter.offset, filter.offset + filter.limit);
    return {
      schema: SCHEMA,
      run: place.id,
      outlines: world.scenes,
      drawable: (await this.store.painter(place.folder)).isDrawable,
      total: samples.length,
      matching: found.length,
      offset: filter.offset,
      samples: shown.map(({ iteration, sample }) => sampleEntry(iteration, sample, world)),
      problems,
    };
  }

  async picture(query: URLSearchParams): Promise<FileAnswer> {
    const { place } = await this.run(query);
    const image = query.get("image") ?? "";
    if (!/^\d+\/[\w-]+\.png$/.test(image)) throw new Unanswerable(404, "there is no such picture");
    return { type: "image/png", body: await fileWithin(path.join(place.folder, "samples"), image) };
  }

  /** A sample's room, drawn again for people. */
  async drawn(query: URLSearchParams): Promise<FileAnswer> {
    const { place } = await this.run(query);
    const [iteration, episode, step] = ["iteration", "episode", "step"].map((name) => Number(query.get(name)));
    const { samples } = await this.store.samples(place.folder);
    const found = samples.find(
      (each) => each.iteration === iteration && each.sample.episode === episode && each.sample.step === step,
    );
    const { draw } = await this.store.painter(place.folder);
    const body = found === undefined ? null : await draw(found.sample);
    if (body === null) throw new Unanswerable(404, "there is no such sample, or its room cannot be drawn here");
    return { type: "image/webp", body };
  }

  /** The static report of a run, comparison or sweep. */
  async report(query: URLSearchParams): Promise<FileAnswer> {
    const id = query.get("of") ?? "";
    const folder = this.folder.groupFolder(id) ?? this.folder.run(id)?.place.folder;
    if (folder === undefined) throw new Unanswerable(404, "there is no such run, comparison or sweep");
    return { type: "text/html; charset=utf-8", body: await fileWithin(folder, "report.html") };
  }

  private async run(query: URLSearchParams): Promise<WatchedRun> {
    const id = query.get("run") ?? "";
    const known = this.folder.run(id);
    if (known !== undefined) return known;
    await this.folder.index();
    const run = this.folder.run(id);
    if (run === undefined) throw new Unanswerable(404, "there is no such run");
    return run;
  }
}

/** The file's bytes, if it lies in the folder once links are followed. */
async function fileWithin(folder: string, name: string): Promise<Buffer> {
  try {
    return await readPlainFileLater(await ownFile(folder, name));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (!(error instanceof InputError) && code !== "ENOENT" && code !== "ENOTDIR") throw error;
  }
  throw new Unanswerable(404, "there is no such file");
}
