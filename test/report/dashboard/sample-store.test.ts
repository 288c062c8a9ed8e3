/** @file The samples of a run for requests that come at the same time. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { SampleStore } from "../../../trainer/report/dashboard/sample-store.js";
import { FIXTURE_ARMS, writeRun } from "../fixture.js";

it("gives all samples to each of two requests at once, also where one of them comes in the middle of the reading", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "rls3-store-"));
  const [arm = { name: "rls3", speed: 1, validRate: 0.9 }] = FIXTURE_ARMS;
  await writeRun(folder, arm, 7, 3, 6);
  const store = new SampleStore();
  const [first, second] = await Promise.all([store.of(folder), store.of(folder)]);
  expect(first.samples).toHaveLength(18);
  expect(second).toEqual(first);
  for (let ticks = 0; ticks < 8; ticks++) {
    const fresh = new SampleStore();
    const early = fresh.of(folder);
    for (let tick = 0; tick < ticks; tick++) await new Promise(setImmediate);
    expect((await fresh.of(folder)).samples).toEqual(first.samples);
    expect((await early).samples).toEqual(first.samples);
  }
  await rm(folder, { recursive: true });
});
