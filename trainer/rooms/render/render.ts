/**
 * @file The software renderer: a picture of a scene and its objects, with segmentation and pixel counts; the same bytes
 * on every machine. Samples and vertices are read with casts, which cost nothing: these are the innermost loops, and
 * rectangles are clipped to the grid.
 */
import { at } from "../../at.js";
import type { Catalog, Scene } from "../catalog.js";
import { OBJECT_FIELDS, type Objects, objectOf } from "../objects.js";
import { YAW_SCALE, yawCosine, yawSine } from "../yaw.js";
import { drawBackground } from "./background.js";
import { type Camera, makeCamera, project, unit } from "./camera.js";
import { brightness, type Light, lightOf } from "./light.js";
import { addPrimitive, type Mesh, MeshBuilder, segmentsFor } from "./mesh.js";
import { drawTriangles, type Grid, type Rectangle } from "./triangles.js";

/** A drawn state: `image` is u8 [size, size, 3], `segmentation` u8 [size, size], in C order. */
export interface Picture {
  readonly size: number;
  /** Red, green, blue, row by row from the top. */
  readonly image: Uint8Array;
  /** For each pixel 0, or slot + 1 of the object that covers at least half of it. */
  readonly segmentation: Uint8Array;
  /** Pixels of each slot in the segmentation. */
  readonly visiblePixels: readonly number[];
  /** Pixels that each slot would have with nothing in front of it. */
  readonly totalPixels: readonly number[];
}

/** Samples per side of a pixel: edges are averaged over four samples. */
const SAMPLES = 2;

/** Radius of a contact shadow, relative to the object's mean half size. */
const SHADOW_SPREAD = 1.15;
/**
 * Length of the shadow away from the lamp, relative to the geometric one: a soft lamp's shadow fades out before its
 * end.
 */
const SHADOW_LENGTH = 0.6;
/** How much of the shadow has faded at its far end. */
const SHADOW_FADE = 0.75;
/**
 * Surfaces within this distance (mm, in depth) of the base's plane take the shadow: rugs and boards do, the floor under
 * a table does not.
 */
const SURFACE_TOLERANCE = 12;

/** Draws `objects` in the scene with this index, `size` pixels a side (32 to 512). */
export function render(catalog: Catalog, scene: number, objects: Objects, size: number): Picture {
  return canvasFor(catalog, scene, size).draw(objects);
}

const canvases = new WeakMap<Catalog, Map<string, Canvas>>();
/** Number of empty rooms (scene and size) to cache; the largest takes about 20 MB. */
const CANVASES_AT_MOST = 16;

function canvasFor(catalog: Catalog, scene: number, size: number): Canvas {
  let known = canvases.get(catalog);
  if (known === undefined) {
    known = new Map();
    canvases.set(catalog, known);
  }
  const key = `${scene} ${size}`;
  let canvas = known.get(key);
  if (canvas === undefined) {
    const found = catalog.scenes[scene];
    if (found === undefined) throw new RangeError(`catalog ${catalog.name} has no scene ${scene}`);
    if (!Number.isInteger(size) || size < 32 || size > 512) {
      throw new RangeError(`a picture is 32 to 512 pixels a side, not ${size}`);
    }
    for (const oldest of known.keys()) {
      if (known.size < CANVASES_AT_MOST) break;
      known.delete(oldest);
    }
    canvas = new Canvas(catalog, found, size);
    known.set(key, canvas);
  }
  return canvas;
}

/** Where an object's samples may be. */
interface Stamp extends Rectangle {
  readonly slot: number;
}

/** One scene at one size: the empty room, and buffers for drawing objects. */
class Canvas {
  private readonly width: number;
  private readonly camera: Camera;
  private readonly light: Light;
  private readonly room: Grid;
  private readonly emptyImage: Uint8Array;
  /** The room with the objects drawn so far. */
  private readonly frame: Grid;
  private readonly owner: Uint8Array;
  /** One object alone. */
  private readonly alone: Grid;
  private readonly meshes: readonly Mesh[];
  private readonly corners = new Float64Array(12);
  private readonly cornerScreen = new Float64Array(12);
  private positions = new Float64Array(0);
  private screen = new Float64Array(0);
  private shades = new Float64Array(0);

