import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { labelledImages } from "../../trainer/cli/labelled-images.js";
import { flips } from "../../trainer/language/index.js";
import { Random } from "../../trainer/random/random.js";
import { loadCatalog } from "../../trainer/rooms/index.js";
import { captionSet, pairsOf, relationAccuracy } from "../../trainer/vlm/pretraining/captions.js";
import { evaluate } from "../../trainer/vlm/pretraining/evaluate.js";
import type { ModelSize } from "../../trainer/vlm/pretraining/initial.js";
import { pretrain } from "../../trainer/vlm/pretraining/pretrain.js";
import { temporaryFolder } from "../temporary.js";

const size: ModelSize = {
  imageSize: 64,
  patch: 16,
  vision: { width: 32, layers: 2, heads: 2, mlp: 64 },
  text: { width: 16, layers: 2, heads: 2, mlp: 32 },
  positions: 24,
  projection: 32,
};
const drawn = { count: 120, size: 64, patch: 16, seed: 4, floorOnly: false };
const data = labelledImages(loadCatalog("rooms"), drawn);
const temporary = (): string => temporaryFolder("pretraining");

async function train(seed: number): Promise<{ directory: string; losses: number[] }> {
  const directory = temporary();
  const losses: number[] = [];
  await pretrain(directory, data, {
    seed,
    threads: 1,
    size,
    phases: [
      { steps: 25, learningRate: 3e-3, coordinates: 1 },
      { steps: 5, learningRate: 1e-3, coordinates: 2 },
    ],
    batch: 16,
    heldOut: 40,
    onProgress: ({ losses: own }) => losses.push(Object.values(own).reduce((a, b) => a + b, 0)),
  });
  return { directory, losses };
}

const weights = ({ directory }: { directory: string }): Buffer =>
  readFileSync(path.join(directory, "model.safetensors"));

describe("labelled images", () => {
  it("are the same for the same seed, and others for another", () => {
    const few = { ...drawn, count: 3 };
    const catalog = loadCatalog("rooms");
    expect(labelledImages(catalog, few)).toEqual(labelledImages(catalog, few));
    expect(labelledImages(catalog, { ...few, seed: 5 }).images).not.toEqual(labelledImages(catalog, few).images);
  });

  it("count each object's pixels in the patches where it is", () => {
    const { active, patchPixels } = data;
    for (let object = 0; object < data.count * active; object++) {
      const own = patchPixels.subarray(object * 16, (object + 1) * 16);
      expect(Math.max(...own)).toBeLessThanOrEqual(256);
    }
    expect(patchPixels.some((pixels) => pixels > 20)).toBe(true);
  });

  it("of the floor only have every object at the same height of its base", () => {
    const heights = new Map<number, Set<number>>();
    const floor = labelledImages(loadCatalog("rooms"), { ...drawn, count: 40, floorOnly: true });
    floor.types.forEach((type, object) => {
      const known = heights.get(type) ?? new Set();
      heights.set(type, known.add(floor.coordinates[object * 3 + 1] ?? 0));
    });
    for (const known of heights.values()) expect(known.size).toBe(1);
  });
});

describe("captions of labelled images", () => {
  it("have the relation of their pair against its flips, and a perfect scorer gets all of them", () => {
    const random = new Random(1);
    const pairs = Array.from({ length: 30 }, (_, image) => pairsOf(data, image, random));
    const logits = pairs.map((own, image) =>
      own.map((pair) => {
        const { wrong } = captionSet(data, image, pair);
        expect(wrong).toHaveLength(flips(pair.code).length);
        return Float32Array.from([1, ...wrong.map(() => 0)]);
      }),
    );
    expect(relationAccuracy(pairs, logits)).toEqual({ full: 1, oneTerm: 1 });
    const reversed = logits.map((own) => own.map((set) => set.map((value) => -value)));
    expect(relationAccuracy(pairs, reversed)).toEqual({ full: 0, oneTerm: 0 });
  });
});

describe("pre-training", () => {
  it("learns, repeats itself to the byte for a seed, and makes a directory that opens like any CLIP", async () => {
    const one = await train(1);
    const again = await train(1);
    const other = await train(2);
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(one.losses.slice(20, 25))).toBeLessThan(mean(one.losses.slice(0, 5)));
    expect(weights(again).equals(weights(one))).toBe(true);
    expect(weights(other).equals(weights(one))).toBe(false);
    const { untrained, trained } = await evaluate(one.directory, data, {
      runtime: { device: "cpu", threads: 1 },
      seed: 1,
      heldOut: 80,
      imagePasses: [48],
    });
    expect(trained.map(({ imagePasses }) => imagePasses)).toEqual([48]);
    expect(untrained.full).toBeGreaterThan(0);
  });
});
