/**
 * @file Triangle meshes of the catalog's primitives. Uses only sums, products and square roots, so every machine gets
 * the same bits.
 */
import { at } from "../../at.js";
import type { Color, LathePrimitive, Point, Primitive } from "../catalog-document.js";

export interface Mesh {
  /** x, y, z of each vertex (mm). */
  readonly positions: Float64Array;
  /** Unit normals, three numbers per vertex. */
  readonly normals: Float64Array;
  /** Red, green, blue of each vertex, 0 to 1. */
  readonly colors: Float64Array;
  /** How strongly each vertex mirrors the lamp, 0 to 1. */
  readonly gloss: Float64Array;
  /** Three vertex indices per triangle, counter-clockwise from outside. */
  readonly triangles: Int32Array;
}

/** The corners of a four-sided face. */
export type Corners = readonly [Point, Point, Point, Point];

/** Collects vertices and triangles of several parts. */
export class MeshBuilder {
  private readonly positions: number[] = [];
  private readonly normals: number[] = [];
  private readonly colors: number[] = [];
  private readonly gloss: number[] = [];
  /** The gloss of the vertices added next. */
  nextGloss = 0;
  private readonly triangles: number[] = [];

  vertex(position: Point, normal: Point, color: Color): number {
    this.positions.push(...position);
    this.normals.push(...normal);
    this.colors.push(...color);
    this.gloss.push(this.nextGloss);
    return this.positions.length / 3 - 1;
  }

  triangle(a: number, b: number, c: number): void {
    this.triangles.push(a, b, c);
  }

  quad(a: number, b: number, c: number, d: number): void {
    this.triangle(a, b, c);
    this.triangle(a, c, d);
  }

  /** A flat face; its corners are counter-clockwise from outside. */
  face([a, b, c, d]: Corners, normal: Point, color: Color): void {
    this.quad(
      this.vertex(a, normal, color),
      this.vertex(b, normal, color),
      this.vertex(c, normal, color),
      this.vertex(d, normal, color),
    );
  }

  get triangleCount(): number {
    return this.triangles.length / 3;
  }

  build(): Mesh {
    return {
      positions: Float64Array.from(this.positions),
      normals: Float64Array.from(this.normals),
      colors: Float64Array.from(this.colors),
      gloss: Float64Array.from(this.gloss),
      triangles: Int32Array.from(this.triangles),
    };
  }
}

/**
 * Points (cosine, sine) of a regular polygon with `segments` corners, a power of two of at least 4, by half-angle
 * formulas.
 */
export function circle(segments: number): readonly (readonly [number, number])[] {
  let points: (readonly [number, number])[] = [
    [1, 0],
    [0, 1],
    [-1, 0],
    [0, -1],
  ];
  while (points.length < segments) {
    const finer: (readonly [number, number])[] = [];
    for (const [index, point] of points.entries()) {
      const next = at(points, (index + 1) % points.length);
      const x = point[0] + next[0];
      const y = point[1] + next[1];
      const length = Math.sqrt(x * x + y * y);
      finer.push(point, [x / length, y / length]);
    }
    points = finer;
  }
  return points;
}

/** Number of corners for a round part in pictures of this size; fewer in small pictures, which makes them fast. */
export function segmentsFor(primitive: Primitive, pictureSize: number): number {
  const small = largestRadius(primitive) < SMALL_RADIUS;
  if (pictureSize <= 96) return small ? 8 : 16;
  return small ? 16 : 32;
}

/** Below this radius (mm), a part is small. */
const SMALL_RADIUS = 62;

function largestRadius(primitive: Primitive): number {
  switch (primitive.shape) {
    case "box":
      return 0;
    case "frustum":
      return Math.max(primitive.bottomRadius, primitive.topRadius);
    case "ellipsoid":
      return Math.max(...primitive.radii);
    case "lathe":
      return Math.max(...primitive.profile.map(([radius]) => radius));
  }
}

/** Adds a primitive; its round parts get `segments` corners. */
export function addPrimitive(mesh: MeshBuilder, primitive: Primitive, segments: number): void {
  mesh.nextGloss = primitive.gloss ?? 0;
  switch (primitive.shape) {
    case "box":
      addBox(mesh, primitive.offset, primitive.halfSize, primitive.color);
      return;
    case "frustum":
      addFrustum(mesh, primitive, segments);
      return;
    case "ellipsoid":
      addEllipsoid(mesh, primitive.offset, primitive.radii, primitive.color, segments);
      return;
    case "lathe":
      addLathe(mesh, primitive, segments);
      return;
  }
}

/** Corner signs of each face, counter-clockwise from outside, and its normal. */
const FACES: readonly (readonly [normal: Point, corners: Corners])[] = [
  [
    [1, 0, 0],
    [
      [1, -1, 1],
      [1, -1, -1],
      [1, 1, -1],
      [1, 1, 1],
    ],
  ],
  [
    [-1, 0, 0],
    [
      [-1, -1, -1],
      [-1, -1, 1],
      [-1, 1, 1],
      [-1, 1, -1],
    ],
  ],
  [
    [0, 1, 0],
    [
      [-1, 1, 1],
      [1, 1, 1],
      [1, 1, -1],
      [-1, 1, -1],
    ],
  ],
  [
    [0, -1, 0],
    [
      [-1, -1, -1],
      [1, -1, -1],
      [1, -1, 1],
      [-1, -1, 1],
    ],
  ],
  [
    [0, 0, 1],
    [
      [-1, -1, 1],
      [1, -1, 1],
      [1, 1, 1],
      [-1, 1, 1],
    ],
  ],
  [
    [0, 0, -1],
    [
      [1, -1, -1],
      [-1, -1, -1],
      [-1, 1, -1],
      [1, 1, -1],
    ],
  ],
];