  constructor(
    private readonly catalog: Catalog,
    scene: Scene,
    private readonly size: number,
  ) {
    this.width = size * SAMPLES;
    const { position, target } = scene.document.camera;
    this.camera = makeCamera(position, target, catalog.document.camera.halfFieldTangent);
    this.light = lightOf(catalog.document);
    this.room = drawBackground(scene, this.camera, this.light, this.width, size <= 128 ? 2 : 1);
    this.frame = {
      width: this.width,
      inverseDepth: this.room.inverseDepth.slice(),
      value: this.room.value.slice(),
    };
    const samples = this.width * this.width;
    this.owner = new Uint8Array(samples);
    this.alone = { width: this.width, inverseDepth: new Float32Array(samples), value: new Int32Array(samples) };
    this.meshes = catalog.objects.map((object) => {
      const mesh = new MeshBuilder();
      for (const primitive of object.document.primitives) {
        addPrimitive(mesh, primitive, segmentsFor(primitive, size));
      }
      return mesh.build();
    });
    this.emptyImage = new Uint8Array(size * size * 3);
    this.average({ x0: 0, y0: 0, x1: this.width, y1: this.width }, this.emptyImage);
  }

  draw(objects: Objects): Picture {
    const { size } = this;
    const count = objects.length / OBJECT_FIELDS;
    const image = this.emptyImage.slice();
    const segmentation = new Uint8Array(size * size);
    const totalPixels: number[] = [];
    const stamps: Stamp[] = [];
    const shadows: Stamp[] = [];
    for (let slot = 0; slot < count; slot++) shadows.push(this.castShadow(objects, slot));
    for (let slot = 0; slot < count; slot++) {
      const stamp = this.drawAlone(objects, slot);
      totalPixels.push(this.compose(stamp));
      stamps.push(stamp);
    }
    for (const stamp of shadows) this.average(stamp, image);
    for (const stamp of stamps) {
      this.average(stamp, image);
      this.segment(stamp, segmentation);
    }
    for (const stamp of shadows) this.clear(stamp);
    for (const stamp of stamps) this.clear(stamp);
    const visiblePixels = stamps.map((stamp) => this.countPixels(stamp, segmentation));
    return { size, image, segmentation, visiblePixels, totalPixels };
  }

  /** Darkens the surface under the object: most below it, less along its shadow away from the lamp. */
  private castShadow(objects: Objects, slot: number): Stamp {
    const first = slot * OBJECT_FIELDS;
    const object = objectOf(this.catalog, at(objects, first));
    const x = at(objects, first + 1);
    const y = at(objects, first + 2);
    const z = at(objects, first + 3);
    const radius = ((object.sizeX + object.sizeZ) / 4) * SHADOW_SPREAD;
    // Where the shadow of the top's centre falls, relative to the centre of the base.
    const [lx, ly, lz] = this.light.direction;
    const endX = (-lx / ly) * object.sizeY * SHADOW_LENGTH;
    const endZ = (-lz / ly) * object.sizeY * SHADOW_LENGTH;
    const lengthSquared = endX * endX + endZ * endZ + 1e-6;
    const x0 = x + Math.min(0, endX) - radius;
    const x1 = x + Math.max(0, endX) + radius;
    const z0 = z + Math.min(0, endZ) - radius;
    const z1 = z + Math.max(0, endZ) + radius;
    this.corners.set([x0, y, z0, x1, y, z0, x0, y, z1, x1, y, z1]);
    project(this.camera, this.corners, this.width, this.cornerScreen);
    const stamp = { slot, ...this.bounds(this.cornerScreen) };
    const { position, right, up, forward, halfField } = this.camera;
    const strength = 1 - this.catalog.document.contactShadow;
    for (let row = stamp.y0; row < stamp.y1; row++) {
      const v = (1 - (2 * (row + 0.5)) / this.width) * halfField;
      // The depth at which the row meets the plane under the object. It is the same for the whole row, since the
      // camera's right is horizontal.
      const depth = (y - position[1]) / (forward[1] + v * up[1]);
      if (!(depth > 0)) continue;
      const nearest = 1 / (depth + SURFACE_TOLERANCE);
      const farthest = 1 / (depth - SURFACE_TOLERANCE);
      for (let column = stamp.x0; column < stamp.x1; column++) {
        const index = row * this.width + column;
        const behind = this.room.inverseDepth[index] as number;
        if (behind < nearest || behind > farthest) continue;
        const u = ((2 * (column + 0.5)) / this.width - 1) * halfField;
        const dx = position[0] + depth * (forward[0] + u * right[0] + v * up[0]) - x;
        const dz = position[2] + depth * (forward[2] + u * right[2] + v * up[2]) - z;
        // Distance to the line from below the base to below the top, with rounded ends.
        const along = Math.max(0, Math.min(1, (dx * endX + dz * endZ) / lengthSquared));
        const offX = dx - along * endX;
        const offZ = dz - along * endZ;
        const away = (offX * offX + offZ * offZ) / (radius * radius);
        if (away >= 1) continue;
        const shade = 1 - strength * (1 - SHADOW_FADE * along) * Math.min(1, 1.8 * (1 - away));
        const color = this.frame.value[index] as number;
        const red = (color >> 16) * shade;
        const green = ((color >> 8) & 255) * shade;
        const blue = (color & 255) * shade;
        this.frame.value[index] = (red << 16) | (green << 8) | blue;
      }
    }
    return stamp;
  }

