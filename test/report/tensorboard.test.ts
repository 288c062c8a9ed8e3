/** @file TensorBoard's files: published checksums, the known start of such files, and what a reader of the published messages finds in them. */
import { appendFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodePng } from "../../trainer/environments/picture.js";
import {
  type EventRow,
  EventWriter,
  eventFiles,
  type StartedRun,
} from "../../trainer/report/tensorboard/event-writer.js";
import { event } from "../../trainer/report/tensorboard/messages.js";
import { crc32c, maskedCrc32c } from "../../trainer/report/tensorboard/records.js";
import { tagOf } from "../../trainer/report/tensorboard/tags.js";
import { METRIC_COLUMNS } from "../../trainer/run-format/columns.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import { temporaryFolder } from "../temporary.js";
import { hparamsOf, type ReadPoint, readEvents, readRunEvents } from "./event-reader.js";

const parent = temporaryFolder("events");
const configuration = resolveConfiguration([
  { name: "test", values: { beta: 3, E: 5, eta: 0.25, seed: 9, agent: "paper" } },
]);
const begun: StartedRun = { configuration, metrics: ["mine"], before: [] };

/** Iteration `i` of 100 generated samples each. */
const row = (i: number, accuracyOneTerm = i / 10): EventRow["metrics"] => ({
  ...{ iteration: i, generated: 100 * i, valid: 50 * i, feasibilitySteps: 1000, accuracyOneTerm },
  ...{ kl: i === 0 ? null : 1.5, accuracy_inFront: 0.25 },
});
const iteration = (i: number, more: Partial<EventRow> = {}): EventRow => ({
  ...{ metrics: row(i), measured: {}, pictures: [], finished: false },
  ...more,
});
const curve = (points: readonly ReadPoint[] | undefined): (number | undefined)[][] =>
  (points ?? []).map(({ step, value }) => [step, value.simpleValue]);
const filesOf = (folder: string): Buffer[] => eventFiles(folder).map((name) => readFileSync(path.join(folder, name)));

describe("CRC-32C", () => {
  it("gives the checksums of RFC 3720, B.4", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  });

  it("is masked as in every event file: those of TensorFlow start 18 00 00 00 00 00 00 00 a3 7f 4b 22", () => {
    const length = Buffer.from("1800000000000000", "hex");
    expect(maskedCrc32c(length)).toBe(Buffer.from("a37f4b22", "hex").readUInt32LE());
  });
});

describe("an event", () => {
  it("starts a file with its version and the time, 24 bytes as TensorFlow's", () => {
    const bytes = event(1.5e9, 0, { file_version: "brain.Event:2" });
    expect(bytes.subarray(0, 12).toString("hex")).toBe("1800000000000000a37f4b22");
    expect(readEvents(bytes)).toEqual([{ wallTime: 1.5e9, step: 0, fileVersion: "brain.Event:2" }]);
  });

  it("gives a reader what was written, whatever it is", () => {
    const scalars = fc.array(
      fc.record({ tag: fc.stringMatching(/^[a-z_/]{1,12}$/), simple_value: fc.float({ noNaN: true }) }),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, min: 0, max: 1e10 }),
        fc.integer({ min: 0, max: 2 ** 40 }),
        scalars,
        (time, step, value) => {
          const [read] = readEvents(event(time, step, { summary: { value } }));
          expect([read?.wallTime, read?.step]).toEqual([time, step]);
          expect(read?.summary?.value.map(({ tag, simpleValue }) => [tag, simpleValue])).toEqual(
            value.map(({ tag, simple_value }) => [tag, simple_value]),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it("with a flipped bit has a wrong checksum, wherever it is, or is cut off", () => {
    const bytes = event(7, 7, { summary: { value: [{ tag: "accuracy/one_term", simple_value: 0.5 }] } });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), fc.integer({ min: 0, max: 7 }), (place, bit) => {
        const damaged = Buffer.from(bytes);
        damaged[place] = (damaged[place] ?? 0) ^ (1 << bit);
        expect(() => readEvents(damaged)).toThrow("wrong checksum");
      }),
    );
  });
});

