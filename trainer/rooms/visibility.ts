/**
 * @file The hidden rule: counts how many of 64 points in an object's collision box the camera sees, in integers,
 * without a renderer.
 */
import type { Catalog, RuleCamera, Scene } from "./catalog.js";
import type { UprightBox } from "./geometry.js";
import { OBJECT_FIELDS, type Objects, objectBox } from "./objects.js";
import { YAW_SCALE } from "./yaw.js";

/** Lattice points in each collision box, 4 per side. */
export const LATTICE_POINTS = 64;

/** Units per millimetre: the lattice points at 1/8, 3/8, 5/8 and 7/8 of a whole side are whole eighths. */
const UNITS = 8;

/** ⌊v / 2^14 + ½⌋: back to units after multiplying by a table entry. */
const descale = (value: number): number => Math.floor((value + YAW_SCALE / 2) / YAW_SCALE);

/** A box that may hide a point from the camera, in its own frame, in units of 1/8 mm. */
interface Occluder {
  /** Centre, doubled (1/16 mm), so that it stays an integer. */
  readonly x2: number;
  readonly y2: number;
  readonly z2: number;
  /** Full sizes, which are the doubled half sizes. */
  readonly sizeX: number;
  readonly sizeY: number;
  readonly sizeZ: number;
  readonly cosine: number;
  readonly sine: number;
}

/** Lattice points seen of each active object, 0 to 64, by slot. */
export function seenPoints(catalog: Catalog, scene: Scene, objects: Objects): number[] {
  const count = objects.length / OBJECT_FIELDS;
  const boxes: UprightBox[] = [];
  for (let slot = 0; slot < count; slot++) boxes.push(objectBox(catalog, objects, slot));
  const furniture = furnitureOccluders(scene);
  const others = boxes.map(occluderOf);
  return boxes.map((box, slot) => {
    const between: Occluder[] = [];
    for (const occluder of furniture) if (mayHide(occluder, box, scene.camera)) between.push(occluder);
    for (const [other, occluder] of others.entries()) {
      if (other !== slot && mayHide(occluder, box, scene.camera)) between.push(occluder);
    }
    return seenOfBox(box, scene.camera, between);
  });
}

const furnitureCache = new WeakMap<Scene, readonly Occluder[]>();

function furnitureOccluders(scene: Scene): readonly Occluder[] {
  const known = furnitureCache.get(scene);
  if (known !== undefined) return known;
  const made = scene.furniture.map(({ x0, x1, y0, y1, z0, z1 }) => ({
    x2: UNITS * (x0 + x1),
    y2: UNITS * (y0 + y1),
    z2: UNITS * (z0 + z1),
    sizeX: UNITS * (x1 - x0),
    sizeY: UNITS * (y1 - y0),
    sizeZ: UNITS * (z1 - z0),
    cosine: YAW_SCALE,
    sine: 0,
  }));
  furnitureCache.set(scene, made);
  return made;
}

function occluderOf(box: UprightBox): Occluder {
  return {
    x2: UNITS * 2 * box.x,
    y2: UNITS * (2 * box.y + box.sizeY),
    z2: UNITS * 2 * box.z,
    sizeX: UNITS * box.sizeX,
    sizeY: UNITS * box.sizeY,
    sizeZ: UNITS * box.sizeZ,
    cosine: box.cosine,
    sine: box.sine,
  };
}

/** False only where the occluder is entirely beside both the box and the camera, along one axis of the world. */
function mayHide(occluder: Occluder, box: UprightBox, camera: RuleCamera): boolean {
  const [cameraX, cameraY, cameraZ] = camera.position;
  const turned = box.sine !== 0;
  const wide = UNITS * (turned ? box.sizeX + box.sizeZ : box.sizeX);
  const long = UNITS * (turned ? box.sizeX + box.sizeZ : box.sizeZ);
  const reach = occluder.sine === 0 ? 0 : occluder.sizeX + occluder.sizeZ;
  return (
    spans(occluder.x2, Math.max(occluder.sizeX, reach), UNITS * 2 * box.x, wide, UNITS * 2 * cameraX) &&
    spans(occluder.z2, Math.max(occluder.sizeZ, reach), UNITS * 2 * box.z, long, UNITS * 2 * cameraZ) &&
    spans(
      occluder.y2,
      occluder.sizeY,
      UNITS * (2 * box.y + box.sizeY),
      (UNITS * box.sizeY * 3) / 4,
      UNITS * 2 * cameraY,
    )
  );
}

