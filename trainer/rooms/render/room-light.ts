/** @file Light in the empty room: soft shadows of the furniture, and corners that less light reaches. */
import type { FurnitureBox, Scene } from "../catalog.js";
import type { Point } from "../catalog-document.js";
import { unit } from "./camera.js";
import type { Light } from "./light.js";

/** The lamp is a square patch: its shadows have soft edges. Half its side, the lamp being at distance 1. */
const LAMP = 0.13;
/** Parts of the lamp a side; the corners are tried first, and the others only where those disagree. */
const LAMP_PARTS = 5;
/** How far something may be and still take light from a corner, of the room's width. */
const CORNER = 0.16;
/** Share of the ambient light that corners can take. */
const CORNER_DEPTH = 0.75;
const FAR = 1e9;
/** Directions in which corners are felt for, around the normal. */
const FEELERS: readonly (readonly [number, number])[] = [
  [1, 0],
  [0.5, 0.866],
  [-0.5, 0.866],
  [-1, 0],
  [-0.5, -0.866],
  [0.5, -0.866],
];

export interface Lit {
  /** Share of ambient light, 0 to 1. */
  readonly ambient: number;
  /** Share of the lamp that is seen, times the cosine to it. */
  readonly direct: number;
}

/** How light falls on a point of the empty room with that normal. The furniture that it is part of does not shade it: parts lie inside the box. */
export function roomLight(scene: Scene, light: Light, point: Point, normal: Point, partOf: number | undefined): Lit {
  const start: Point = [point[0] + 2 * normal[0], point[1] + 2 * normal[1], point[2] + 2 * normal[2]];
  const boxes = scene.furniture.filter((_, index) => index !== partOf);
  const [lx, ly, lz] = light.direction;
  const facing = normal[0] * lx + normal[1] * ly + normal[2] * lz;
  const direct = facing > 0 ? facing * lampShare(boxes, light, start) : 0;
  return { direct, ambient: 1 - CORNER_DEPTH * closeness(scene, boxes, start, normal) };
}

/** Share of the lamp's patch that is seen from there. */
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

/** 1 if that part of the lamp is seen, else 0. */
function lampPart(boxes: readonly FurnitureBox[], light: Light, start: Point, across: number, along: number): number {
  const [x, y, z] = light.direction;
  const step = (2 * LAMP) / (LAMP_PARTS - 1);
  const ray: Point = [x + across * step - LAMP, y, z + along * step - LAMP];
  for (const box of boxes) if (distanceTo(box, start, ray) < FAR) return 0;
  return 1;
}

/** 0 in the open, towards 1 in a corner. */
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

/** To the floor, the back wall or a side wall along the ray. */
function wallDistance(scene: Scene, start: Point, ray: Point): number {
  let distance = FAR;
  if (ray[1] < 0) distance = Math.min(distance, -start[1] / ray[1]);
  if (ray[2] < 0) distance = Math.min(distance, (-scene.sizeZ / 2 - start[2]) / ray[2]);
  if (ray[0] < 0) distance = Math.min(distance, (-scene.sizeX / 2 - start[0]) / ray[0]);
  if (ray[0] > 0) distance = Math.min(distance, (scene.sizeX / 2 - start[0]) / ray[0]);
  return distance;
}

/** How far along the ray (in its lengths) it enters the box; FAR if it does not. */
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
