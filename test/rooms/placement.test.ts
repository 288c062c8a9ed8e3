import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  boxesOverlap,
  isHidden,
  loadCatalog,
  OBJECT_FIELDS,
  objectBox,
  parseCatalog,
  place,
  REASONS,
  seenPoints,
  type UprightBox,
} from "../../trainer/rooms/index.js";
import { randomSteps, sceneAt, WORLDS } from "./worlds.js";

const rooms = loadCatalog("rooms");

const boxes: fc.Arbitrary<UprightBox> = fc
  .record({
    x: fc.integer({ min: -300, max: 300 }),
    y: fc.integer({ min: 0, max: 300 }),
    z: fc.integer({ min: -300, max: 300 }),
    sizeX: fc.integer({ min: 1, max: 500 }),
    sizeY: fc.integer({ min: 1, max: 500 }),
    sizeZ: fc.integer({ min: 1, max: 500 }),
    angle: fc.double({ min: -Math.PI, max: Math.PI, noNaN: true }),
  })
  .map(({ angle, ...box }) => ({
    ...box,
    cosine: Math.round(Math.cos(angle) * 2 ** 14),
    sine: Math.round(Math.sin(angle) * 2 ** 14),
  }));

describe("overlap", () => {
  it("is the same seen from either box", () => {
    fc.assert(fc.property(boxes, boxes, (a, b) => boxesOverlap(a, b) === boxesOverlap(b, a)));
  });

  it("does not change when both boxes move together", () => {
    const moved = (box: UprightBox): UprightBox => ({ ...box, x: box.x + 1234, y: box.y + 77, z: box.z - 4321 });
    fc.assert(fc.property(boxes, boxes, (a, b) => boxesOverlap(a, b) === boxesOverlap(moved(a), moved(b))));
  });

  it("includes a box with itself, but not touching boxes", () => {
    fc.assert(fc.property(boxes, (box) => boxesOverlap(box, box)));
    fc.assert(fc.property(boxes, (box) => !boxesOverlap(box, { ...box, y: box.y + box.sizeY })));
    const still: UprightBox = { x: 0, y: 0, z: 0, sizeX: 101, sizeY: 50, sizeZ: 33, cosine: 2 ** 14, sine: 0 };
    expect(boxesOverlap(still, { ...still, x: 101 })).toBe(false);
    expect(boxesOverlap(still, { ...still, x: 100 })).toBe(true);
  });
});

describe("random actions in the default world", () => {
  it("are valid, and invalid for each reason, at about the calibrated shares", () => {
    const steps = 20_000;
    const counts = REASONS.map(() => 0);
    for (const { outcome } of randomSteps(rooms, 11, steps)) counts[outcome.reason] = (counts[outcome.reason] ?? 0) + 1;
    const percent = Object.fromEntries(REASONS.map((name, reason) => [name, (100 * (counts[reason] ?? 0)) / steps]));
    // The rules' shares as first measured; over 20,000 steps a share varies by at most .4.
    const calibrated = { none: 47.7, bounds: 7.5, unsupported: 7.5, furniture: 19.8, object: 14.2, hidden: 3.3 };
    for (const [name, share] of Object.entries(calibrated)) {
      expect(Math.abs((percent[name] ?? 0) - share), `${name} is ${percent[name]} %`).toBeLessThan(1.3);
    }
  });
});