  private drawAlone(objects: Objects, slot: number): Stamp {
    const first = slot * OBJECT_FIELDS;
    const mesh = at(this.meshes, at(objects, first));
    const { yawSteps } = this.catalog.rules;
    const yaw = at(objects, first + 4);
    const cosine = yawCosine(yaw, yawSteps) / YAW_SCALE;
    const sine = yawSine(yaw, yawSteps) / YAW_SCALE;
    const x = at(objects, first + 1);
    const y = at(objects, first + 2);
    const z = at(objects, first + 3);
    const { positions, normals, colors, gloss } = mesh;
    this.makeRoom(positions.length);
    // The half vector between lamp and camera, one for the whole object: normals near it mirror the lamp.
    const [lx, ly, lz] = this.light.direction;
    const toCamera = unit(this.camera.position[0] - x, this.camera.position[1] - y, this.camera.position[2] - z);
    const half = unit(lx + toCamera[0], ly + toCamera[1], lz + toCamera[2]);
    for (let v = 0; v < positions.length; v += 3) {
      const px = positions[v] as number;
      const pz = positions[v + 2] as number;
      this.positions[v] = x + px * cosine + pz * sine;
      this.positions[v + 1] = y + (positions[v + 1] as number);
      this.positions[v + 2] = z + pz * cosine - px * sine;
      const nx = (normals[v] as number) * cosine + (normals[v + 2] as number) * sine;
      const ny = normals[v + 1] as number;
      const nz = (normals[v + 2] as number) * cosine - (normals[v] as number) * sine;
      const lit = 255 * brightness(this.light, nx, ny, nz);
      const glint = 255 * (gloss[v / 3] as number) * mirrored(nx * half[0] + ny * half[1] + nz * half[2]);
      this.shades[v] = Math.min(255, (colors[v] as number) * lit + glint);
      this.shades[v + 1] = Math.min(255, (colors[v + 1] as number) * lit + glint);
      this.shades[v + 2] = Math.min(255, (colors[v + 2] as number) * lit + glint);
    }
    const used = this.positions.subarray(0, positions.length);
    const screen = this.screen.subarray(0, positions.length);
    project(this.camera, used, this.width, screen);
    const stamp = { slot, ...this.bounds(screen) };
    for (let row = stamp.y0; row < stamp.y1; row++) {
      this.alone.inverseDepth.fill(0, row * this.width + stamp.x0, row * this.width + stamp.x1);
    }
    drawTriangles(this.alone, screen, mesh.triangles, this.shades);
    return stamp;
  }

  /**
   * Copies the object drawn alone into the frame where it is nearest. Returns the number of pixels that it covers at
   * least half, including hidden ones.
   */
  private compose({ slot, x0, y0, x1, y1 }: Stamp): number {
    const { alone, frame, owner, width } = this;
    let total = 0;
    for (let row = y0; row < y1; row += SAMPLES) {
      for (let column = x0; column < x1; column += SAMPLES) {
        let covered = 0;
        for (let sample = 0; sample < SAMPLES * SAMPLES; sample++) {
          const index = (row + (sample >> 1)) * width + column + (sample & 1);
          const near = alone.inverseDepth[index] as number;
          if (near === 0) continue;
          covered += 1;
          if (near <= (frame.inverseDepth[index] as number)) continue;
          frame.inverseDepth[index] = near;
          frame.value[index] = alone.value[index] as number;
          owner[index] = slot + 1;
        }
        if (2 * covered >= SAMPLES * SAMPLES) total += 1;
      }
    }
    return total;
  }

