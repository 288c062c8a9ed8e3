/** @file Pictures for people: the room of a sample, drawn again from its state. */
import { readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { Random } from "../../trainer/random/random.js";
import { isLarge, painterOf } from "../../trainer/report/pictures.js";
import { catalogFolder } from "../../trainer/rooms/catalog-folder.js";
import { drawLayout, loadCatalog, OBJECT_FIELDS, render } from "../../trainer/rooms/index.js";

const catalog = loadCatalog("rooms");
const document: unknown = JSON.parse(readFileSync(path.join(catalogFolder, "rooms.json"), "utf8"));

function sampleIn(scene: number) {
  const { objects } = drawLayout(catalog, catalog.scenes[scene] ?? never(), new Random(7));
  const rows = Array.from({ length: objects.length / OBJECT_FIELDS }, (_, slot) => [
    ...objects.slice(slot * OBJECT_FIELDS, (slot + 1) * OBJECT_FIELDS),
  ]);
  const line = {
    episode: 0,
    step: 0,
    scene,
    objects: rows,
    slot: 0,
    captions: [],
    score: null,
    hardness: 0,
    kept: true,
  };
  return { line, objects };
}
const never = (): never => {
  throw new Error("the catalog has no such scene");
};

describe("a sample drawn for people", () => {
  it("is its room at 224 pixels, as the renderer draws its state", async () => {
    const { isDrawable, draw } = painterOf(document);
    expect(isDrawable).toBe(true);
    const { line, objects } = sampleIn(1);
    const drawn = sharp((await draw(line)) ?? never());
    expect(await drawn.metadata()).toMatchObject({ format: "webp", width: 224, height: 224 });
    const pixels = await drawn.removeAlpha().raw().toBuffer();
    const { image } = render(catalog, 1, objects, 224);
    const difference = image.reduce((sum, value, i) => sum + Math.abs(value - (pixels[i] ?? 0)), 0) / image.length;
    expect(difference).toBeLessThan(8);
    const other = render(catalog, 2, objects, 224).image;
    expect(other.reduce((sum, value, i) => sum + Math.abs(value - (pixels[i] ?? 0)), 0) / other.length).toBeGreaterThan(
      8,
    );
  });

  it("is none where the renderer does not know the world, the scene or an object", async () => {
    const { line } = sampleIn(0);
    expect(painterOf({ scenes: [] }).isDrawable).toBe(false);
    expect(await painterOf(undefined).draw(line)).toBeNull();
    expect(await painterOf(document).draw({ ...line, scene: 99 })).toBeNull();
    expect(await painterOf(document).draw({ ...line, objects: [[9_999, 0, 0, 0, 0]] })).toBeNull();
  });

  it("is not needed beside a picture as large", async () => {
    const png = (size: number) =>
      sharp({ create: { width: size, height: size, channels: 3, background: "red" } })
        .png()
        .toBuffer();
    expect(isLarge(await png(224))).toBe(true);
    expect(isLarge(await png(64))).toBe(false);
  });
});
