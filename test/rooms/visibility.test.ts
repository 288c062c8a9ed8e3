import { describe, expect, it } from "vitest";
import { Random } from "../../trainer/random/random.js";
import {
  type Catalog,
  drawLayout,
  LATTICE_POINTS,
  loadCatalog,
  OBJECT_FIELDS,
  type Objects,
  objectBox,
  REASON,
  type Scene,
  seenPoints,
} from "../../trainer/rooms/index.js";
import { randomSteps, sceneAt } from "./worlds.js";

type Box = readonly (readonly [low: number, high: number])[];

/**
 * Whether the segment from `p` to `c` meets the box, by the interval of its parameter: exact, in fractions of big
 * integers.
 */
function meets(box: Box, p: readonly number[], c: readonly number[]): boolean {
  let enter: [bigint, bigint] = [0n, 1n];
  let leave: [bigint, bigint] = [1n, 1n];
  const less = (a: [bigint, bigint], b: [bigint, bigint]): boolean => a[0] * b[1] < b[0] * a[1];
  for (const [axis, [low, high]] of box.entries()) {
    const from = BigInt(p[axis] ?? 0);
    const step = BigInt(c[axis] ?? 0) - from;
    let near: [bigint, bigint] = [BigInt(low) - from, step];
    let far: [bigint, bigint] = [BigInt(high) - from, step];
    if (step === 0n) {
      if (near[0] > 0n || far[0] < 0n) return false;
      continue;
    }
    if (step < 0n) {
      const swap: [bigint, bigint] = [-near[0], -step];
      near = [-far[0], -step];
      far = swap;
    }
    if (less(enter, near)) enter = near;
    if (less(far, leave)) leave = far;
  }
  return !less(leave, enter);
}

/** The rule again for worlds without yaw, point by point and without shortcuts. */
function countSeen(catalog: Catalog, scene: Scene, objects: Objects, slot: number): number {
  const eighths = (value: number): number => 8 * value;
  const solid = (other: number): Box => {
    const { x, y, z, sizeX, sizeY, sizeZ } = objectBox(catalog, objects, other);
    return [
      [8 * x - 4 * sizeX, 8 * x + 4 * sizeX],
      [8 * y, 8 * (y + sizeY)],
      [8 * z - 4 * sizeZ, 8 * z + 4 * sizeZ],
    ];
  };
  const slots = Array.from({ length: objects.length / OBJECT_FIELDS }, (_, other) => other);
  const occluders: Box[] = [
    ...scene.furniture.map(
      ({ x0, x1, y0, y1, z0, z1 }): Box => [
        [8 * x0, 8 * x1],
        [8 * y0, 8 * y1],
        [8 * z0, 8 * z1],
      ],
    ),
    ...slots.filter((other) => other !== slot).map(solid),
  ];
  const camera = scene.camera.position.map(eighths);
  const { right, up, forward, halfField } = scene.camera;
  const box = objectBox(catalog, objects, slot);
  let seen = 0;
  for (const i of [1, 3, 5, 7]) {
    for (const j of [1, 3, 5, 7]) {
      for (const k of [1, 3, 5, 7]) {
        const point = [8 * box.x + (i - 4) * box.sizeX, 8 * box.y + j * box.sizeY, 8 * box.z + (k - 4) * box.sizeZ];
        const away = point.map((value, axis) => value - (camera[axis] ?? 0));
        const along = (axes: readonly number[]): number =>
          axes.reduce((sum, a, axis) => sum + a * (away[axis] ?? 0), 0);
        const limit = along(forward) * halfField;
        const inFrame = Math.abs(along(right)) * 2 ** 14 <= limit && Math.abs(along(up)) * 2 ** 14 <= limit;
        if (inFrame && !occluders.some((occluder) => meets(occluder, point, camera))) seen += 1;
      }
    }
  }
  return seen;
}

describe("the hidden rule", () => {
  const rooms = loadCatalog("rooms");

  it("counts what an exact count of the segments gives", () => {
    const random = new Random(77);
    const seenEver = new Set<number>();
    for (let layout = 0; layout < 60; layout++) {
      const scene = sceneAt(rooms, layout);
      const { objects } = drawLayout(rooms, scene, random);
      const seen = seenPoints(rooms, scene, objects);
      for (const [slot, points] of seen.entries()) {
        expect(points).toBe(countSeen(rooms, scene, objects, slot));
        seenEver.add(points);
      }
    }
    expect(seenEver.size).toBeGreaterThan(5);
  });

  it("refuses an object that would be hidden, or would hide another, and says which", () => {
    const kinds = new Set<string>();
    for (const { placement, outcome } of randomSteps(rooms, 2, 6000)) {
      if (outcome.reason !== REASON.hidden) continue;
      expect((outcome.seen?.[outcome.with] ?? 64) / LATTICE_POINTS).toBeLessThan(0.3);
      kinds.add(outcome.with === placement.slot ? "would be hidden" : "would hide another");
    }
    expect([...kinds].sort()).toEqual(["would be hidden", "would hide another"]);
  });

  it("sees nothing behind the camera", () => {
    const scene = sceneAt(rooms, 0);
    const [x, y, z] = scene.camera.forward;
    const away = { ...scene, camera: { ...scene.camera, forward: [-x, -y, -z] as const } };
    const objects = Int32Array.of(0, 0, 0, 700, 0);
    expect(seenPoints(rooms, scene, objects)).toEqual([64]);
    expect(seenPoints(rooms, away, objects)).toEqual([0]);
  });

  it("gives a box the same result after half a turn", () => {
    const tabletop = loadCatalog("tabletop");
    const random = new Random(3);
    for (let layout = 0; layout < 40; layout++) {
      const scene = sceneAt(tabletop, layout);
      const { objects } = drawLayout(tabletop, scene, random);
      const turned = objects.slice();
      for (let at = 4; at < turned.length; at += OBJECT_FIELDS) turned[at] = ((turned[at] ?? 0) + 12) % 24;
      const difference = seenPoints(tabletop, scene, turned).map((points, slot) =>
        Math.abs(points - (seenPoints(tabletop, scene, objects)[slot] ?? 0)),
      );
      // Rounding to eighths of a millimetre may move a grazing point.
      expect(Math.max(...difference)).toBeLessThanOrEqual(2);
    }
  });
});
