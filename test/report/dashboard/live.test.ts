/** @file The live page's events: what is written into the folder while it is watched is told, whole rows only. */
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChangeDocument, IndexDocument, RunEntry } from "../../../trainer/report/dashboard/documents.js";
import { FIXTURE_ARMS, writeComparison } from "../fixture.js";
import { type OpenDashboard, openDashboard } from "./process.js";
import { RunningRun } from "./runs-folder.js";

const [ARM = { name: "rls3", speed: 1, validRate: 0.9 }] = FIXTURE_ARMS;
let parent: string;
let folder: string;
let running: RunningRun;
let dashboard: OpenDashboard;
let events: Events;

/** The stream of events, one by one. */
class Events {
  private text = "";
  private constructor(private readonly reader: ReadableStreamDefaultReader<string>) {}

  static async open(url: string): Promise<Events> {
    const response = await fetch(`${url}api/v1/events`);
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    if (response.body === null) throw new Error("no stream");
    return new Events(response.body.pipeThrough(new TextDecoderStream()).getReader());
  }

  async next(): Promise<{ event: string; data: unknown }> {
    for (;;) {
      const end = this.text.indexOf("\n\n");
      if (end !== -1) {
        const lines = this.text.slice(0, end).split("\n");
        this.text = this.text.slice(end + 2);
        const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        const data = field("data");
        if (data !== undefined) return { event: field("event") ?? "", data: JSON.parse(data) };
        continue;
      }
      const { value, done } = await this.reader.read();
      if (done) throw new Error("the stream has ended");
      this.text += value;
    }
  }

  /** The first change in which this is so. */
  async until(holds: (change: ChangeDocument) => boolean): Promise<ChangeDocument> {
    for (;;) {
      const change = (await this.next()).data as ChangeDocument;
      if (holds(change)) return change;
    }
  }

  /** What is told of one run, when it next has this. */
  async run(id: string, holds: (run: RunEntry) => boolean): Promise<RunEntry> {
    const has = (change: ChangeDocument) => change.runs.find((run) => run.id === id && holds(run));
    const found = has(await this.until((change) => has(change) !== undefined));
    if (found === undefined) throw new Error("not told");
    return found;
  }

  close(): Promise<void> {
    return this.reader.cancel();
  }
}

beforeAll(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "rls3-live-"));
  folder = path.join(parent, "runs");
  running = new RunningRun(path.join(folder, "train-now"), ARM);
  await running.start(2);
  dashboard = await openDashboard(folder, "--port", "0");
  events = await Events.open(dashboard.url);
});
afterAll(async () => {
  await events.close();
  await dashboard[Symbol.asyncDispose]();
  await rm(parent, { recursive: true });
});

