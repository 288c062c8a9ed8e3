import { createHash } from "node:crypto";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Random } from "../../trainer/random/random.js";
import {
  activeTypes,
  type Catalog,
  drawLayout,
  loadCatalog,
  OBJECT_FIELDS,
  type Objects,
  parseCatalog,
  render,
} from "../../trainer/rooms/index.js";
import { sceneAt, WORLDS } from "./worlds.js";

const checksums = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  "../../../test/rooms/render-checksums.txt",
);

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function layout(catalog: Catalog, sceneIndex: number, seed: number): Objects {
  return drawLayout(catalog, sceneAt(catalog, sceneIndex), new Random(seed)).objects;
}

/** The pixels in which two images differ. */
function differing(a: Uint8Array, b: Uint8Array): Set<number> {
  const pixels = new Set<number>();
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) pixels.add(Math.floor(at / 3));
  return pixels;
}

describe("the renderer", () => {
  it("gives the same bytes on every machine", async () => {
    const lines: string[] = [];
    for (const catalog of WORLDS) {
      for (const { index } of catalog.scenes) {
        for (const size of index === 0 ? [32, 64, 100, 224] : [64]) {
          const { image, segmentation } = render(catalog, index, layout(catalog, index, 17 + index), size);
          lines.push(`${catalog.name} ${index} ${size} ${sha256(image)} ${sha256(segmentation)}`);
        }
      }
    }
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(checksums);
  });

  it("does not depend on what was drawn before", () => {
    const [catalog] = WORLDS;
    if (catalog === undefined) throw new Error("there are worlds");
    const objects = layout(catalog, 3, 8);
    const first = render(catalog, 3, objects, 64);
    for (let seed = 0; seed < 20; seed++) render(catalog, 3, layout(catalog, 3, seed), 64);
    expect(render(catalog, 3, objects, 64)).toEqual(first);
    const fresh = parseCatalog(structuredClone(catalog.document));
    expect(render(fresh, 3, objects, 64)).toEqual(first);
  });

  it("draws the largest and the smallest picture, and no other", () => {
    const catalog = loadCatalog("rooms");
    const objects = layout(catalog, 0, 1);
    expect(render(catalog, 0, objects, 512).image).toHaveLength(512 * 512 * 3);
    expect(render(catalog, 0, objects, 32).image).toHaveLength(32 * 32 * 3);
    expect(() => render(catalog, 0, objects, 513)).toThrow(RangeError);
    expect(() => render(catalog, 9, objects, 64)).toThrow(/no scene 9/);
  });
});

describe.each(WORLDS)("pictures of $name", (catalog) => {
  const pictures = Array.from({ length: 30 }, (_, seed) => {
    const scene = seed % catalog.scenes.length;
    const objects = layout(catalog, scene, seed);
    return { scene, objects, picture: render(catalog, scene, objects, 64) };
  });

  it("count as visible what the segmentation shows, and no more than the whole object", () => {
    for (const { picture } of pictures) {
      const counts = picture.visiblePixels.map(() => 0);
      for (const id of picture.segmentation) if (id > 0) counts[id - 1] = (counts[id - 1] ?? 0) + 1;
      expect(picture.visiblePixels).toEqual(counts);
      for (const [slot, total] of picture.totalPixels.entries())
        expect(total).toBeGreaterThanOrEqual(counts[slot] ?? 0);
    }
  });

  it("show every object that the rules count as seen", () => {
    for (const { picture } of pictures) for (const pixels of picture.visiblePixels) expect(pixels).toBeGreaterThan(0);
  });

  it("count for an object alone in the room the pixels that the segmentation shows", () => {
    for (const { scene, objects, picture } of pictures) {
      const slot = picture.visiblePixels.findIndex((pixels, index) => pixels === picture.totalPixels[index]);
      if (slot < 0) continue;
      const alone = render(catalog, scene, objects.slice(slot * OBJECT_FIELDS, (slot + 1) * OBJECT_FIELDS), 64);
      expect(alone.totalPixels).toEqual([picture.totalPixels[slot]]);
    }
  });

  it("differ from the empty room where the segmentation shows an object, and little elsewhere", () => {
    for (const { scene, picture } of pictures) {
      const empty = render(catalog, scene, new Int32Array(0), 64);
      expect(empty.segmentation.every((id) => id === 0)).toBe(true);
      const changed = differing(picture.image, empty.image);
      const shown = [...picture.segmentation.keys()].filter((pixel) => picture.segmentation[pixel] !== 0);
      const same = shown.filter((pixel) => !changed.has(pixel));
      expect(same.length).toBeLessThanOrEqual(0.1 * shown.length);
      // Outside the objects, only their edges and shadows change.
      expect(changed.size).toBeLessThan(5 * shown.length + 60);
    }
  });

  it("tell the objects apart by colour", () => {
    const means = new Map<number, number[]>();
    for (const { objects, picture } of pictures) {
      for (const [slot, type] of activeTypes(objects).entries()) {
        if ((picture.visiblePixels[slot] ?? 0) < 8) continue;
        const sum = [0, 0, 0];
        for (const [pixel, id] of picture.segmentation.entries()) {
          if (id !== slot + 1) continue;
          for (const channel of [0, 1, 2])
            sum[channel] = (sum[channel] ?? 0) + (picture.image[3 * pixel + channel] ?? 0);
        }
        means.set(
          type,
          sum.map((value) => value / (picture.visiblePixels[slot] ?? 1)),
        );
      }
    }
    expect(means.size).toBe(catalog.objects.length);
    const distances = [...means].flatMap(([type, mean]) =>
      [...means].filter(([other]) => other > type).map(([, b]) => Math.hypot(...mean.map((v, c) => v - (b[c] ?? 0)))),
    );
    expect(Math.min(...distances)).toBeGreaterThan(25);
  });
});
