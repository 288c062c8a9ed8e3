/** @file The files of a run with a model that answers. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { openEnvironments } from "../../trainer/environments/open-environments.js";
import { drawingFrom } from "../../trainer/environments/wander.js";
import { CAPTIONS } from "../../trainer/language/index.js";
import { type Progress, silent } from "../../trainer/progress.js";
import { EventWriter } from "../../trainer/report/tensorboard/event-writer.js";
import { rls3 } from "../../trainer/rls3/loop.js";
import { readMetrics, readSamples } from "../../trainer/run-format/readers.js";
import { openAgent } from "../../trainer/runs/parts.js";
import { drawTestSets } from "../../trainer/runs/preparation.js";
import { record } from "../../trainer/runs/record.js";
import { RunDirectory } from "../../trainer/runs/run-directory.js";
import { randomTransitions } from "../../trainer/runs/transitions.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import { AnsweringModel, type Rule } from "../answering-model.js";
import { temporaryFolder } from "../temporary.js";

const parent = temporaryFolder("record");
const configuration = resolveConfiguration([
  { name: "test", values: { agent: "random", E: 2, T0: 6, iterations: 1, batchSize: 4, epochs: 1 } },
  { name: "test", values: { testImagesPerRelation: 1, validationImagesPerRelation: 1, naturalImages: 3 } },
]);

/** Draws and records a short run of random placement. */
async function recorded(name: string, rule: Rule) {
  const folder = path.join(parent, name);
  const model = new AnsweringModel(rule);
  const warnings: string[] = [];
  const progress: Progress = { ...silent, warn: (line) => void warnings.push(line) };
  const { env, world, episodesPerIteration: count } = configuration;
  const environments = await openEnvironments({ env, world, count, imageSize: model.imageSize }, silent);
  const agent = await openAgent(configuration, environments.world, silent);
  const directory = RunDirectory.create(folder, {});
  const events = EventWriter.start(folder, { configuration, metrics: [], before: [] });
  try {
    const transitions = await randomTransitions(drawingFrom(environments, silent), 1, configuration.feasibilitySteps);
    const testSets = await drawTestSets(configuration, environments, silent);
    const parts = {
      ...{ environments, agent, model, progress: silent, transitions: () => transitions },
      testSets: { ...testSets, validation: { images: [], questions: [] } },
    };
    for await (const iteration of rls3(parts, { ...configuration, earlyStopping: false, inTurns: true }, null)) {
      await record({ directory, events, configuration, progress }, iteration, {});
    }
  } finally {
    events.close();
    directory.close();
    await agent.close();
    await environments.close();
  }
  const captions = (await readSamples(folder)).flatMap(({ samples }) => samples.flatMap((sample) => sample.captions));
  const text = readFileSync(path.join(folder, "samples", "0001.jsonl"), "utf8");
  return { metrics: await readMetrics(folder), captions, text, model, warnings };
}

describe("a run with a model that answers", () => {
  it("has prompts and answers in its samples, and the share of answers without a relation in its metrics", async () => {
    const { metrics, captions, model, warnings } = await recorded("half", {
      says: ({ right }) => (/left/.test(right) ? "on table" : right),
    });
    const left = captions.filter(({ right }) => /left/.test(right));
    expect(left.length).toBeGreaterThan(0);
    expect(left.length).toBeLessThan(captions.length);
    expect(metrics.map(({ unparsed }) => unparsed)).toEqual([null, left.length / captions.length]);
    for (const { prompt, right, said } of captions) {
      expect(prompt).toMatch(/^answer en where is the .* relative to the .*\?$/);
      expect(said).toBe(/left/.test(right) ? "on table" : right);
    }
    expect(warnings.some((line) => line.startsWith("answers without a relation: "))).toBe(true);
    // It is trained on the same questions that score it.
    expect(model.trained.length).toBeGreaterThan(0);
    for (const { prompt, wrong } of model.trained) {
      expect(prompt).toMatch(/^answer en where is the /);
      expect(wrong.length).toBeGreaterThan(0);
    }
  }, 60_000);

  it("has neither where the model ranks captions", async () => {
    const { metrics, text, warnings } = await recorded("ranks", { phrasing: CAPTIONS });
    expect(metrics.map(({ unparsed }) => unparsed)).toEqual([null, null]);
    expect(metrics.map(({ testScore }) => testScore)).toEqual([null, null]);
    expect(text).not.toMatch(/"prompt"|"said"/);
    expect(warnings.filter((line) => line.startsWith("answers"))).toEqual([]);
  }, 60_000);
});
