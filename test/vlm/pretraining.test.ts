import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { labelledImages } from "../../trainer/cli/labelled-images.js";
import { codeTerms, flips } from "../../trainer/language/index.js";
import { Random } from "../../trainer/random/random.js";
import { loadCatalog } from "../../trainer/rooms/index.js";
import { TextTokenizer } from "../../trainer/vlm/files/tokenizer.js";
import { captionSet, pairsOf, relationAccuracy } from "../../trainer/vlm/pretraining/captions.js";
import type { ModelSize } from "../../trainer/vlm/pretraining/clip/initial.js";
import { pretrain } from "../../trainer/vlm/pretraining/clip/pretrain.js";
import { evaluate } from "../../trainer/vlm/pretraining/evaluate.js";
import { objectsIn } from "../../trainer/vlm/pretraining/labelled.js";
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
const data = labelledImages([loadCatalog("rooms")], drawn);
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
    expect(labelledImages([catalog], few)).toEqual(labelledImages([catalog], few));
    expect(labelledImages([catalog], { ...few, seed: 5 }).images).not.toEqual(labelledImages([catalog], few).images);
  });

  it("count each object's pixels in the patches where it is", () => {
    const { active, patchPixels } = data;
    for (let object = 0; object < data.count * active; object++) {
      const own = patchPixels.subarray(object * 16, (object + 1) * 16);
      expect(Math.max(...own)).toBeLessThanOrEqual(256);
    }
    expect(patchPixels.some((pixels) => pixels > 20)).toBe(true);
  });

  it("of two worlds take turns, have the same spread in each world, and name the objects of both", () => {
    const few = { ...drawn, count: 60 };
    const [rooms, tabletop] = [loadCatalog("rooms"), loadCatalog("tabletop")];
    const both = labelledImages([rooms, tabletop], few);
    expect(both.names).toEqual([...rooms.objects, ...tabletop.objects].map(({ name }) => name));
    const alone = labelledImages([rooms], { ...few, count: 30 });
    const bytes = 64 * 64 * 3;
    const deviations = [0, 1].map((world) => {
      const images = Array.from({ length: 30 }, (_, i) => 2 * i + world);
      const objects = images.flatMap((image) => objectsIn(both, image));
      const { activeObjects } = [rooms, tabletop][world]?.rules ?? {};
      expect(objects).toHaveLength(30 * (activeObjects ?? 0));
      for (const { type } of objects) expect(type < rooms.objects.length).toBe(world === 0);
      const rights = objects.map(({ object }) => both.coordinates[object * 3] ?? 0);
      const mean = rights.reduce((a, b) => a + b, 0) / rights.length;
      return Math.sqrt(rights.reduce((sum, right) => sum + (right - mean) ** 2, 0) / rights.length);
    });
    expect((deviations[0] ?? 0) / (deviations[1] ?? 1)).toBeGreaterThan(0.5);
    expect((deviations[0] ?? 0) / (deviations[1] ?? 1)).toBeLessThan(2);
    // The first world's pictures are the same as for that world alone.
    for (let i = 0; i < 30; i++) {
      expect(both.images.subarray(2 * i * bytes, (2 * i + 1) * bytes)).toEqual(
        alone.images.subarray(i * bytes, (i + 1) * bytes),
      );
      expect(objectsIn(both, 2 * i).map(({ type }) => type)).toEqual(objectsIn(alone, i).map(({ type }) => type));
    }
  });

  it("of the floor only have every object's base at the same height", () => {
    const heights = new Map<number, Set<number>>();
    const floor = labelledImages([loadCatalog("rooms")], { ...drawn, count: 40, floorOnly: true });
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
    const logits = pairs.map((own) =>
      own.map((pair) => {
        const { wrong } = captionSet(data, pair);
        expect(wrong).toHaveLength(flips(pair.code).length);
        return Float32Array.from([1, ...wrong.map(() => 0)]);
      }),
    );
    expect(relationAccuracy(pairs, logits)).toEqual({ full: 1, oneTerm: 1 });
    const reversed = logits.map((own) => own.map((set) => set.map((value) => -value)));
    expect(relationAccuracy(pairs, reversed)).toEqual({ full: 0, oneTerm: 0 });
  });
});

describe("pairs of labelled images", () => {
  it.each(["rooms", "tabletop"])("in %s are all but those whose bases contradict a vertical term", (world) => {
    const images = labelledImages([loadCatalog("rooms"), loadCatalog(world)], {
      ...drawn,
      count: 600,
      size: 32,
      seed: 3,
    });
    const random = new Random(2);
    let leftOut = 0;
    for (let image = 1; image < images.count; image += 2) {
      const asked = pairsOf(images, image, random);
      for (const { first, second, code } of asked) {
        const higher = (images.bases[first] ?? 0) - (images.bases[second] ?? 0);
        if (codeTerms(code).includes("above")) expect(higher).toBeGreaterThan(10);
        if (codeTerms(code).includes("below")) expect(higher).toBeLessThan(-10);
      }
      const places = objectsIn(images, image).map(({ object }) => object);
      const missing = places.flatMap((a, i) =>
        places.slice(i + 1).flatMap((b) => {
          const there = asked.some(({ first, second }) => [first, second].includes(a) && [first, second].includes(b));
          return there ? [] : [[a, b] as const];
        }),
      );
      leftOut += missing.length;
      for (const [a, b] of missing) {
        expect(Math.abs((images.bases[a] ?? 0) - (images.bases[b] ?? 0))).toBeLessThanOrEqual(10);
      }
    }
    expect(leftOut).toBeGreaterThan(0);
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

  it("on two worlds makes a model with a word for every object, asked only about pairs within a picture", async () => {
    const both = labelledImages([loadCatalog("rooms"), loadCatalog("tabletop")], drawn);
    const directory = temporary();
    const { explained } = await pretrain(directory, both, {
      seed: 1,
      threads: 1,
      size,
      phases: [{ steps: 5, learningRate: 3e-3, coordinates: 1 }],
      batch: 16,
      heldOut: 40,
    });
    expect(explained.every(Number.isFinite)).toBe(true);
    const tokenizer = TextTokenizer.open(directory);
    // Start, a token for each word, end.
    for (const name of both.names) expect(tokenizer.encodeTruncated(name, 24)).toHaveLength(2 + name.split(" ").length);
    const random = new Random(1);
    const pairs = Array.from({ length: both.count }, (_, image) => pairsOf(both, image, random));
    for (const [image, own] of pairs.entries()) {
      const places = objectsIn(both, image).map(({ object }) => object);
      for (const { first, second } of own) expect([first, second].every((place) => places.includes(place))).toBe(true);
    }
    expect(Math.max(...pairs.map(({ length }) => length))).toBe(6);
    const { naming } = await evaluate(directory, both, {
      runtime: { device: "cpu", threads: 1 },
      seed: 1,
      heldOut: 80,
      imagePasses: [],
    });
    expect(naming).toBeGreaterThan(0);
  });
});