describe.each(WORLDS)("placement in $name", (catalog) => {
  it("leaves the state as it was when it is invalid, and replaces one object when it is valid", () => {
    for (const { before, placement, outcome } of randomSteps(catalog, 5, 2000)) {
      const changed = Array.from(outcome.objects.keys()).filter((at) => outcome.objects[at] !== before[at]);
      if (!outcome.valid) expect(changed).toEqual([]);
      for (const at of changed) expect(Math.floor(at / OBJECT_FIELDS)).toBe(placement.slot);
      if (outcome.valid) expect(outcome.objects[placement.slot * OBJECT_FIELDS]).toBe(placement.type);
    }
  });

  it("reaches every reason", () => {
    const reached = new Set([...randomSteps(catalog, 9, 4000)].map(({ outcome }) => outcome.reason));
    expect([...reached].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("keeps every object inside the room, off the furniture and off each other, and seen", () => {
    for (const { scene, outcome } of randomSteps(catalog, 21, 1500)) {
      const { objects } = outcome;
      const count = objects.length / OBJECT_FIELDS;
      const bodies = Array.from({ length: count }, (_, slot) => objectBox(catalog, objects, slot));
      for (const [slot, body] of bodies.entries()) {
        expect(body.y + body.sizeY).toBeLessThanOrEqual(scene.sizeY);
        for (const other of bodies.slice(slot + 1)) expect(boxesOverlap(body, other)).toBe(false);
        for (const { x0, x1, y0, y1, z0, z1 } of scene.furniture) {
          const solid = {
            x: (x0 + x1) / 2,
            y: y0,
            z: (z0 + z1) / 2,
            sizeX: x1 - x0,
            sizeY: y1 - y0,
            sizeZ: z1 - z0,
            cosine: 2 ** 14,
            sine: 0,
          };
          expect(boxesOverlap(body, solid)).toBe(false);
        }
      }
      for (const points of seenPoints(catalog, scene, objects)) expect(isHidden(catalog, points)).toBe(false);
    }
  });

  it("rests every object on the floor or on a top surface", () => {
    for (const { scene, outcome } of randomSteps(catalog, 33, 1500)) {
      const { objects } = outcome;
      const tops = new Set([0, ...scene.furniture.map(({ y1 }) => y1)]);
      if (catalog.rules.stacking) {
        for (let slot = 0; slot * OBJECT_FIELDS < objects.length; slot++) {
          const body = objectBox(catalog, objects, slot);
          tops.add(body.y + body.sizeY);
        }
      }
      for (let at = 0; at < objects.length; at += OBJECT_FIELDS) expect(tops.has(objects[at + 2] ?? -1)).toBe(true);
    }
  });
});

describe("one placement at a time, in the dining room", () => {
  const scene = sceneAt(rooms, 2);
  const [pitcher, , , , vase, , blender] = rooms.objects.map(({ index }) => index);
  /** A bottle and a plate out of the way, on the floor in front. */
  const around = Int32Array.of(8, 700, 0, 700, 0, 3, -700, 0, 600, 0, pitcher ?? 0, 600, 0, 300, 0);
  const put = (type: number | undefined, x: number, z: number, drop: number) =>
    place(rooms, scene, around, { slot: 2, type: type ?? 0, x, z, drop, yaw: 0 });

  it("comes to rest on the table when dropped from above it, and below when dropped from lower", () => {
    expect(put(vase, 200, 100, 700)).toMatchObject({ valid: true, y: 640 });
    expect(put(vase, 300, 250, 300)).toMatchObject({ y: 0 });
    expect(put(vase, 200, 100, 639)).toMatchObject({ y: 0 });
    expect(put(vase, 200, 100, 640)).toMatchObject({ y: 640 });
  });

  it("is out of bounds beyond a wall or above the ceiling", () => {
    expect(put(vase, 863, 0, 0)).toMatchObject({ reason: 1 });
    const low = parseCatalog({
      ...rooms.document,
      scenes: rooms.document.scenes.map((each) => ({ ...each, size: [2000, 1400, 2000] })),
    });
    const shelf = { slot: 2, type: blender ?? 0, x: -300, z: -800, drop: 1300, yaw: 0 };
    expect(place(low, sceneAt(low, 3), around, shelf)).toMatchObject({ reason: 1, y: 1150 });
  });

  it("is unsupported when too little of its footprint lies on the table", () => {
    // .6 of a half size of 137.5 is 82.5: from 417.5 on it overhangs the table's edge at 500 too far.
    expect(put(vase, 417, 100, 1000)).toMatchObject({ reason: 0 });
    expect(put(vase, 418, 100, 1000)).toMatchObject({ reason: 2, with: 0, withKind: "furniture" });
  });

  it("names the furniture or the object in the way", () => {
    expect(put(vase, 0, 0, 100)).toMatchObject({ reason: 3, with: 1, withKind: "furniture" });
    expect(put(vase, -700, 700, 0)).toMatchObject({ reason: 4, with: 1, withKind: "object" });
  });
});

describe("stacking and yaw, on the tabletop", () => {
  const tabletop = loadCatalog("tabletop");
  const desk = sceneAt(tabletop, 0);
  const index = (name: string): number => tabletop.objects.findIndex((object) => object.name === name);
  const [mug, ball, book, cube, tin] = ["orange mug", "tennis ball", "blue book", "pink cube", "teal tin"].map(index);
  const around = Int32Array.of(
    ...[book ?? 0, 0, 0, 150, 3],
    ...[ball ?? 0, -400, 0, 300, 0],
    ...[mug ?? 0, -300, 0, 100, 0],
    ...[tin ?? 0, 150, 0, 350, 0],
  );
  const onBook = place(tabletop, desk, around, { slot: 1, type: cube ?? 0, x: 0, z: 150, drop: 300, yaw: 5 });

  it("rests an object on another one", () => {
    expect(onBook).toMatchObject({ valid: true, y: 36 });
  });

  it("does not remove what another object rests on", () => {
    const swap = { slot: 0, type: ball ?? 0, x: 300, z: 350, drop: 0, yaw: 0 };
    expect(place(tabletop, desk, onBook.objects, swap)).toMatchObject({ reason: 2, with: 1, withKind: "object" });
    expect(place(tabletop, desk, around, { ...swap, type: cube ?? 0 })).toMatchObject({ valid: true });
  });

  it("gives the rotated book another footprint", () => {
    const at = (yaw: number) => place(tabletop, desk, around, { slot: 0, type: book ?? 0, x: 0, z: 370, drop: 0, yaw });
    expect(at(0)).toMatchObject({ reason: 0 });
    expect(at(6)).toMatchObject({ reason: 1 });
  });
});
