/** @file A catalog seen by other cameras, for evaluation only: agents and rules use the catalog's own camera. */
import type { CatalogDocument, SceneDocument } from "../../../trainer/rooms/catalog-document.js";

/** How a camera differs from the catalog's, relative to the point that it looks at. */
export interface Turn {
  /** Degrees around that point, to the right as the camera sees it. */
  readonly yaw?: number;
  /** Degrees up: the camera looks down more steeply. */
  readonly pitch?: number;
  /** Millimetres up, looking at the same point. */
  readonly raise?: number;
}

const RADIANS = Math.PI / 180;

export const turnedCameras = (document: CatalogDocument, turn: Turn): CatalogDocument => ({
  ...document,
  scenes: document.scenes.map((scene) => ({ ...scene, camera: turned(scene.camera, turn) })),
});

type Camera = SceneDocument["camera"];

/** Rounded to whole millimetres, as in catalogs. */
function turned({ position, target }: Camera, { yaw = 0, pitch = 0, raise = 0 }: Turn): Camera {
  const [x, y, z] = [position[0] - target[0], position[1] - target[1], position[2] - target[2]];
  const [flat, distance] = [Math.hypot(x, z), Math.hypot(x, y, z)];
  // Seen from above with z toward the viewer, a camera that moves to its right goes from z to x.
  const azimuth = Math.atan2(x, z) + yaw * RADIANS;
  const elevation = Math.atan2(y, flat) + pitch * RADIANS;
  const away = distance * Math.cos(elevation);
  return {
    target,
    position: [
      Math.round(target[0] + away * Math.sin(azimuth)),
      Math.round(target[1] + distance * Math.sin(elevation)) + raise,
      Math.round(target[2] + away * Math.cos(azimuth)),
    ],
  };
}
