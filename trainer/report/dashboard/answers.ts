/** @file Answers requests by URL. Names in a URL are looked up among the runs found, never opened. */
import path from "node:path";
import { describeComplaint } from "../../complaint.js";
import { InputError } from "../../errors.js";
import { readPlainFileLater } from "../../files/plain-file.js";
import { METRIC_COLUMNS } from "../../run-format/columns.js";
import { placements, SIDE, sampleEntry } from "../world.js";
import {
  type ConfigurationDocument,
  type IndexDocument,
  type MapDocument,
  type MetricsDocument,
  type SamplesDocument,
  SCHEMA,
} from "./documents.js";
import { ownFile } from "./own-file.js";
import { filterSchema, inOrder, matching } from "./sample-queries.js";
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

export interface Answer {
  readonly type: string;
  readonly body: Buffer;
  /** A content policy of its own. */
  readonly policy?: string;
}

type Route = (query: URLSearchParams) => Promise<Answer>;

export const jsonAnswer = (document: object): Answer => ({
  type: "application/json; charset=utf-8",
  body: Buffer.from(JSON.stringify(document)),
});

/** What a report may do from the disk, it may do here: show itself. */
const REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox";

/** Everything but the page's own files and the stream of events, by path. */
export function routesOf(folder: WatchedFolder): Readonly<Record<string, Route>> {
  const store = new SampleStore();

  async function runOf(query: URLSearchParams): Promise<WatchedRun> {
    const id = query.get("run") ?? "";
    if (folder.run(id) === undefined) await folder.index();
    const run = folder.run(id);
    if (run === undefined) throw new Unanswerable(404, "there is no such run");
    return run;
  }

  /** The samples that pass the filter of a query. */
  async function filtered(query: URLSearchParams) {
    const { place } = await runOf(query);
    const filter = filterOf(query);
    const { samples, ...rest } = await store.of(place.folder);
    return { ...rest, run: place.id, filter, samples, found: matching(samples, filter) };
  }

  async function metrics(query: URLSearchParams): Promise<MetricsDocument> {
    const run = await runOf(query);
    const rows = run.metrics.map((row) => METRIC_COLUMNS.map((column) => row[column]));
    return { schema: SCHEMA, run: run.place.id, columns: METRIC_COLUMNS, rows };
  }

  async function map(query: URLSearchParams): Promise<MapDocument> {
    const { run, world, samples, found, problems } = await filtered(query);
    return {
      schema: SCHEMA,
      run,
      side: SIDE,
      outlines: world.scenes,
      objects: world.objects.map(({ name }) => name),
      lastIteration: samples.at(-1)?.iteration ?? 0,
      scenes: placements(
        found.map(({ sample }) => sample),
        world,
      ),
      problems,
    };
  }

  async function samples(query: URLSearchParams): Promise<SamplesDocument> {
    const { run, filter, world, painter, samples: all, found, problems } = await filtered(query);
    const { order, offset, limit } = filter;
    return {
      schema: SCHEMA,
      run,
      outlines: world.scenes,
      drawable: painter.isDrawable,
      total: all.length,
      matching: found.length,
      offset,
      samples: inOrder(found, order)
        .slice(offset, offset + limit)
        .map(({ iteration, sample }) => sampleEntry(iteration, sample, world)),
      problems,
    };
  }

  async function picture(query: URLSearchParams): Promise<Answer> {
    const { place } = await runOf(query);
    const image = query.get("image") ?? "";
    if (!/^\d+\/[\w-]+\.png$/.test(image)) throw new Unanswerable(404, "there is no such picture");
    return { type: "image/png", body: await fileWithin(place.folder, path.join("samples", image)) };
  }

  /** A sample's room, drawn again for people. */
  async function drawn(query: URLSearchParams): Promise<Answer> {
    const { place } = await runOf(query);
    const [iteration, episode, step] = ["iteration", "episode", "step"].map((name) => Number(query.get(name)));
    const { samples: all, painter } = await store.of(place.folder);
    const found = all.find(
      (each) => each.iteration === iteration && each.sample.episode === episode && each.sample.step === step,
    );
    const body = found === undefined ? null : await painter.draw(found.sample);
    if (body === null) throw new Unanswerable(404, "there is no such sample, or its room cannot be drawn here");
    return { type: "image/webp", body };
  }

  async function report(query: URLSearchParams): Promise<Answer> {
    const found = folder.folder(query.get("of") ?? "");
    if (found === undefined) throw new Unanswerable(404, "there is no such run, comparison or sweep");
    const body = await fileWithin(found, "report.html");
    return { type: "text/html; charset=utf-8", body, policy: REPORT_POLICY };
  }

  const json =
    (of: (query: URLSearchParams) => Promise<object>): Route =>
    async (query) =>
      jsonAnswer(await of(query));
  return {
    "/api/v1/index": json((): Promise<IndexDocument> => folder.index()),
    "/api/v1/metrics": json(metrics),
    "/api/v1/configuration": json(
      async (query): Promise<ConfigurationDocument> => (await runOf(query)).configuration(),
    ),
    "/api/v1/map": json(map),
    "/api/v1/samples": json(samples),
    "/picture": picture,
    "/drawn": drawn,
    "/report": report,
  };
}

function filterOf(query: URLSearchParams) {
  const filter = Object.fromEntries([...query].filter(([key, value]) => key !== "run" && value !== ""));
  const parsed = filterSchema.safeParse(filter);
  if (parsed.success) return parsed.data;
  throw new Unanswerable(400, describeComplaint(parsed.error, filter, "the filter"));
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
