/** @file A run's rooms and objects, and where its samples put them. Pure. */
import { z } from "zod";
import { at } from "../at.js";
import type { SampleCaption, SampleLine } from "../run-format/columns.js";
import type { RunConfig } from "../run-format/readers.js";

/** From the lower end to the upper one, in mm. */
type Span = readonly [number, number];

export interface RoomOutline {
  readonly name: string;
  /** Width, height, depth in mm; the origin is on the floor at the middle. */
  readonly size: readonly [number, number, number];
  readonly furniture: readonly { readonly x: Span; readonly y: Span; readonly z: Span }[];
}

export interface World {
  readonly scenes: readonly RoomOutline[];
  /** In the order of the catalog, with width, height and depth in mm; empty where the catalog's are of another form. */
  readonly objects: readonly { readonly name: string; readonly size: readonly number[] }[];
}

const span = z.tuple([z.number(), z.number()]);
const catalogSchema = z.object({
  objects: z
    .array(z.object({ name: z.string(), collision: z.object({ size: z.array(z.number()) }) }))
    .default([])
    .catch([]),
  scenes: z.array(
    z.object({
      name: z.string(),
      size: z.tuple([z.number(), z.number(), z.number()]),
      furniture: z.array(z.object({ x: span, y: span, z: span })),
    }),
  ),
});

/** Null where the run's configuration has no catalog of rooms. */
export function worldOf(config: RunConfig): World | null {
  const parsed = catalogSchema.safeParse(config.worldCatalog);
  if (!parsed.success) return null;
  const objects = parsed.data.objects.map(({ name, collision: { size } }) => ({ name, size }));
  return { scenes: parsed.data.scenes, objects };
}

/** A sample as it is shown: its objects by name, with position and size in mm. */
export interface SampleEntry extends Omit<SampleLine, "objects" | "image"> {
  readonly iteration: number;
  readonly objects: readonly {
    readonly name: string;
    readonly at: readonly number[];
    readonly size: readonly number[];
  }[];
  /** To ask for as a picture; null where none was kept. */
  readonly image: string | null;
}

export function sampleEntry(iteration: number, sample: SampleLine, world: World): SampleEntry {
  const objects = sample.objects.map((row) => {
    const index = at(row, 0);
    const { name = `object ${index}`, size = [300, 300, 300] } = world.objects[index] ?? {};
    return { name, at: row.slice(1, 4), size };
  });
  return { ...sample, iteration, objects, image: sample.image ?? null };
}

/** Cells along a side of a map. */
export const SIDE = 20;

/** Where the moved objects of valid samples went in a scene, and how many of their captions were answered wrong. */
export interface ScenePlacements {
  readonly scene: number;
  readonly placed: number;
  /** Of those, how many stand on furniture. */
  readonly raised: number;
  readonly asked: number;
  readonly wrong: number;
  /** For each cell with a placement: its number (row by row from the far left), placed, captions asked, answered wrong. */
  readonly cells: readonly (readonly [cell: number, placed: number, asked: number, wrong: number])[];
}

export interface AskedPair {
  readonly caption: SampleCaption;
  /** Null if the line does not say. */
  readonly slots: readonly [number, number] | null;
}

/** A sample's captions with the two slots that each is about: lines name them; in runs that asked about every pair, the order does. */
export function askedPairs({ captions, objects }: Pick<SampleLine, "captions" | "objects">): AskedPair[] {
  const pairs = objects.flatMap((_, a) => objects.slice(a + 1).map((__, i) => [a, a + 1 + i] as const));
  const isEvery = captions.length === pairs.length;
  return captions.map((caption, i) => ({ caption, slots: caption.slots ?? (isEvery ? at(pairs, i) : null) }));
}

/** Those of the moved object are the agent's doing. */
const captionsOfMoved = (sample: SampleLine): readonly SampleCaption[] =>
  askedPairs(sample)
    .filter(({ slots }) => slots === null || slots.includes(sample.slot))
    .map(({ caption }) => caption);

export function placements(samples: readonly SampleLine[], { scenes }: World): ScenePlacements[] {
  return scenes.map(({ size: [width, , depth] }, scene) => {
    const cells = new Map<number, [number, number, number]>();
    let [placed, raised, asked, wrong] = [0, 0, 0, 0];
    for (const sample of samples) {
      if (sample.scene !== scene) continue;
      const moved = at(sample.objects, sample.slot);
      const [x, y, z] = [at(moved, 1), at(moved, 2), at(moved, 3)];
      const captions = captionsOfMoved(sample);
      const failed = captions.filter(({ answer }) => answer !== undefined).length;
      placed += 1;
      if (y > 0) raised += 1;
      asked += captions.length;
      wrong += failed;
      const column = Math.floor((SIDE * (x + width / 2)) / width);
      const row = Math.floor((SIDE * (z + depth / 2)) / depth);
      if (column < 0 || row < 0 || column >= SIDE || row >= SIDE) continue;
      const cell = cells.get(row * SIDE + column) ?? [0, 0, 0];
      cells.set(row * SIDE + column, [cell[0] + 1, cell[1] + captions.length, cell[2] + failed]);
    }
    const listed = [...cells].sort(([a], [b]) => a - b).map(([cell, counts]) => [cell, ...counts] as const);
    return { scene, placed, raised, asked, wrong, cells: listed };
  });
}
