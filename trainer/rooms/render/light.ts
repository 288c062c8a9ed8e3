/** @file The light of a world: a directional lamp and ambient light. */
import type { CatalogDocument, Point } from "../catalog-document.js";
import { unit } from "./camera.js";

export interface Light {
  /** Unit vector to the lamp. */
  readonly direction: Point;
  readonly ambient: number;
  readonly diffuse: number;
}

export function lightOf(document: CatalogDocument): Light {
  const { direction, ambient, diffuse } = document.light;
  return { direction: unit(direction[0], direction[1], direction[2]), ambient, diffuse };
}

/** The brightness of a surface with this unit normal, 0 to ambient + diffuse. */
export function brightness(light: Light, nx: number, ny: number, nz: number): number {
  const { direction, ambient, diffuse } = light;
  const facing = nx * direction[0] + ny * direction[1] + nz * direction[2];
  return ambient + (facing > 0 ? diffuse * facing : 0);
}
