/**
 * @file Base models besides the bundled ones, by their names as `vlm` in levels. Each is made once and stored with the
 * runs.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { labelledImages } from "../../trainer/cli/labelled-images.js";
import type { Progress } from "../../trainer/progress.js";
import { loadCatalog, SHIPPED_WORLDS } from "../../trainer/rooms/index.js";
import { type Architecture, RECIPES, type Recipe } from "../../trainer/vlm/pretraining/recipes.js";

interface Base {
  /** What it has seen, for display. */
  readonly of: string;
  readonly architecture: Architecture;
  readonly worlds: readonly string[];
  readonly floorOnly: boolean;
}

const ON_THE_FLOOR = { of: "rooms with everything on the floor", worlds: ["rooms"], floorOnly: true };

/** Made like `rls3 vlm pretrain` with --floor-only, and with --world rooms --world tabletop. */
const BASES: Readonly<Record<string, Base>> = {
  "floor-only": { ...ON_THE_FLOOR, architecture: "clip" },
  "both-worlds": { of: "rooms and tabletop", architecture: "clip", worlds: SHIPPED_WORLDS, floorOnly: false },
  "floor-only-paligemma": { ...ON_THE_FLOOR, architecture: "paligemma" },
};

const QUICK = { images: 80, floorOnlyImages: 80, heldOut: 16 };

/**
 * The directory of a level's `vlm`: for a base in this file under the experiments' folder, for anything else the path
 * itself.
 */
export const baseDirectory = (folder: string, vlm: string): string =>
  BASES[vlm] === undefined ? vlm : path.join(folder, "models", vlm);

/** The bundled model of the same size where `directory` belongs to a base in this file; else the directory itself. */
export function bundledLike(folder: string, directory: string): string {
  const base = Object.entries(BASES).find(([name]) => baseDirectory(folder, name) === directory);
  return base === undefined ? directory : RECIPES[base[1].architecture].bundled;
}

/** Names of the bases in this file whose model in `directories` does not exist yet. */
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
  const { size: model, pictures, make }: Recipe = RECIPES[base.architecture];
  const { images, floorOnlyImages, heldOut } = quick ? QUICK : pictures;
  const { imageSize: size, patch } = model;
  const unfinished = `${directory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  const count = (base.floorOnly ? floorOnlyImages : images) * catalogs.length;
  progress.say(`a base model from ${count} pictures of ${base.of}`);
  const data = labelledImages(catalogs, { count, size, patch, seed: 0, floorOnly: base.floorOnly });
  let began = false;
  await make(unfinished, data, {
    worlds: catalogs.length,
    seed: 0,
    threads: 1,
    heldOut,
    brief: quick,
    onProgress: ({ step, steps }) => {
      if (!began) progress.begin("pre-training", steps, "steps");
      began = true;
      progress.advance(step);
    },
  });
  progress.end();
  renameSync(unfinished, directory);
}
