/** @file The small models that can be made, by architecture: their size, pictures and training. */
import { BUNDLED_SIZE as CLIP_SIZE } from "./clip/initial.js";
import * as clip from "./clip/pretrain.js";
import type { LabelledImages } from "./labelled.js";
import { BUNDLED_SIZE as PALIGEMMA_SIZE } from "./paligemma/initial.js";
import * as paligemma from "./paligemma/pretrain.js";
import type { OnProgress, Schedule } from "./phases.js";

export interface Recipe {
  /** The `--vlm` name of the shipped model that it made. */
  readonly bundled: string;
  readonly size: { readonly imageSize: number; readonly patch: number };
  /** Per world: pictures of all kinds, and of objects on the floor only; `heldOut` of all are held out. */
  readonly pictures: { readonly images: number; readonly floorOnlyImages: number; readonly heldOut: number };
  /** For the check: image passes of LoRA after which it tests relations, and its number of held-out pictures. */
  readonly checked: { readonly imagePasses: readonly number[]; readonly heldOut: number };
  make(
    directory: string,
    data: LabelledImages,
    options: MakeOptions,
  ): Promise<{ readonly explained: readonly number[] }>;
}

export interface MakeOptions {
  readonly worlds: number;
  readonly seed: number;
  readonly threads: number;
  readonly heldOut: number;
  /** A few steps on a few pictures: runs every line of code, and gives a model that knows nothing. */
  readonly brief?: boolean;
  readonly onProgress: OnProgress;
}

const BRIEF = { steps: 3, batch: 16 };
const shortened = <T extends Schedule>(phase: T, brief = false): T => (brief ? { ...phase, ...BRIEF } : phase);

export const RECIPES = {
  clip: {
    bundled: "bundled",
    size: CLIP_SIZE,
    pictures: clip.RECIPE,
    checked: { imagePasses: [9_600, 19_200], heldOut: 2_000 },
    make: (directory, data, { worlds, brief, ...options }) =>
      clip.pretrain(directory, data, {
        ...options,
        size: CLIP_SIZE,
        phases: clip.phases(worlds).map((phase) => shortened(phase, brief)),
        batch: brief ? BRIEF.batch : clip.RECIPE.batch,
      }),
  },
  paligemma: {
    bundled: "bundled-paligemma",
    size: PALIGEMMA_SIZE,
    pictures: paligemma.RECIPE,
    checked: { imagePasses: [4_800, 9_600], heldOut: 1_000 },
    make: (directory, data, { worlds, brief, ...options }) => {
      const { tower, joint } = paligemma.phases(worlds);
      return paligemma.pretrain(directory, data, {
        ...options,
        size: PALIGEMMA_SIZE,
        tower: shortened(tower, brief),
        joint: shortened(joint, brief),
      });
    },
  },
} as const satisfies Readonly<Record<string, Recipe>>;

export type Architecture = keyof typeof RECIPES;
