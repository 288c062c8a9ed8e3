/**
 * @file The placement rules: where an object comes to rest, and for which of five reasons a placement is invalid.
 * Furniture is read with casts, within the loops' bounds: a first layout tries many placements, and iterators make it
 * slower.
 */
import { at } from "../at.js";
import type { Catalog, FurnitureBox, Scene } from "./catalog.js";
import { boxesOverlap, type UprightBox } from "./geometry.js";
import { OBJECT_FIELDS, type Objects, objectBox, uprightBox } from "./objects.js";
import { LATTICE_POINTS, seenPoints } from "./visibility.js";
import { YAW_SCALE } from "./yaw.js";

/** 0 is valid; the others are in the order in which they are tested. */
export const REASONS = ["none", "bounds", "unsupported", "furniture", "object", "hidden"] as const;
export const REASON = { none: 0, bounds: 1, unsupported: 2, furniture: 3, object: 4, hidden: 5 } as const;
export type Reason = (typeof REASON)[keyof typeof REASON];

/** The object with catalog index `type` replaces the one in `slot`, dropped at x, z from height `drop` (mm). */
export interface Placement {
  readonly slot: number;
  readonly type: number;
  readonly x: number;
  readonly z: number;
  readonly drop: number;
  readonly yaw: number;
}

/** Where an object comes to rest, or why the placement is invalid. */
export interface Resting {
  readonly reason: Reason;
  /**
   * What stands in the way: index of the furniture (reasons 2, 3) or slot of the object (2 with stacking, 4, 5); else
   * −1.
   */
  readonly with: number;
  /** Whether `with` is an index of furniture or of an object. */
  readonly withKind: "furniture" | "object" | "none";
  /** Height of the surface below the object. */
  readonly y: number;
}

/** Whether a placement obeys the rules, and if not why; heights in millimetres. */
export interface PlacementOutcome extends Resting {
  readonly valid: boolean;
  /** The objects afterwards: a new array if the placement is valid, else the given one. */
  readonly objects: Objects;
  /**
   * Lattice points seen of each active object afterwards (of 64), by slot; only if the placement is valid or hides an
   * object.
   */
  readonly seen: readonly number[] | undefined;
}

/** Tests a placement by all rules. Does not change `objects`. */
export function place(catalog: Catalog, scene: Scene, objects: Objects, placement: Placement): PlacementOutcome {
  const resting = rest(catalog, scene, objects, placement);
  if (resting.reason !== REASON.none) return { ...resting, valid: false, objects, seen: undefined };
  const after = objects.slice();
  writeObject(after, placement, resting.y);
  const seen = seenPoints(catalog, scene, after);
  const hidden = seen.findIndex((points) => isHidden(catalog, points));
  if (hidden >= 0) {
    const { y } = resting;
    return { reason: REASON.hidden, with: hidden, withKind: "object", y, valid: false, objects, seen };
  }
  return { ...resting, valid: true, objects: after, seen };
}

export function writeObject(objects: Objects, { slot, type, x, z, yaw }: Placement, y: number): void {
  const first = slot * OBJECT_FIELDS;
  objects[first] = type;
  objects[first + 1] = x;
  objects[first + 2] = y;
  objects[first + 3] = z;
  objects[first + 4] = yaw;
}

export function isHidden(catalog: Catalog, points: number): boolean {
  return points * 1000 < catalog.rules.minimumSeenPermille * LATTICE_POINTS;
}

/** Tests reasons 1 to 4, against the other objects in the array: everything that needs no camera. */
export function rest(catalog: Catalog, scene: Scene, objects: Objects, placement: Placement): Resting {
  const footprint = uprightBox(catalog, placement.type, placement.x, 0, placement.z, placement.yaw);
  if (leavesRoom(scene, footprint)) return invalid(REASON.bounds, 0);
  const others: (UprightBox | undefined)[] = [];
  for (let slot = 0; slot * OBJECT_FIELDS < objects.length; slot++) {
    others.push(slot === placement.slot ? undefined : objectBox(catalog, objects, slot));
  }
  const support = findSupport(catalog, scene, others, placement);
  const { y } = support;
  if (y + footprint.sizeY > scene.sizeY) return invalid(REASON.bounds, y);
  const { supportPermille } = catalog.rules;
  if (support.surface !== undefined && !restsOn(footprint, support.surface, supportPermille)) {
    return { reason: REASON.unsupported, with: support.index, withKind: support.kind, y };
  }
  const box = { ...footprint, y };
  if (catalog.rules.stacking) {
    const left = leftUnsupported(catalog, objects, others, placement.slot);
    if (left >= 0) return { reason: REASON.unsupported, with: left, withKind: "object", y };
  }
  const surfaces = furnitureSurfaces(scene);
  for (let index = 0; index < surfaces.length; index++) {
    if (boxesOverlap(box, surfaces[index] as UprightBox)) {
      return { reason: REASON.furniture, with: index, withKind: "furniture", y };
    }
  }
  for (let slot = 0; slot < others.length; slot++) {
    const other = others[slot];
    if (other !== undefined && boxesOverlap(box, other)) {
      return { reason: REASON.object, with: slot, withKind: "object", y };
    }
  }
  return { reason: REASON.none, with: -1, withKind: "none", y };
}