describe("a page that watches", () => {
  it("gets the whole index first", async () => {
    const { event, data } = await events.next();
    expect(event).toBe("index");
    const { schema, folder: name, runs } = data as IndexDocument;
    expect({ schema, name }).toEqual({ schema: 1, name: "runs" });
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ id: "train-now", state: "running", iteration: 2, iterations: 14, problem: null });
    expect(runs[0]?.accuracy).toHaveLength(3);
  });

  it("has in its first index what has been written since the last look, however lately that was", async () => {
    await events.close();
    const now = new RunningRun(path.join(folder, "compare-now", "runs", "rls3-3"), ARM);
    await now.start(1);
    events = await Events.open(dashboard.url);
    const { runs } = (await events.next()).data as IndexDocument;
    expect(runs.map(({ id }) => id).sort()).toEqual(["compare-now/runs/rls3-3", "train-now"]);
    await rm(path.join(folder, "compare-now"), { recursive: true });
    await events.until(({ removed }) => removed.includes("compare-now/runs/rls3-3"));
  });

  it("is told of a row when it is whole, and not before", async () => {
    const row = running.nextRow();
    const file = path.join(running.folder, "metrics.csv");
    await appendFile(file, row.slice(0, 50));
    const half = await events.until(({ runs }) => runs.some(({ id }) => id === "train-now"));
    expect(half.runs[0]).toMatchObject({ iteration: 2, problem: null });
    await appendFile(file, row.slice(50));
    const whole = await events.run("train-now", ({ iteration }) => iteration === 3);
    expect(whole.accuracy).toHaveLength(4);
    expect(whole.problem).toBeNull();
  });

  it("is told of a comparison that appears, with its verdict, and when it is gone", async () => {
    const compare = path.join(folder, "compare-new");
    await writeComparison(path.join(compare, "runs"), { seeds: 2, iterations: 2, samples: 0 });
    const config = { seeds: [1000, 1001], configuration: { rls3: {}, random: {} } };
    await writeFile(path.join(compare, "config.json"), JSON.stringify(config));
    const isThere = (change: ChangeDocument) =>
      change.groups.some(({ id, planned }) => id === "compare-new" && planned === 4);
    const change = await events.until(isThere);
    expect(change.groups[0]).toMatchObject({ kind: "comparison", name: "compare-new" });
    await rm(compare, { recursive: true });
    const gone = new Set<string>();
    await events.until(({ removed }) => {
      for (const id of removed) gone.add(id);
      return gone.size === 4;
    });
    expect([...gone].sort()).toEqual(
      ["random-1000", "random-1001", "rls3-1000", "rls3-1001"].map((name) => `compare-new/runs/${name}`),
    );
  });

  it("is told that a run has stopped, and that one has finished", async () => {
    await rm(path.join(running.folder, ".lock"));
    await events.run("train-now", ({ state }) => state === "stopped");
    // One that stops early says so in its log, after which its process may have had something to say, too.
    const log = '{"level":30,"msg":"finished"}\n{"level":30,"msg":"process","seconds":3}\n';
    await appendFile(path.join(running.folder, "log.jsonl"), log);
    const { iteration } = await events.run("train-now", ({ state }) => state === "finished");
    expect(iteration).toBeLessThan(14);
  });

  it("is told what is wrong with a file, in the run's line", async () => {
    await appendFile(path.join(running.folder, "metrics.csv"), "x,1,1,1\n");
    const { problem, iteration } = await events.run("train-now", (run) => run.problem !== null);
    expect(problem).toContain("metrics.csv");
    expect(iteration).toBe(3);
  });
});

describe("cells of a sweep and seeds of an experiment", () => {
  it("are known by the settings in which they differ, where they are made left out", async () => {
    const sweep = path.join(folder, "sweep");
    const { writeRun } = await import("../fixture.js");
    for (const [weight, seed] of [
      [1, 0],
      [1, 1],
      [10, 0],
    ] as const) {
      const cell = path.join(sweep, "cells", `beta${weight}-${seed}`);
      await writeRun(cell, ARM, seed, 1, 0);
      const configuration = { agent: "rls3", iterations: 1, extrinsicWeight: weight, seed, threads: 1 + seed };
      await writeFile(path.join(cell, "config.json"), JSON.stringify({ schema: 1, seed, configuration }));
    }
    await writeFile(path.join(sweep, "sweep.json"), JSON.stringify({ schema: 1, cells: [{}, {}, {}, {}] }));
    const response = await fetch(`${dashboard.url}api/v1/index`);
    expect(response.status).toBe(200);
    const change = await events.until(({ runs }) =>
      runs.some(({ id, varied }) => id === "sweep/cells/beta10-0" && varied["extrinsicWeight"] !== undefined),
    );
    expect(change.runs.find(({ id }) => id === "sweep/cells/beta10-0")).toMatchObject({
      arm: "beta10",
      seed: 0,
      varied: { extrinsicWeight: "10" },
    });
    const index = (await (await fetch(`${dashboard.url}api/v1/index`)).json()) as IndexDocument;
    expect(index.groups).toEqual([
      { id: "sweep", kind: "sweep", name: "sweep", planned: 4, headline: null, report: false },
    ]);
  });
});
