/**
 * @file The empty room: drawn once per scene and size, then copied under every picture. Samples and corners are read
 * with casts: there are up to a million, and the loops keep their indices in range.
 */
import type { Scene } from "../catalog.js";
import type { BoxPrimitive, Color, Pattern, Point, Primitive } from "../catalog-document.js";
import { type Camera, project, unit } from "./camera.js";
import type { Light } from "./light.js";
import { addPrimitive, type Corners, MeshBuilder } from "./mesh.js";
import { patternAt } from "./pattern.js";
import { type Lit, roomLight } from "./room-light.js";
import { drawTriangles, type Grid } from "./triangles.js";

/** Colour outside the room. */
const NOTHING: Color = [0.13, 0.13, 0.15];
/** Width of the lighter line along a box's edges, as a share of the room's width. */
const EDGE = 0.0045;
const EDGE_LIGHT = 1.1;
/** Corners of round parts. */
const ROUND_SEGMENTS = 64;

/** What a range of triangles is made of. */
interface Surface {
  readonly color: Color;
  readonly pattern: Pattern | undefined;
  /** The corners of a box, for its edges. */
  readonly low: Point | undefined;
  readonly high: Point | undefined;
  /** Index of the furniture that it belongs to. */
  readonly furniture?: number;
}

interface RoomGeometry {
  readonly mesh: ReturnType<MeshBuilder["build"]>;
  /** The surface of each triangle. */
  readonly surfaces: readonly Surface[];
}

/** The room's colours and depths on a grid of `width`² samples, each the mean of `fineness`² finer samples. */
export function drawBackground(scene: Scene, camera: Camera, light: Light, width: number, fineness: number): Grid {
  const geometry = roomGeometry(scene);
  const fine: Grid = {
    width: width * fineness,
    inverseDepth: new Float32Array(width * fineness * width * fineness),
    value: new Int32Array(width * fineness * width * fineness).fill(-1),
  };
  const screen = new Float64Array(geometry.mesh.positions.length);
  project(camera, geometry.mesh.positions, fine.width, screen);
  drawTriangles(fine, screen, geometry.mesh.triangles, undefined);
  const grid: Grid = {
    width,
    inverseDepth: new Float32Array(width * width),
    value: new Int32Array(width * width),
  };
  const shade = shader(scene, geometry, camera, light, fine);
  for (let row = 0; row < width; row += LIGHT_BLOCK) {
    for (let column = 0; column < width; column += LIGHT_BLOCK) {
      // Light changes slowly, so it is computed once per block and surface.
      const lit = new Map<Surface, Lit>();
      for (let y = row; y < row + LIGHT_BLOCK; y++) {
        for (let x = column; x < column + LIGHT_BLOCK; x++) shadeSample(grid, fine, shade, x, y, fineness, lit);
      }
    }
  }
  return grid;
}

/** Side of a block of samples that share the light on a surface. */
const LIGHT_BLOCK = 2;

type Shade = (index: number, column: number, row: number, lit: Map<Surface, Lit>) => Color;

/** Mean colour of the finer samples, and the depth of the first one. */
function shadeSample(
  grid: Grid,
  fine: Grid,
  shade: Shade,
  column: number,
  row: number,
  fineness: number,
  lit: Map<Surface, Lit>,
): void {
  let red = 0;
  let green = 0;
  let blue = 0;
  for (let y = row * fineness; y < (row + 1) * fineness; y++) {
    for (let x = column * fineness; x < (column + 1) * fineness; x++) {
      const color = shade(y * fine.width + x, x, y, lit);
      red += color[0];
      green += color[1];
      blue += color[2];
    }
  }
  const scale = 255 / (fineness * fineness);
  const at = row * grid.width + column;
  grid.value[at] = (byte(red * scale) << 16) | (byte(green * scale) << 8) | byte(blue * scale);
  grid.inverseDepth[at] = fine.inverseDepth[row * fineness * fine.width + column * fineness] as number;
}

const byte = (value: number): number => Math.min(255, Math.floor(value + 0.5));

function shader(scene: Scene, geometry: RoomGeometry, camera: Camera, light: Light, fine: Grid): Shade {
  const { triangles, positions } = geometry.mesh;
  const normals = triangleNormals(triangles, positions);
  return (index, column, row, lit) => {
    const triangle = fine.value[index] as number;
    if (triangle < 0) return NOTHING;
    const surface = geometry.surfaces[triangle] as Surface;
    const normal = normals[triangle] as Point;
    const point = pointAt(camera, fine, index, column, row);
    let received = lit.get(surface);
    if (received === undefined) {
      received = roomLight(scene, light, point, normal, surface.furniture);
      lit.set(surface, received);
    }
    const bright =
      (light.ambient * received.ambient + light.diffuse * received.direct) *
      patternOn(surface, normal, point) *
      edgeOn(surface, normal, point, EDGE * scene.sizeX);
    return [surface.color[0] * bright, surface.color[1] * bright, surface.color[2] * bright];
  };
}

function pointAt(camera: Camera, grid: Grid, index: number, column: number, row: number): Point {
  const { position, right, up, forward, halfField } = camera;
  const depth = 1 / (grid.inverseDepth[index] as number);
  const u = ((2 * (column + 0.5)) / grid.width - 1) * halfField;
  const v = (1 - (2 * (row + 0.5)) / grid.width) * halfField;
  return [
    position[0] + depth * (forward[0] + u * right[0] + v * up[0]),
    position[1] + depth * (forward[1] + u * right[1] + v * up[1]),
    position[2] + depth * (forward[2] + u * right[2] + v * up[2]),
  ];
}

