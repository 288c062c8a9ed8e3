/** @file Base models beside the bundled one, by the names that levels give as their `vlm`. Made once each, kept with the runs. */
import { existsSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { labelledImages } from "../../trainer/cli/labelled-images.js";
import type { Progress } from "../../trainer/progress.js";
import { loadCatalog, SHIPPED_WORLDS } from "../../trainer/rooms/index.js";
import { BUNDLED_SIZE } from "../../trainer/vlm/pretraining/clip/initial.js";
import { type Phase, phases, pretrain, RECIPE } from "../../trainer/vlm/pretraining/clip/pretrain.js";

interface Base {
  /** What it has seen, for people. */
  readonly of: string;
  readonly worlds: readonly string[];
  readonly floorOnly: boolean;
}

/** As `rls3 vlm pretrain` makes them with --floor-only, and with --world rooms --world tabletop. */
const BASES: Readonly<Record<string, Base>> = {
  "floor-only": { of: "rooms with everything on the floor", worlds: ["rooms"], floorOnly: true },
  "both-worlds": { of: "rooms and tabletop", worlds: SHIPPED_WORLDS, floorOnly: false },
};

const QUICK_PHASES: readonly Phase[] = [{ steps: 3, learningRate: 1e-3, coordinates: 1 }];
const QUICK = { images: 80, heldOut: 16, batch: 16, phases: QUICK_PHASES };

/** Where the model is that a level calls `vlm`: a base of this file's in the folder of the experiments, anything else where it is. */
export const baseDirectory = (folder: string, vlm: string): string =>
  BASES[vlm] === undefined ? vlm : path.join(folder, "models", vlm);

/** Names of those models in `directories` that are bases of this file's and not there yet. */
export const missingBases = (folder: string, directories: readonly string[]): string[] =>
  Object.keys(BASES).filter((name) => {
    const directory = baseDirectory(folder, name);
    return directories.includes(directory) && !existsSync(directory);
  });

export async function makeBase(folder: string, name: string, quick: boolean, progress: Progress): Promise<void> {
  const base = BASES[name];
  if (base === undefined) throw new RangeError(`there is no base model "${name}"`);
  const directory = baseDirectory(folder, name);
  const catalogs = base.worlds.map(loadCatalog);
  const images = base.floorOnly ? RECIPE.floorOnlyImages : RECIPE.images;
  const recipe = quick ? QUICK : { ...RECIPE, images, phases: phases(catalogs.length) };
  const { imageSize: size, patch } = BUNDLED_SIZE;
  const unfinished = `${directory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  const count = recipe.images * catalogs.length;
  progress.say(`a base model from ${count} pictures of ${base.of}`);
  const data = labelledImages(catalogs, { count, size, patch, seed: 0, floorOnly: base.floorOnly });
  const steps = recipe.phases.reduce((sum, phase) => sum + phase.steps, 0);
  progress.begin("pre-training", steps, "steps");
  await pretrain(unfinished, data, {
    seed: 0,
    threads: 1,
    size: BUNDLED_SIZE,
    phases: recipe.phases,
    batch: recipe.batch,
    heldOut: recipe.heldOut,
    onProgress: ({ step }) => progress.advance(step),
  });
  progress.end();
  renameSync(unfinished, directory);
}