describe("a run's events", () => {
  it("are on disk after each iteration, with wall time, under clean tags over generated samples", () => {
    const folder = temporaryFolder("events-live");
    const before = Date.now() / 1000;
    const events = EventWriter.start(folder, begun);
    expect([...readRunEvents(folder).keys()].every((tag) => tag.startsWith("_hparams_/"))).toBe(true);
    for (const i of [0, 1, 2]) {
      events.iteration(iteration(i, { measured: { mine: i === 1 ? null : i } }));
      expect(curve(readRunEvents(folder).get("accuracy/one_term"))).toHaveLength(i + 1);
    }
    const tags = readRunEvents(folder);
    expect(curve(tags.get("accuracy/one_term"))).toEqual([
      [0, 0],
      [100, Math.fround(0.1)],
      [200, Math.fround(0.2)],
    ]);
    expect(curve(tags.get("terms/in_front"))).toHaveLength(3);
    // Empty cells are no points.
    expect(curve(tags.get("learning/kl")).map(([step]) => step)).toEqual([100, 200]);
    expect(curve(tags.get("plugin/mine"))).toEqual([
      [0, 0],
      [200, 2],
    ]);
    for (const { wallTime } of filesOf(folder).flatMap(readEvents)) {
      expect(wallTime).toBeGreaterThanOrEqual(before);
      expect(wallTime).toBeLessThanOrEqual(Date.now() / 1000);
    }
    events.close();
  });

  it("have a tag without spaces for every column that is a curve, each another one", () => {
    const tags = METRIC_COLUMNS.map(tagOf);
    expect(METRIC_COLUMNS.filter((_, i) => tags[i] === null)).toEqual(["iteration", "feasibilitySteps"]);
    const named = tags.filter((tag) => tag !== null);
    expect(new Set(named).size).toBe(named.length);
    for (const tag of named) expect(tag).toMatch(/^[a-z_]+\/[a-z_]+$/);
  });

  it("have the settings for the HPARAMS tab at once, its metrics as scalars, and its end when the run is finished", () => {
    const folder = temporaryFolder("events-hparams");
    const events = EventWriter.start(folder, begun);
    const [experiment] = readRunEvents(folder).get("_hparams_/experiment") ?? [];
    const [start] = readRunEvents(folder).get("_hparams_/session_start_info") ?? [];
    for (const point of [experiment, start]) {
      expect(point?.value.metadata?.pluginData.pluginName).toBe("hparams");
      expect(point?.value.tensor).toBeDefined();
    }
    if (experiment === undefined || start === undefined) throw new Error("both were just seen");
    const { hparams } = hparamsOf(start.value)["sessionStartInfo"] as { hparams: Record<string, unknown> };
    expect(hparams).toMatchObject({
      ...{ beta: { numberValue: 3 }, E: { numberValue: 5 }, eta: { numberValue: 0.25 }, seed: { numberValue: 9 } },
      ...{ agent: { stringValue: "paper" }, earlyStopping: { boolValue: true } },
    });
    const { hparamInfos, metricInfos } = hparamsOf(experiment.value)["experiment"] as {
      hparamInfos: { name: string; type: string }[];
      metricInfos: { name: { tag: string } }[];
    };
    expect(hparamInfos.map(({ name }) => name).sort()).toEqual(Object.keys(hparams).sort());
    expect(hparamInfos.find(({ name }) => name === "beta")?.type).toBe("DATA_TYPE_FLOAT64");
    expect(hparamInfos.find(({ name }) => name === "agent")?.type).toBe("DATA_TYPE_STRING");
    events.iteration(iteration(0, { measured: { mine: 1 } }));
    expect(readRunEvents(folder).has("_hparams_/session_end_info")).toBe(false);
    events.iteration(
      iteration(1, {
        metrics: { ...row(1), accuracyFull: 0.5, naturalOneTerm: 0.5, naturalFull: 0.5, validRate: 0.5 },
        measured: { mine: 1 },
        finished: true,
      }),
    );
    const tags = readRunEvents(folder);
    for (const { name } of metricInfos) expect(tags.get(name.tag)?.at(-1)?.step, name.tag).toBe(100);
    expect(metricInfos.map(({ name }) => name.tag)).toContain("plugin/mine");
    const [end] = tags.get("_hparams_/session_end_info") ?? [];
    expect(end === undefined ? null : hparamsOf(end.value)).toMatchObject({
      sessionEndInfo: { status: "STATUS_SUCCESS" },
    });
    events.close();
  });

  it("have pictures as PNGs with their size", async () => {
    const folder = temporaryFolder("events-pictures");
    const events = EventWriter.start(folder, begun);
    const png = await encodePng(new Uint8Array(24 * 24 * 3).fill(100));
    events.iteration(iteration(1, { pictures: [png, png] }));
    const tags = readRunEvents(folder);
    expect([...tags.keys()].filter((tag) => tag.startsWith("hardest/"))).toEqual(["hardest/1", "hardest/2"]);
    expect(tags.get("hardest/1")?.[0]?.value.image).toMatchObject({ height: 24, width: 24, colorspace: 3 });
    expect(tags.get("hardest/1")?.[0]?.value.image?.encodedImageString.equals(png)).toBe(true);
    events.close();
  });

  it("gone on with are in a new file, and a reader has each step once, as the run made it last", () => {
    const folder = temporaryFolder("events-resumed");
    const first = EventWriter.start(folder, begun);
    for (const i of [0, 1, 2, 3]) first.iteration(iteration(i, { metrics: row(i, 0.9) }));
    first.close();
    const [killed = ""] = eventFiles(folder);
    // A kill in the middle of a record leaves its beginning.
    appendFileSync(path.join(folder, killed), event(1, 400, { summary: { value: [] } }).subarray(0, 13));
    const second = EventWriter.start(folder, { ...begun, before: [row(0), row(1)] });
    for (const i of [2, 3]) second.iteration(iteration(i));
    second.close();
    const third = EventWriter.start(folder, { ...begun, before: [row(0), row(1), row(2)] });
    expect(curve(readRunEvents(folder).get("accuracy/one_term")).map(([step]) => step)).toEqual([0, 100, 200]);
    third.iteration(iteration(3, { finished: true }));
    third.close();
    expect(eventFiles(folder)).toHaveLength(3);
    expect(curve(readRunEvents(folder).get("accuracy/one_term"))).toEqual([
      [0, Math.fround(0.9)],
      [100, Math.fround(0.9)],
      [200, Math.fround(0.2)],
      [300, Math.fround(0.3)],
    ]);
  });

  it("of a run that begins again from nothing void all that was there", () => {
    const folder = temporaryFolder("events-anew");
    const first = EventWriter.start(folder, begun);
    first.iteration(iteration(0, { metrics: row(0, 0.9) }));
    first.close();
    const second = EventWriter.start(folder, begun);
    expect(readRunEvents(folder).has("accuracy/one_term")).toBe(false);
    second.iteration(iteration(0));
    second.close();
    expect(curve(readRunEvents(folder).get("accuracy/one_term"))).toEqual([[0, 0]]);
  });

  it("that somebody has removed are written again from the rows so far", () => {
    const folder = temporaryFolder("events-lost");
    EventWriter.start(folder, begun).close();
    for (const name of readdirSync(folder)) rmSync(path.join(folder, name));
    const events = EventWriter.start(folder, { ...begun, before: [row(0), row(1)] });
    events.iteration(iteration(2));
    events.close();
    expect(curve(readRunEvents(folder).get("accuracy/one_term")).map(([step]) => step)).toEqual([0, 100, 200]);
  });

  it("are in files that sort in the order of their starts, within one second too", () => {
    const folder = path.join(parent);
    for (let start = 0; start < 3; start++) EventWriter.start(folder, begun).close();
    const names = eventFiles(folder);
    expect(names).toHaveLength(3);
    for (const name of names) expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\.rls3$/);
    expect([...names].sort()).toEqual(names);
  });
});
