/** @file A cell counts as long as the algorithm's files have not changed: everything that a run imports is one, or computes none of its numbers. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { ALGORITHM } from "../../benchmarks/experiments/acceptance.js";

const root = path.resolve(import.meta.dirname, "../../..");

/** They carry, store or report numbers, and change none. */
const COMPUTE_NOTHING = [
  ...["protocol/", "trainer/plugins/", "trainer/report/tensorboard/", "trainer/run-format/"],
  ...["at", "closing", "complaint", "errors", "progress", "stopwatch"].map((name) => `trainer/${name}.ts`),
  ...["durable-file", "plain-file", "process-identity"].map((name) => `trainer/files/${name}.ts`),
];

function imported(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const source = readFileSync(path.join(root, file), "utf8");
  for (const [, name = ""] of source.matchAll(/^(?:import|export)\s(?!type\b)[^;]*?from "(\.[^"]+)\.js"/gm)) {
    imported(path.join(path.dirname(file), `${name}.ts`), found);
  }
  return found;
}

it("lists every file that a run's numbers depend on", () => {
  const files = [...imported("trainer/runs/run.ts")];
  expect(files.length).toBeGreaterThan(200);
  const isUnder = (file: string, place: string): boolean =>
    file === place || file.startsWith(place.endsWith("/") ? place : `${place}/`);
  const isKnown = (file: string): boolean => [...ALGORITHM, ...COMPUTE_NOTHING].some((place) => isUnder(file, place));
  expect(files.filter((file) => !isKnown(file))).toEqual([]);
});
