/**
 * @file Tests a run's adapter, or its base alone, on test sets other than its own curve's; shared by the analyses of
 * transfer and of held-out scenes.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { at } from "../../../trainer/at.js";
import { openEnvironments } from "../../../trainer/environments/open-environments.js";
import { evaluate, type TestSet } from "../../../trainer/evaluation/evaluation.js";
import { decodeTestSet, encodeTestSet } from "../../../trainer/evaluation/test-sets.js";
import { writeDurably } from "../../../trainer/files/durable-file.js";
import { readTensorFile, writeTensorFile } from "../../../trainer/files/tensor-file.js";
import type { Catalog } from "../../../trainer/rooms/index.js";
import { modelDirectory, openConfiguredModel } from "../../../trainer/runs/parts.js";
import { drawTestSets } from "../../../trainer/runs/preparation.js";
import type { Configuration } from "../../../trainer/settings/settings.js";
import { phrasingOf } from "../../../trainer/vlm/fine-tuning.js";
import { openModel } from "../../../trainer/vlm/index.js";
import type { Cell } from "../cells.js";
import type { Place } from "./analysis.js";

/** The balanced test set of a world, with the catalog that names its objects. */
export interface Asked {
  readonly catalog: Catalog;
  readonly set: TestSet;
}

/** Name of a test set → one-term accuracy. */
export const accuracies = z.record(z.string(), z.number());

export const namesOf = ({ objects }: Catalog) => ({ name: (object: number): string => at(objects, object).name });

/** The balanced test set of runs with this configuration, stored in `file`, in pictures for `here`'s model. */
export async function drawnTestSet(
  configuration: Configuration,
  here: Cell,
  file: string,
  { progress, signal }: Place,
): Promise<TestSet> {
  if (existsSync(file)) return decodeTestSet(readTensorFile(file).tensors);
  const { env, world, render, keys, episodesPerIteration: count } = configuration;
  const model = await openConfiguredModel(here.configuration);
  const { imageSize } = model;
  await model.close();
  const environments = await openEnvironments({ env, world, count, imageSize, render, keys }, progress, signal);
  try {
    const { test } = await drawTestSets(configuration, environments, progress);
    writeTensorFile(file, encodeTestSet(test), {});
    return test;
  } finally {
    await environments.close();
  }
}

/**
 * One-term accuracy of a run's model on each test set: with its adapter, and its base alone. `base` is the base's name
 * in the folder.
 */
export async function withAndWithout(cell: Cell, base: string, sets: ReadonlyMap<string, Asked>, { folder }: Place) {
  const evaluations = path.join(folder, "evaluations");
  const file = (name: string): string => path.join(evaluations, `${name}.json`);
  return {
    accuracy: await tested(cell, path.join(cell.folder, "adapter"), sets, file(path.basename(cell.folder))),
    before: await tested(cell, null, sets, file(`before-${path.basename(cell.shared)}-${base}`)),
  };
}

/** Stored in `file`, which is reused where it has everything needed. */
async function tested(cell: Cell, adapter: string | null, sets: ReadonlyMap<string, Asked>, file: string) {
  const kept = existsSync(file) ? accuracies.parse(JSON.parse(readFileSync(file, "utf8"))) : {};
  if ([...sets.keys()].every((name) => kept[name] !== undefined)) return kept;
  const { vlm, device, threads } = cell.configuration;
  const model = await openModel(modelDirectory(vlm), {
    runtime: { device, threads },
    phrasing: phrasingOf(cell.configuration),
    ...(adapter === null ? {} : { adapter }),
  });
  const found: Record<string, number> = {};
  try {
    for (const [name, { catalog, set }] of sets) {
      found[name] = (await evaluate(model, namesOf(catalog), set)).oneTerm;
    }
  } finally {
    await model.close();
  }
  writeDurably(file, JSON.stringify(found));
  return found;
}