/** Whether [middle ± half] reaches the span from [from ± fromHalf] to the camera (all doubled). */
function spans(middle: number, half: number, from: number, fromHalf: number, camera: number): boolean {
  const low = Math.min(from - fromHalf, camera);
  const high = Math.max(from + fromHalf, camera);
  return middle + half >= low && middle - half <= high;
}

function seenOfBox(box: UprightBox, camera: RuleCamera, occluders: readonly Occluder[]): number {
  const baseX = UNITS * box.x;
  const baseY = UNITS * box.y;
  const baseZ = UNITS * box.z;
  const cameraX = UNITS * camera.position[0];
  const cameraY = UNITS * camera.position[1];
  const cameraZ = UNITS * camera.position[2];
  let seen = 0;
  for (let i = -3; i <= 3; i += 2) {
    for (let k = -3; k <= 3; k += 2) {
      const localX = box.sizeX * i;
      const localZ = box.sizeZ * k;
      const x = baseX + descale(localX * box.cosine + localZ * box.sine);
      const z = baseZ + descale(localZ * box.cosine - localX * box.sine);
      for (let j = 1; j <= 7; j += 2) {
        const y = baseY + box.sizeY * j;
        if (!inFrame(camera, x - cameraX, y - cameraY, z - cameraZ)) continue;
        let cut = false;
        // Runs for 64 points per object and every occluder; the cast costs nothing, and the loop stays in bounds.
        for (let o = 0; o < occluders.length && !cut; o++) {
          cut = cuts(occluders[o] as Occluder, x, y, z, cameraX, cameraY, cameraZ);
        }
        if (!cut) seen += 1;
      }
    }
  }
  return seen;
}

/** Whether the point at (dx, dy, dz) from the camera is in its square frame, including the edge. */
function inFrame(camera: RuleCamera, dx: number, dy: number, dz: number): boolean {
  const { right, up, forward, halfField } = camera;
  const depth = dx * forward[0] + dy * forward[1] + dz * forward[2];
  if (depth <= 0) return false;
  const limit = depth * halfField;
  const across = dx * right[0] + dy * right[1] + dz * right[2];
  if (Math.abs(across) * YAW_SCALE > limit) return false;
  const along = dx * up[0] + dy * up[1] + dz * up[2];
  return Math.abs(along) * YAW_SCALE <= limit;
}

/**
 * Whether the segment from (px, py, pz) to (cx, cy, cz) meets the box, including its surface, by six separating axes.
 */
function cuts(box: Occluder, px: number, py: number, pz: number, cx: number, cy: number, cz: number): boolean {
  // Doubled: the segment's middle relative to the box's centre, and half the segment.
  let mx = px + cx - box.x2;
  const my = py + cy - box.y2;
  let mz = pz + cz - box.z2;
  let hx = cx - px;
  const hy = cy - py;
  let hz = cz - pz;
  if (box.sine !== 0) {
    // Rotate into the box's frame: its axes in the plane are (cos, −sin) and (sin, cos).
    const turnedX = descale(mx * box.cosine - mz * box.sine);
    mz = descale(mx * box.sine + mz * box.cosine);
    mx = turnedX;
    const turnedHx = descale(hx * box.cosine - hz * box.sine);
    hz = descale(hx * box.sine + hz * box.cosine);
    hx = turnedHx;
  }
  const ax = Math.abs(hx);
  const ay = Math.abs(hy);
  const az = Math.abs(hz);
  if (Math.abs(my) > box.sizeY + ay || Math.abs(mx) > box.sizeX + ax || Math.abs(mz) > box.sizeZ + az) return false;
  return (
    Math.abs(my * hz - mz * hy) <= box.sizeY * az + box.sizeZ * ay &&
    Math.abs(mz * hx - mx * hz) <= box.sizeX * az + box.sizeZ * ax &&
    Math.abs(mx * hy - my * hx) <= box.sizeX * ay + box.sizeY * ax
  );
}
