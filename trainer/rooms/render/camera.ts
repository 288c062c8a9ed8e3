/** @file The renderer's camera: unit axes and projection onto a square grid of samples. */
import type { Point } from "../catalog-document.js";

export interface Camera {
  readonly position: Point;
  readonly right: Point;
  readonly up: Point;
  readonly forward: Point;
  readonly halfField: number;
}

/** Nothing nearer than this (mm) is drawn. */
export const NEAR = 10;

export function makeCamera(position: Point, target: Point, halfField: number): Camera {
  const fx = target[0] - position[0];
  const fy = target[1] - position[1];
  const fz = target[2] - position[2];
  return {
    position,
    halfField,
    forward: unit(fx, fy, fz),
    right: unit(-fz, 0, fx),
    up: unit(-fx * fy, fz * fz + fx * fx, -fy * fz),
  };
}

export function unit(x: number, y: number, z: number): Point {
  const length = Math.sqrt(x * x + y * y + z * z);
  return [x / length, y / length, z / length];
}

/**
 * Projects vertices onto a grid of `width`² samples. Writes x, y (sample centres at ½) and 1/depth per vertex into
 * `screen`; 0 behind the camera.
 */
export function project(camera: Camera, positions: Float64Array, width: number, screen: Float64Array): void {
  const { position, right, up, forward } = camera;
  const scale = width / 2 / camera.halfField;
  const middle = width / 2;
  // Runs for every vertex of every picture. The casts cost nothing, and the loop stays in bounds.
  for (let at = 0; at < positions.length; at += 3) {
    const dx = (positions[at] as number) - position[0];
    const dy = (positions[at + 1] as number) - position[1];
    const dz = (positions[at + 2] as number) - position[2];
    const depth = dx * forward[0] + dy * forward[1] + dz * forward[2];
    const inverse = depth >= NEAR ? 1 / depth : 0;
    screen[at] = middle + (dx * right[0] + dy * right[1] + dz * right[2]) * inverse * scale;
    screen[at + 1] = middle - (dx * up[0] + dy * up[1] + dz * up[2]) * inverse * scale;
    screen[at + 2] = inverse;
  }
}
