/** @file Readers of a run's files: they return what was written, and name the place of what is wrong. */
import { stringify } from "csv-stringify/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { askedPairs } from "../../trainer/report/world.js";
import { METRIC_COLUMNS, type SampleCaption } from "../../trainer/run-format/columns.js";
import { curveOf, parseEpisodes, parseMetrics, parseSamples, seedRun } from "../../trainer/run-format/readers.js";

const cell = fc.oneof(fc.constant(null), fc.double({ min: -1e9, max: 1e9, noNaN: true, noDefaultInfinity: true }));
const whole = fc.nat(1_000_000);
const row = fc
  .tuple(fc.array(cell, { minLength: METRIC_COLUMNS.length, maxLength: METRIC_COLUMNS.length }), whole, whole)
  .map(([cells, generated, valid]) => ({
    ...Object.fromEntries(METRIC_COLUMNS.map((column, i) => [column, cells[i] ?? null])),
    iteration: 0,
    generated,
    valid,
    feasibilitySteps: 80_000,
  }));

const sample = {
  episode: 1,
  step: 2,
  scene: 0,
  objects: [[0, 10, 0, -20, 0]],
  slot: 0,
  captions: [{ right: "The vase is above the plate.", probability: 0.25, margin: 12.5 }],
  score: 2,
  hardness: 0.6,
  kept: true,
};

describe("metrics.csv", () => {
  it("is read back number for number, with empty cells as null, columns in any order, and unknown ones ignored", () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), fc.boolean(), (rows, reverse) => {
        const order = reverse ? [...METRIC_COLUMNS].reverse() : [...METRIC_COLUMNS];
        const text = stringify(
          rows.map((r) => ({ ...r, later: "x" })),
          { header: true, columns: [...order, "later"] },
        );
        const expected = rows.map((r) =>
          Object.fromEntries(Object.entries(r).map(([k, v]) => [k, v === null ? null : v + 0])),
        );
        const read = parseMetrics(text, "metrics.csv");
        expect(read.map((r) => ({ ...r }))).toEqual(expected.map((r) => ({ ...r })));
      }),
      { numRuns: 30 },
    );
  });

  it("names file, line and column of a value that is no number, and a missing column", () => {
    const head = "iteration,generated,valid,feasibilitySteps,kl\n";
    expect(() => parseMetrics(`${head}0,0,0,100,\n1,5,4,100,high\n`, "m.csv")).toThrow(
      'm.csv, line 3, column "kl": "high" is not a number',
    );
    expect(() => parseMetrics(`${head}0,,0,100,\n`, "m.csv")).toThrow('line 2: column "generated" is empty');
    expect(() => parseMetrics("iteration,generated\n", "m.csv")).toThrow('lacks the column "valid"');
    expect(() => parseMetrics(`${head}0,0\n`, "m.csv")).toThrow("m.csv is not a CSV file");
  });

  it("from an older run has nothing in a column added later", () => {
    const columns = METRIC_COLUMNS.filter((column) => column !== "unparsed" && column !== "testScore");
    const text = `${columns.join(",")}\n${columns.map((_, i) => i).join(",")}\n`;
    const [read] = parseMetrics(text, "m.csv");
    expect(read).toMatchObject({ iteration: 0, unparsed: null, testScore: null, samples_below: columns.length - 1 });
  });

  it("becomes a curve of the evaluated rows, with valid rate and feasibility steps of the last row", () => {
    const text = [
      "iteration,generated,valid,feasibilitySteps,accuracyFull,accuracyOneTerm,naturalFull,naturalOneTerm",
      "0,0,0,500,.5,.51,,",
      "1,40,30,500,,,,",
      "2,80,60,500,.7,.61,.8,.71",
    ].join("\n");
    const rows = parseMetrics(text, "m.csv");
    expect(curveOf(rows)).toEqual([
      { generated: 0, valid: 0, accuracy: { full: 0.5, oneTerm: 0.51 } },
      { generated: 80, valid: 60, accuracy: { full: 0.7, oneTerm: 0.61 }, natural: { full: 0.8, oneTerm: 0.71 } },
    ]);
    expect(seedRun(3, rows)).toMatchObject({ seed: 3, validRate: 0.75, feasibilitySteps: 500 });
  });
});

describe("episodes.csv", () => {
  it("is read by its header", () => {
    const text = "return,valid,steps,episode,iteration,meanScore,meanHardness\n12.5,40,44,3,1,2.5,\n";
    expect(parseEpisodes(text, "e.csv")).toEqual([
      { iteration: 1, episode: 3, steps: 44, valid: 40, meanScore: 2.5, meanHardness: null, return: 12.5 },
    ]);
  });
});

describe("samples", () => {
  it("are read as written; unknown fields do no harm", () => {
    const text = `${JSON.stringify(sample)}\n\n${JSON.stringify({ ...sample, later: 1 })}\n`;
    expect(parseSamples(text, "0001.jsonl")).toEqual([sample, sample]);
  });

  it("of runs that leave pairs out tell a caption's slots, and have no S where nothing is asked", () => {
    const asked: SampleCaption = { slots: [1, 2], right: "The plate is behind the vase.", probability: 0.5, margin: 3 };
    const objects = [0, 1, 2].map((type) => [type, 0, 0, 0, 0]);
    const one = { ...sample, objects, captions: [asked] };
    const none = { ...one, captions: [], score: null, hardness: 0 };
    const [first, second] = parseSamples(`${JSON.stringify(one)}\n${JSON.stringify(none)}\n`, "0001.jsonl");
    expect([first, second]).toEqual([one, none]);
    expect(askedPairs(one)).toEqual([{ caption: asked, slots: [1, 2] }]);
    expect(askedPairs(none)).toEqual([]);
    // Older lines have a caption for each pair, in order.
    const older = askedPairs({ objects, captions: [0, 1, 2].map(() => ({ right: "", probability: 1, margin: 1 })) });
    expect(older.map(({ slots }) => slots)).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
  });

  it("of a model that answers have the prompt and what was said", () => {
    const said = { ...sample.captions[0], prompt: "where is the vase relative to the plate?", said: "on the <plate>" };
    const line = { ...sample, captions: [said] };
    expect(parseSamples(JSON.stringify(line), "0001.jsonl")).toEqual([line]);
  });

  it("name the line and the wrong field, also for a line cut off by a kill", () => {
    const wrong = JSON.stringify({ ...sample, captions: [{ right: "x", margin: 1 }] });
    expect(() => parseSamples(`${JSON.stringify(sample)}\n${wrong}`, "0001.jsonl")).toThrow(
      '0001.jsonl, line 2, field "captions[0].probability"',
    );
    expect(() => parseSamples(JSON.stringify(sample).slice(0, 30), "0001.jsonl")).toThrow(
      "0001.jsonl, line 1 is not JSON",
    );
    const nowhere = JSON.stringify({ ...sample, slot: 1 });
    expect(() => parseSamples(nowhere, "0001.jsonl")).toThrow(
      '0001.jsonl, line 1, field "slot": names a slot that has no object',
    );
  });
});