  /** Writes the rectangle's pixels, each the mean of its four samples. */
  private average({ x0, y0, x1, y1 }: Rectangle, image: Uint8Array): void {
    const { value } = this.frame;
    const { width } = this;
    for (let row = y0; row < y1; row += SAMPLES) {
      let at = ((row >> 1) * this.size + (x0 >> 1)) * 3;
      for (let column = x0; column < x1; column += SAMPLES, at += 3) {
        const index = row * width + column;
        const a = value[index] as number;
        const b = value[index + 1] as number;
        const c = value[index + width] as number;
        const d = value[index + width + 1] as number;
        image[at] = ((a >> 16) + (b >> 16) + (c >> 16) + (d >> 16) + 2) >> 2;
        image[at + 1] = (((a >> 8) & 255) + ((b >> 8) & 255) + ((c >> 8) & 255) + ((d >> 8) & 255) + 2) >> 2;
        image[at + 2] = ((a & 255) + (b & 255) + (c & 255) + (d & 255) + 2) >> 2;
      }
    }
  }

  /** The object that covers at least half of a pixel's samples owns it; of two, the one in the lower slot. */
  private segment({ x0, y0, x1, y1 }: Rectangle, segmentation: Uint8Array): void {
    const { owner, width } = this;
    for (let row = y0; row < y1; row += SAMPLES) {
      for (let column = x0; column < x1; column += SAMPLES) {
        const index = row * width + column;
        const a = owner[index] as number;
        const b = owner[index + 1] as number;
        const c = owner[index + width] as number;
        const d = owner[index + width + 1] as number;
        let pixel = 0;
        if (a > 0 && (a === b || a === c || a === d)) pixel = a;
        if (b > 0 && (b === c || b === d) && (pixel === 0 || b < pixel)) pixel = b;
        if (c > 0 && c === d && (pixel === 0 || c < pixel)) pixel = c;
        if (pixel > 0) segmentation[(row >> 1) * this.size + (column >> 1)] = pixel;
      }
    }
  }

  /** Number of pixels that the slot owns; all of them are in its rectangle. */
  private countPixels({ slot, x0, y0, x1, y1 }: Stamp, segmentation: Uint8Array): number {
    let pixels = 0;
    for (let row = y0 >> 1; row < y1 >> 1; row++) {
      for (let at = row * this.size + (x0 >> 1); at < row * this.size + (x1 >> 1); at++) {
        if (segmentation[at] === slot + 1) pixels += 1;
      }
    }
    return pixels;
  }

  /** Restores the empty room. */
  private clear({ x0, y0, x1, y1 }: Rectangle): void {
    for (let row = y0; row < y1; row++) {
      const from = row * this.width + x0;
      const to = row * this.width + x1;
      this.frame.value.set(this.room.value.subarray(from, to), from);
      this.frame.inverseDepth.set(this.room.inverseDepth.subarray(from, to), from);
      this.owner.fill(0, from, to);
    }
  }

  /** The smallest rectangle of whole pixels that contains all projected vertices. */
  private bounds(screen: Float64Array): Rectangle {
    let x0 = this.width;
    let y0 = this.width;
    let x1 = 0;
    let y1 = 0;
    for (let v = 0; v < screen.length; v += 3) {
      const x = screen[v] as number;
      const y = screen[v + 1] as number;
      if (x < x0) x0 = x;
      if (x > x1) x1 = x;
      if (y < y0) y0 = y;
      if (y > y1) y1 = y;
    }
    const whole = (value: number): number => Math.floor(value / SAMPLES) * SAMPLES;
    return {
      x0: Math.max(0, whole(x0)),
      y0: Math.max(0, whole(y0)),
      x1: Math.min(this.width, whole(x1) + SAMPLES),
      y1: Math.min(this.width, whole(y1) + SAMPLES),
    };
  }

  private makeRoom(length: number): void {
    if (this.positions.length >= length) return;
    this.positions = new Float64Array(length);
    this.screen = new Float64Array(length);
    this.shades = new Float64Array(length);
  }
}

/** The 16th power of a cosine: the share of the lamp that a glossy surface mirrors. */
function mirrored(cosine: number): number {
  if (cosine <= 0) return 0;
  const square = cosine * cosine;
  const fourth = square * square;
  const eighth = fourth * fourth;
  return eighth * eighth;
}