function triangleNormals(triangles: Int32Array, positions: Float64Array): Point[] {
  const corner = (index: number): Point => {
    const vertex = 3 * (triangles[index] as number);
    return [positions[vertex] as number, positions[vertex + 1] as number, positions[vertex + 2] as number];
  };
  return Array.from({ length: triangles.length / 3 }, (_, triangle) => {
    const [a, b, c] = [corner(3 * triangle), corner(3 * triangle + 1), corner(3 * triangle + 2)];
    const [ux, uy, uz] = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
    const [vx, vy, vz] = [c[0] - a[0], c[1] - a[1], c[2] - a[2]];
    const [x, y, z] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    return x === 0 && y === 0 && z === 0 ? [0, 1, 0] : unit(x, y, z);
  });
}

/**
 * Coordinates along the surface: x and z on horizontal ones; the horizontal direction and the height on vertical ones.
 */
function patternOn(surface: Surface, normal: Point, [x, y, z]: Point): number {
  if (surface.pattern === undefined) return 1;
  if (Math.abs(normal[1]) > 0.7) return patternAt(surface.pattern, x, z);
  return Math.abs(normal[0]) > 0.7 ? patternAt(surface.pattern, z, y) : patternAt(surface.pattern, x, y);
}

/** Brightens the edges of boxes, like worn edges. */
function edgeOn({ low, high }: Surface, normal: Point, point: Point, width: number): number {
  if (low === undefined || high === undefined) return 1;
  let nearest = width;
  for (const axis of [0, 1, 2] as const) {
    if (Math.abs(normal[axis]) > 0.7) continue;
    nearest = Math.min(nearest, point[axis] - low[axis], high[axis] - point[axis]);
  }
  return nearest < width ? EDGE_LIGHT : 1;
}

/** Triangles of the floor, the walls that face the camera, furniture and decoration. */
function roomGeometry(scene: Scene): RoomGeometry {
  const mesh = new MeshBuilder();
  const surfaces: Surface[] = [];
  const note = (surface: Surface): void => {
    while (surfaces.length < mesh.triangleCount) surfaces.push(surface);
  };
  // A face is two triangles. Light is computed per face, so each face is a separate surface.
  const noteFaces = (surface: Surface): void => {
    while (surfaces.length < mesh.triangleCount) {
      const face = { ...surface };
      surfaces.push(face, face);
    }
  };
  const { floorColor, wallColor, furniture, floorPattern, wallPattern, decoration } = scene.document;
  const x = scene.sizeX / 2;
  const z = scene.sizeZ / 2;
  const y = scene.sizeY;
  const plane = (normal: Point, color: Color, pattern: Pattern | undefined, corners: Corners): void => {
    mesh.face(corners, normal, color);
    note({ color, pattern, low: undefined, high: undefined });
  };
  // A wall is not drawn from behind: the camera looks into the room like into a doll's house.
  plane([0, 1, 0], floorColor, floorPattern, [
    [-x, 0, z],
    [x, 0, z],
    [x, 0, -z],
    [-x, 0, -z],
  ]);
  plane([0, 0, 1], wallColor, wallPattern, [
    [-x, 0, -z],
    [x, 0, -z],
    [x, y, -z],
    [-x, y, -z],
  ]);
  plane([1, 0, 0], wallColor, wallPattern, [
    [-x, 0, z],
    [-x, 0, -z],
    [-x, y, -z],
    [-x, y, z],
  ]);
  plane([-1, 0, 0], wallColor, wallPattern, [
    [x, 0, -z],
    [x, 0, z],
    [x, y, z],
    [x, y, -z],
  ]);
  const add = (primitive: Primitive, owner: { furniture?: number }): void => {
    addPrimitive(mesh, primitive, ROUND_SEGMENTS);
    noteFaces({ ...surfaceOf(primitive), ...owner });
  };
  for (const [index, box] of furniture.entries()) {
    const centre: Point = [(box.x[0] + box.x[1]) / 2, (box.y[0] + box.y[1]) / 2, (box.z[0] + box.z[1]) / 2];
    const halfSize: Point = [(box.x[1] - box.x[0]) / 2, (box.y[1] - box.y[0]) / 2, (box.z[1] - box.z[0]) / 2];
    if (box.parts === undefined) {
      add({ shape: "box", offset: centre, halfSize, color: box.color, ...optional(box.pattern) }, { furniture: index });
    } else {
      for (const part of box.parts) add(part, { furniture: index });
    }
  }
  for (const primitive of decoration ?? []) add(primitive, {});
  return { mesh: mesh.build(), surfaces };
}

const optional = (pattern: Pattern | undefined): { pattern?: Pattern } => (pattern === undefined ? {} : { pattern });

function surfaceOf(primitive: Primitive): Surface {
  const { color, pattern } = primitive;
  if (primitive.shape !== "box") return { color, pattern, low: undefined, high: undefined };
  const [low, high] = corners(primitive);
  return { color, pattern, low, high };
}

function corners({ offset, halfSize }: BoxPrimitive): [Point, Point] {
  const [x, y, z] = offset;
  const [hx, hy, hz] = halfSize;
  return [
    [x - hx, y - hy, z - hz],
    [x + hx, y + hy, z + hz],
  ];
}