const invalid = (reason: Reason, y: number): Resting => ({ reason, with: -1, withKind: "none", y });

/** Full extent of the rotated footprint along x (z), scaled by 2^14. */
const extentX = (box: UprightBox): number => box.sizeX * Math.abs(box.cosine) + box.sizeZ * Math.abs(box.sine);
const extentZ = (box: UprightBox): number => box.sizeX * Math.abs(box.sine) + box.sizeZ * Math.abs(box.cosine);

function leavesRoom(scene: Scene, box: UprightBox): boolean {
  return (
    2 * Math.abs(box.x) * YAW_SCALE + extentX(box) > scene.sizeX * YAW_SCALE ||
    2 * Math.abs(box.z) * YAW_SCALE + extentZ(box) > scene.sizeZ * YAW_SCALE
  );
}

interface Support {
  readonly y: number;
  readonly kind: "furniture" | "object" | "none";
  readonly index: number;
  readonly surface: UprightBox | undefined;
}

/**
 * The highest top surface under the point that is not above the drop height; the first of equal ones; else the floor.
 */
function findSupport(
  catalog: Catalog,
  scene: Scene,
  others: readonly (UprightBox | undefined)[],
  { x, z, drop }: Placement,
): Support {
  let y = 0;
  let kind: Support["kind"] = "none";
  let index = -1;
  for (let number = 0; number < scene.furniture.length; number++) {
    const box = scene.furniture[number] as FurnitureBox;
    if (box.y1 > drop || box.y1 <= y) continue;
    if (x < box.x0 || x > box.x1 || z < box.z0 || z > box.z1) continue;
    y = box.y1;
    kind = "furniture";
    index = number;
  }
  if (catalog.rules.stacking) {
    for (let slot = 0; slot < others.length; slot++) {
      const other = others[slot];
      if (other === undefined) continue;
      const top = other.y + other.sizeY;
      if (top > drop || top <= y || !liesUnder(other, x, z)) continue;
      y = top;
      kind = "object";
      index = slot;
    }
  }
  const surface =
    kind === "furniture" ? at(furnitureSurfaces(scene), index) : kind === "object" ? others[index] : undefined;
  return { y, kind, index, surface };
}

/** Whether the point is over the box's footprint, including its edge. */
function liesUnder(box: UprightBox, x: number, z: number): boolean {
  const dx = 2 * (x - box.x);
  const dz = 2 * (z - box.z);
  return (
    Math.abs(dx * box.cosine - dz * box.sine) <= box.sizeX * YAW_SCALE &&
    Math.abs(dx * box.sine + dz * box.cosine) <= box.sizeZ * YAW_SCALE
  );
}

/** Whether the given share of the footprint's half size is inside the surface, along both of the surface's axes. */
function restsOn(box: UprightBox, surface: UprightBox, supportPermille: number): boolean {
  // The box's axes in the surface's frame: cosine and sine of the difference of their yaws, scaled by 2^28.
  const cosine = Math.abs(box.cosine * surface.cosine + box.sine * surface.sine);
  const sine = Math.abs(box.sine * surface.cosine - box.cosine * surface.sine);
  const dx = 2 * (box.x - surface.x);
  const dz = 2 * (box.z - surface.z);
  const inside = (offset: number, extent: number, size: number): boolean =>
    offset * YAW_SCALE * 1000 + supportPermille * extent <= size * YAW_SCALE * YAW_SCALE * 1000;
  return (
    inside(Math.abs(dx * surface.cosine - dz * surface.sine), box.sizeX * cosine + box.sizeZ * sine, surface.sizeX) &&
    inside(Math.abs(dx * surface.sine + dz * surface.cosine), box.sizeX * sine + box.sizeZ * cosine, surface.sizeZ)
  );
}

/** With stacking: the first object that stands on the one in `slot` and would lose its support in the swap; else −1. */
function leftUnsupported(
  catalog: Catalog,
  objects: Objects,
  others: readonly (UprightBox | undefined)[],
  slot: number,
): number {
  if ((slot + 1) * OBJECT_FIELDS > objects.length) return -1;
  const removed = objectBox(catalog, objects, slot);
  const top = removed.y + removed.sizeY;
  return others.findIndex((other) => other !== undefined && other.y === top && liesUnder(removed, other.x, other.z));
}

const surfaceCache = new WeakMap<Scene, readonly UprightBox[]>();

/**
 * Furniture as an upright box without yaw. Its centre may be at half a millimetre; the rules double coordinates, which
 * makes it whole.
 */
function furnitureSurfaces(scene: Scene): readonly UprightBox[] {
  let surfaces = surfaceCache.get(scene);
  if (surfaces === undefined) {
    surfaces = scene.furniture.map(({ x0, x1, y0, y1, z0, z1 }) => ({
      x: (x0 + x1) / 2,
      y: y0,
      z: (z0 + z1) / 2,
      sizeX: x1 - x0,
      sizeY: y1 - y0,
      sizeZ: z1 - z0,
      cosine: YAW_SCALE,
      sine: 0,
    }));
    surfaceCache.set(scene, surfaces);
  }
  return surfaces;
}
