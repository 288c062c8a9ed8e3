import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { loadCatalog, parseCatalog } from "../../trainer/rooms/index.js";
import { WORLDS } from "./worlds.js";

const folder = mkdtempSync(path.join(tmpdir(), "catalog-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** The default world with one value replaced: "/rules/yawSteps" → 5. */
function changed(pointer: string, value: unknown): unknown {
  const document = structuredClone(loadCatalog("rooms").document) as unknown as Record<string, unknown>;
  const keys = pointer.split("/").slice(1);
  const last = keys.pop() ?? "";
  let at = document;
  for (const key of keys) at = at[key] as Record<string, unknown>;
  at[last] = value;
  return document;
}

describe("a catalog that ships", () => {
  it.each(WORLDS)("$name is the same world after a round trip through JSON", (catalog) => {
    const sent = JSON.parse(JSON.stringify(catalog.document));
    expect(parseCatalog(sent)).toEqual(catalog);
  });

  it("keeps the default world's sizes, furniture, cameras and ranges", () => {
    const { objects, scenes, rules } = loadCatalog("rooms");
    expect(objects.map(({ name, sizeX, sizeY, sizeZ }) => `${name} ${sizeX} ${sizeY} ${sizeZ}`)).toEqual([
      "pitcher 425 325 250",
      "small pot 300 287 300",
      "purple bowl 400 125 400",
      "plate 450 44 450",
      "vase 275 375 275",
      "yellow bowl 400 125 400",
      "blender 250 400 250",
      "bird 425 312 225",
      "bottle 138 425 138",
    ]);
    expect(scenes.map(({ name, furniture }) => `${name} ${furniture.length}`)).toEqual([
      "bedroom 3",
      "living room 3",
      "dining room 3",
      "green kitchen 4",
      "grey kitchen 5",
    ]);
    expect(rules).toEqual({
      x: { low: -860, high: 860 },
      z: { low: -860, high: 860 },
      drop: { low: 0, high: 1600 },
      activeObjects: 3,
      supportPermille: 600,
      stacking: false,
      yawSteps: 1,
      minimumSeenPermille: 300,
    });
  });
});

describe("a bad catalog is refused with file and place", () => {
  const refusals: readonly (readonly [pointer: string, value: unknown, message: RegExp])[] = [
    ["/name", "My World", /\/name must be a lower-case letter, then .* hyphens, not "My World"$/],
    ["/objects/0/name", "Mug", /\/objects\/0\/name must be lower-case words .*, not "Mug"$/],
    ["/rules/stepsPerEpisodeAtMost", "6", /\/stepsPerEpisodeAtMost must be a number of T0, such as "6 T0", not "6"$/],
    ["/rules/yawSteps", 5, /\/rules\/yawSteps must be equal to one of the allowed values: 1, 2, 3, 4, 6, 8, 12, 24/],
    ["/rules/colour", 1, /\/rules must NOT have additional properties \("colour"\)/],
    ["/rules/placementRange/x", [860, -860], /\/rules\/placementRange\/x must grow/],
    ["/rules/activeObjects", 9, /\/objects must be more than the 9 active ones/],
    ["/rules/minimumSeen", 0.30001, /\/rules\/minimumSeen must be multiple of 0.001/],
    ["/objects/1/name", "pitcher", /\/objects\/1\/name "pitcher" is taken/],
    ["/objects/3/collision/size", [450, 44.5, 450], /\/objects\/3\/collision\/size\/1 must be integer/],
    ["/objects/3/collision/size", [6000, 44, 450], /\/objects\/3\/collision\/size must be at most 5000/],
    ["/objects/2/primitives/0/shape", "torus", /\/objects\/2\/primitives\/0\/shape must be one of .*box.*lathe/],
    ["/objects/2/primitives/0/color", [1, 2, 0], /\/objects\/2\/primitives\/0\/color\/1 must be <= 1/],
    ["/objects/4/primitives/0/offset", [9, 0, 0], /\/objects\/4\/primitives\/0 leaves the collision box/],
    ["/scenes/0/camera/target", [150, 0, 2550], /\/scenes\/0\/camera must not look straight up or down/],
    ["/scenes/1/name", "bedroom", /\/scenes\/1\/name "bedroom" is taken/],
    ["/scenes/2/furniture/0/x", [-500, 5000], /\/scenes\/2\/furniture\/0\/x must lie in the room: -1000 to 1000/],
    ["/scenes/2/furniture/0/z", [5, 5], /\/scenes\/2\/furniture\/0\/z must grow/],
    [
      "/scenes/0/furniture/0/parts/0/offset",
      [0, 0, 0],
      /\/scenes\/0\/furniture\/0\/parts\/0 leaves the furniture's box/,
    ],
  ];
  it.each(refusals)("%s = %j", (pointer, value, message) => {
    const file = write("world.json", JSON.stringify(changed(pointer, value)));
    expect(() => loadCatalog(file)).toThrow(InputError);
    expect(() => loadCatalog(file)).toThrow(message);
    expect(() => loadCatalog(file)).toThrow(file);
  });

  it("no file, no JSON, no such world", () => {
    expect(() => loadCatalog(path.join(folder, "none.json"))).toThrow(/no catalog can be read at .*none\.json/);
    expect(() => loadCatalog(write("broken.json", '{"name": '))).toThrow(/broken\.json is not JSON/);
    expect(() => loadCatalog("attic")).toThrow(
      /there is no world "attic" among those that ship \(rooms, tabletop\); .* such as \.\/attic\.json/,
    );
  });
});
