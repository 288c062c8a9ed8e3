/**
 * @file Overlap of upright boxes by separating axes, in integers: every product stays below 2^53, so every language
 * gets the same result.
 */

import { YAW_SCALE } from "./yaw.js";

/** An upright box: centre of its base, full sizes (millimetres), and its yaw as cosine and sine scaled by 2^14. */
export interface UprightBox {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly sizeX: number;
  readonly sizeY: number;
  readonly sizeZ: number;
  readonly cosine: number;
  readonly sine: number;
}

/**
 * Whether axis (nx, nz), scaled by 2^14, separates the footprints. Distances are doubled, so full sizes replace half
 * sizes, and odd millimetres stay integers. A box's own axes in the plane are (cos, −sin) and (sin, cos).
 */
function separates(nx: number, nz: number, a: UprightBox, b: UprightBox): boolean {
  const distance = Math.abs(2 * (b.x - a.x) * nx + 2 * (b.z - a.z) * nz) * YAW_SCALE;
  const reach =
    a.sizeX * Math.abs(a.cosine * nx - a.sine * nz) +
    a.sizeZ * Math.abs(a.sine * nx + a.cosine * nz) +
    b.sizeX * Math.abs(b.cosine * nx - b.sine * nz) +
    b.sizeZ * Math.abs(b.sine * nx + b.cosine * nz);
  return distance >= reach;
}

/** Whether two upright boxes share more than a surface. */
export function boxesOverlap(a: UprightBox, b: UprightBox): boolean {
  if (a.y >= b.y + b.sizeY || b.y >= a.y + a.sizeY) return false;
  return !(
    separates(a.cosine, -a.sine, a, b) ||
    separates(a.sine, a.cosine, a, b) ||
    separates(b.cosine, -b.sine, a, b) ||
    separates(b.sine, b.cosine, a, b)
  );
}