export function addBox(mesh: MeshBuilder, centre: Point, half: Point, color: Color): void {
  const corner = ([x, y, z]: Point): Point => [
    centre[0] + x * half[0],
    centre[1] + y * half[1],
    centre[2] + z * half[2],
  ];
  for (const [normal, [a, b, c, d]] of FACES) {
    mesh.face([corner(a), corner(b), corner(c), corner(d)], normal, color);
  }
}

function addFrustum(
  mesh: MeshBuilder,
  part: {
    readonly offset: Point;
    readonly bottomRadius: number;
    readonly topRadius: number;
    readonly height: number;
    readonly color: Color;
  },
  segments: number,
): void {
  const { offset, bottomRadius, topRadius, height, color } = part;
  const slope = (topRadius - bottomRadius) / height;
  const length = Math.sqrt(1 + slope * slope);
  const points = circle(segments);
  const ring = (y: number, radius: number, normal: (cosine: number, sine: number) => Point): number[] =>
    points.map(([cosine, sine]) =>
      mesh.vertex([offset[0] + radius * cosine, y, offset[2] + radius * sine], normal(cosine, sine), color),
    );
  const side = (cosine: number, sine: number): Point => [cosine / length, -slope / length, sine / length];
  const bottom = ring(offset[1], bottomRadius, side);
  const top = ring(offset[1] + height, topRadius, side);
  addBand(mesh, bottom, top);
  if (topRadius === 0) return;
  const lid = ring(offset[1] + height, topRadius, () => [0, 1, 0]);
  const middle = mesh.vertex([offset[0], offset[1] + height, offset[2]], [0, 1, 0], color);
  for (const [index, corner] of lid.entries()) mesh.triangle(middle, at(lid, (index + 1) % lid.length), corner);
}

/** The faces between two rings with equally many vertices. */
function addBand(mesh: MeshBuilder, lower: readonly number[], upper: readonly number[]): void {
  for (const [index, corner] of lower.entries()) {
    const next = (index + 1) % lower.length;
    mesh.quad(at(lower, next), corner, at(upper, index), at(upper, next));
  }
}

/** Neighbouring segments of a profile are shaded as one curve if the cosine between their normals is at least this. */
const SMOOTH = 0.6;

/** A profile of [radius, height] rotated about the vertical axis; it goes up the outside, and down again inside. */
function addLathe(mesh: MeshBuilder, { offset, profile, color, insideColor }: LathePrimitive, segments: number): void {
  const points = circle(segments);
  const stretches = profile.slice(1).map(([r1, y1], index) => {
    const [r0, y0] = at(profile, index);
    const length = Math.sqrt((y1 - y0) * (y1 - y0) + (r0 - r1) * (r0 - r1));
    const normal: readonly [number, number] = [(y1 - y0) / length, (r0 - r1) / length];
    return { r0, y0, r1, y1, normal };
  });
  let rising = true;
  for (const [index, { r0, y0, r1, y1, normal }] of stretches.entries()) {
    if (y1 < y0) rising = false;
    const paint = rising ? color : (insideColor ?? color);
    const ring = (radius: number, y: number, [out, up]: readonly [number, number]): number[] =>
      points.map(([cosine, sine]) =>
        mesh.vertex(
          [offset[0] + radius * cosine, offset[1] + y, offset[2] + radius * sine],
          [out * cosine, up, out * sine],
          paint,
        ),
      );
    const lower = ring(r0, y0, joint(normal, stretches[index - 1]?.normal));
    const upper = ring(r1, y1, joint(normal, stretches[index + 1]?.normal));
    addBand(mesh, lower, upper);
  }
}

/** The normal where two segments meet: the mean of both, unless there is an edge. */
function joint(
  normal: readonly [number, number],
  other: readonly [number, number] | undefined,
): readonly [number, number] {
  if (other === undefined || normal[0] * other[0] + normal[1] * other[1] < SMOOTH) return normal;
  const out = normal[0] + other[0];
  const up = normal[1] + other[1];
  const length = Math.sqrt(out * out + up * up);
  return [out / length, up / length];
}

function addEllipsoid(mesh: MeshBuilder, centre: Point, radii: Point, color: Color, segments: number): void {
  const around = circle(segments);
  // From the top pole to the bottom one: the first half of a circle, rotated by a quarter turn.
  const ringSegments = Math.max(8, segments / 2);
  const rings = circle(ringSegments)
    .slice(0, ringSegments / 2 + 1)
    .map(([cosine, sine]) =>
      around.map(([x, z]) => {
        const unit: Point = [x * sine, cosine, z * sine];
        const nx = unit[0] / radii[0];
        const ny = unit[1] / radii[1];
        const nz = unit[2] / radii[2];
        const length = Math.sqrt(nx * nx + ny * ny + nz * nz);
        return mesh.vertex(
          [centre[0] + unit[0] * radii[0], centre[1] + unit[1] * radii[1], centre[2] + unit[2] * radii[2]],
          [nx / length, ny / length, nz / length],
          color,
        );
      }),
    );
  for (const [ring, lower] of rings.slice(1).entries()) {
    const upper = at(rings, ring);
    for (const [index, corner] of upper.entries()) {
      const next = (index + 1) % segments;
      mesh.quad(corner, at(upper, next), at(lower, next), at(lower, index));
    }
  }
}
