/** @file The empty room: drawn once for each scene and size, then copied under every picture. */
import type { Catalog, Scene } from "../catalog.js";
import type { Color, Point } from "../catalog-document.js";
import { type Camera, project } from "./camera.js";
import { brightness, type Light } from "./light.js";
import { addBox, MeshBuilder } from "./mesh.js";
import { drawTriangles, type Grid } from "./triangles.js";

/** Outside the room. */
const NOTHING: Color = [0.08, 0.08, 0.08];

/** The room's colours and depths on a grid of `width`² samples. */
export function drawBackground(catalog: Catalog, scene: Scene, camera: Camera, light: Light, width: number): Grid {
  const grid: Grid = {
    width,
    inverseDepth: new Float32Array(width * width),
    value: new Int32Array(width * width).fill(-1),
  };
  const mesh = roomMesh(catalog, scene);
  const screen = new Float64Array(mesh.positions.length);
  project(camera, mesh.positions, width, screen);
  const shades = new Float64Array(mesh.colors.length);
  for (let at = 0; at < shades.length; at += 3) {
    const lit = 255 * brightness(light, mesh.normals[at] ?? 0, mesh.normals[at + 1] ?? 0, mesh.normals[at + 2] ?? 0);
    for (let channel = 0; channel < 3; channel++) {
      shades[at + channel] = Math.min(255, (mesh.colors[at + channel] ?? 0) * lit);
    }
  }
  drawTriangles(grid, screen, mesh.triangles, shades);
  const [red, green, blue] = NOTHING;
  const nothing = (Math.floor(red * 255) << 16) | (Math.floor(green * 255) << 8) | Math.floor(blue * 255);
  for (let at = 0; at < grid.value.length; at++) if (grid.value[at] === -1) grid.value[at] = nothing;
  return grid;
}

function roomMesh(_catalog: Catalog, scene: Scene) {
  const mesh = new MeshBuilder();
  const { floorColor, wallColor, furniture } = scene.document;
  const x = scene.sizeX / 2;
  const z = scene.sizeZ / 2;
  const y = scene.sizeY;
  const plane = (normal: Point, color: Color, corners: readonly Point[]): void => {
    const [a = 0, b = 0, c = 0, d = 0] = corners.map((corner) => mesh.vertex(corner, normal, color));
    mesh.quad(a, b, c, d);
  };
  plane([0, 1, 0], floorColor, [
    [-x, 0, z],
    [x, 0, z],
    [x, 0, -z],
    [-x, 0, -z],
  ]);
  plane([0, 0, 1], wallColor, [
    [-x, 0, -z],
    [x, 0, -z],
    [x, y, -z],
    [-x, y, -z],
  ]);
  plane([1, 0, 0], wallColor, [
    [-x, 0, z],
    [-x, 0, -z],
    [-x, y, -z],
    [-x, y, z],
  ]);
  plane([-1, 0, 0], wallColor, [
    [x, 0, -z],
    [x, 0, z],
    [x, y, z],
    [x, y, -z],
  ]);
  for (const box of furniture) {
    const centre: Point = [(box.x[0] + box.x[1]) / 2, (box.y[0] + box.y[1]) / 2, (box.z[0] + box.z[1]) / 2];
    const half: Point = [(box.x[1] - box.x[0]) / 2, (box.y[1] - box.y[0]) / 2, (box.z[1] - box.z[0]) / 2];
    addBox(mesh, centre, half, box.color);
  }
  return mesh.build();
}
