/** @file A model with a planted weakness: pre-trained on pictures whose objects all stand on the floor. Made once, kept with the runs. */
import { existsSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { labelledImages } from "../../trainer/cli/labelled-images.js";
import type { Progress } from "../../trainer/rls3/progress.js";
import { loadCatalog } from "../../trainer/rooms/index.js";
import { BUNDLED_SIZE } from "../../trainer/vlm/pretraining/initial.js";
import { phases, pretrain } from "../../trainer/vlm/pretraining/pretrain.js";

/** What a level says as its `vlm`. */
export const FLOOR_ONLY = "floor-only";

/** As `rls3 vlm pretrain --floor-only` makes it, and at CI's size. */
const FULL = { images: 30_000, heldOut: 1000, batch: 128, phases: phases(1) };
const QUICK = {
  images: 80,
  heldOut: 16,
  batch: 16,
  phases: [{ steps: 3, learningRate: 1e-3, coordinates: 1 }],
};

export const floorOnlyModel = (folder: string): string => path.join(folder, "models", FLOOR_ONLY);

export async function makeFloorOnlyModel(folder: string, quick: boolean, progress: Progress): Promise<void> {
  const directory = floorOnlyModel(folder);
  if (existsSync(directory)) return;
  const { images: count, heldOut, batch, phases: own } = quick ? QUICK : FULL;
  const { imageSize: size, patch } = BUNDLED_SIZE;
  const unfinished = `${directory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  progress.say(`a base model from ${count} pictures with everything on the floor`);
  const data = labelledImages([loadCatalog("rooms")], { count, size, patch, seed: 0, floorOnly: true });
  const steps = own.reduce((sum, phase) => sum + phase.steps, 0);
  progress.begin("pre-training", steps, "steps");
  await pretrain(unfinished, data, {
    seed: 0,
    threads: 1,
    size: BUNDLED_SIZE,
    phases: own,
    batch,
    heldOut,
    onProgress: ({ step }) => progress.advance(step),
  });
  progress.end();
  renameSync(unfinished, directory);
}
