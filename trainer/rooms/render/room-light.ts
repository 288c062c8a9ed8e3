/** @file Light in the empty room: soft shadows of the furniture, and darker corners. */
import type { FurnitureBox, Scene } from "../catalog.js";
import type { Point } from "../catalog-document.js";
import { unit } from "./camera.js";
import type { Light } from "./light.js";

/** Half the side of the lamp, a square patch at distance 1; it gives shadows soft edges. */
const LAMP = 0.13;
/** Parts per side of the lamp. Its corners are tested first, and the others only where those disagree. */
const LAMP_PARTS = 5;
/** How near an object must be to darken a corner, as a share of the room's width. */
const CORNER = 0.16;
/** The largest share of ambient light that a corner can take. */
const CORNER_DEPTH = 0.75;
const FAR = 1e9;
/** Directions around the normal in which to look for corners. */
const FEELERS: readonly (readonly [number, number])[] = [
  [1, 0],
  [0.5, 0.866],
  [-0.5, 0.866],
  [-1, 0],
  [-0.5, -0.866],
  [0.5, -0.866],
];

export interface Lit {
  /** Share of the ambient light, 0 to 1. */
  readonly ambient: number;
  /** Visible share of the lamp, times the cosine of the angle to it. */
  readonly direct: number;
}

/**
 * The light on a point of the empty room with this normal. The furniture that the point belongs to does not shade it,
 * because parts are inside its box.
 */
export function roomLight(scene: Scene, light: Light, point: Point, normal: Point, partOf: number | undefined): Lit {
  const start: Point = [point[0] + 2 * normal[0], point[1] + 2 * normal[1], point[2] + 2 * normal[2]];
  const boxes = scene.furniture.filter((_, index) => index !== partOf);
  const [lx, ly, lz] = light.direction;
  const facing = normal[0] * lx + normal[1] * ly + normal[2] * lz;
  const direct = facing > 0 ? facing * lampShare(boxes, light, start) : 0;
  return { direct, ambient: 1 - CORNER_DEPTH * closeness(scene, boxes, start, normal) };
}

/** Share of the lamp's patch that is visible from the point. */
function lampShare(boxes: readonly FurnitureBox[], light: Light, start: Point): number {
  const corners =
    lampPart(boxes, light, start, 0, 0) +
    lampPart(boxes, light, start, LAMP_PARTS - 1, 0) +
    lampPart(boxes, light, start, 0, LAMP_PARTS - 1) +
    lampPart(boxes, light, start, LAMP_PARTS - 1, LAMP_PARTS - 1);
  if (corners === 0 || corners === 4) return corners / 4;
  let seen = 0;
  for (let across = 0; across < LAMP_PARTS; across++) {
    for (let along = 0; along < LAMP_PARTS; along++) seen += lampPart(boxes, light, start, across, along);
  }
  return seen / (LAMP_PARTS * LAMP_PARTS);
}

/** 1 if this part of the lamp is visible, else 0. */
function lampPart(boxes: readonly FurnitureBox[], light: Light, start: Point, across: number, along: number): number {
  const [x, y, z] = light.direction;
  const step = (2 * LAMP) / (LAMP_PARTS - 1);
  const ray: Point = [x + across * step - LAMP, y, z + along * step - LAMP];
  for (const box of boxes) if (distanceTo(box, start, ray) < FAR) return 0;
  return 1;
}

/** 0 in the open, up to 1 in a corner. */
function closeness(scene: Scene, boxes: readonly FurnitureBox[], start: Point, normal: Point): number {
  const side: Point = Math.abs(normal[1]) > 0.7 ? [1, 0, 0] : [0, 1, 0];
  const first = cross(normal, side);
  const second = cross(normal, first);
  const reach = CORNER * scene.sizeX;
  let sum = 0;
  for (const [a, b] of FEELERS) {
    const ray = unit(
      normal[0] * 0.7 + first[0] * a + second[0] * b,
      normal[1] * 0.7 + first[1] * a + second[1] * b,
      normal[2] * 0.7 + first[2] * a + second[2] * b,
    );
    let distance = wallDistance(scene, start, ray);
    for (const box of boxes) distance = Math.min(distance, distanceTo(box, start, ray));
    if (distance < reach) {
      const near = 1 - distance / reach;
      sum += near * near;
    }
  }
  return sum / FEELERS.length;
}

function cross(a: Point, b: Point): Point {
  return unit(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]);
}

/** Distance along the ray to the floor, the back wall or a side wall. */
function wallDistance(scene: Scene, start: Point, ray: Point): number {
  let distance = FAR;
  if (ray[1] < 0) distance = Math.min(distance, -start[1] / ray[1]);
  if (ray[2] < 0) distance = Math.min(distance, (-scene.sizeZ / 2 - start[2]) / ray[2]);
  if (ray[0] < 0) distance = Math.min(distance, (-scene.sizeX / 2 - start[0]) / ray[0]);
  if (ray[0] > 0) distance = Math.min(distance, (scene.sizeX / 2 - start[0]) / ray[0]);
  return distance;
}

/** Distance along the ray, in ray lengths, to the box; FAR if it misses. */
function distanceTo(box: FurnitureBox, start: Point, ray: Point): number {
  let enter = 0;
  let leave = FAR;
  const ix = 1 / ray[0];
  const ax = (box.x0 - start[0]) * ix;
  const bx = (box.x1 - start[0]) * ix;
  enter = Math.max(enter, Math.min(ax, bx));
  leave = Math.min(leave, Math.max(ax, bx));
  const iy = 1 / ray[1];
  const ay = (box.y0 - start[1]) * iy;
  const by = (box.y1 - start[1]) * iy;
  enter = Math.max(enter, Math.min(ay, by));
  leave = Math.min(leave, Math.max(ay, by));
  if (enter > leave) return FAR;
  const iz = 1 / ray[2];
  const az = (box.z0 - start[2]) * iz;
  const bz = (box.z1 - start[2]) * iz;
  enter = Math.max(enter, Math.min(az, bz));
  leave = Math.min(leave, Math.max(az, bz));
  return enter <= leave ? enter : FAR;
}
