/** @file A watched folder goes on where a look or a listener fails. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ChangeDocument } from "../../../trainer/report/dashboard/documents.js";
import { WatchedFolder } from "../../../trainer/report/dashboard/watched-folder.js";
import { WatchedRun } from "../../../trainer/report/dashboard/watched-run.js";
import { FIXTURE_ARMS, writeRun } from "../fixture.js";

const [ARM = { name: "rls3", speed: 1, validRate: 0.9 }] = FIXTURE_ARMS;
let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "rls3-watched-"));
  await writeRun(path.join(root, "one"), ARM, 7, 1, 0);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(root, { recursive: true });
});

it("a look that fails is told as a note, and the next one takes it back", async () => {
  const folder = new WatchedFolder(root);
  await folder.index();
  vi.spyOn(WatchedRun.prototype, "refresh").mockRejectedValueOnce(new Error("no disk"));
  const told: ChangeDocument[] = [];
  folder.listen((change) => told.push(change));
  await expect.poll(() => told.length).toBe(2);
  folder.close();
  expect(told.map(({ notes }) => notes)).toEqual([["The folder could not be looked at: no disk"], []]);
  expect(told.map(({ runs, removed }) => [...runs, ...removed])).toEqual([[], []]);
  expect((await folder.index()).runs).toHaveLength(1);
});

it("a listener that throws is told no more, and keeps nothing from the others", async () => {
  const folder = new WatchedFolder(root);
  await folder.index();
  const broken = vi.fn(() => {
    throw new Error("gone");
  });
  const told: ChangeDocument[] = [];
  folder.listen(broken);
  folder.listen((change) => told.push(change));
  for (const [i, name] of ["two", "three"].entries()) {
    await writeRun(path.join(root, name), ARM, 7, 1, 0);
    await expect.poll(() => told.flatMap(({ runs }) => runs.map(({ id }) => id))).toContain(name);
    expect(told.length).toBeGreaterThan(i);
  }
  folder.close();
  expect(broken).toHaveBeenCalledTimes(1);
});

/** The state of the run after a change of its configuration and with this log. */
async function stateOf(configuration: Readonly<Record<string, unknown>>, log: readonly string[]): Promise<string> {
  const [config, run] = [path.join(root, "one", "config.json"), path.join(root, "one")];
  const before = JSON.parse(await readFile(config, "utf8")) as { configuration: object };
  await writeFile(config, JSON.stringify({ ...before, configuration: { ...before.configuration, ...configuration } }));
  await writeFile(path.join(run, "log.jsonl"), log.map((msg) => `{"level":30,"msg":"${msg}"}\n`).join(""));
  const { runs } = await new WatchedFolder(root).index();
  return runs[0]?.state ?? "none";
}

it("a run that was taken up again after its end has stopped, unless it came to its new end", async () => {
  const longer = { iterations: 40 };
  expect(await stateOf(longer, ["iteration", "finished", "process"])).toBe("finished");
  expect(await stateOf(longer, ["iteration", "finished", "process", "resumed", "iteration", "process"])).toBe(
    "stopped",
  );
  expect(await stateOf(longer, ["finished", "resumed", "iteration", "finished", "process"])).toBe("finished");
});

it("a run with a budget of valid samples is done when it has them, however many iterations that takes", async () => {
  const budget = (validSamples: number) => ({ validSamples, episodesPerIteration: 1, samplesPerEpisode: validSamples });
  expect(await stateOf(budget(1), ["iteration"])).toBe("finished");
  expect(await stateOf(budget(1_000_000), ["iteration"])).toBe("stopped");
});
