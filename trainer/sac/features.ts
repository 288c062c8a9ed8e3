/**
 * @file The critic's view of a placement: not the flat observation, but the decoded choice. It has the incoming object,
 * its size and place with Fourier features, and each object that stays, relative to it. Written for the inner loop: no
 * allocation; each sine and cosine is computed once and doubled by angle. Where the world has views, it also has the
 * place where the object would rest, and from there its relation to each object that stays, as in captions.
 */
import { OBJECT_FIELDS } from "../rooms/index.js";
import type { AgentObservation } from "./agent.js";
import { ACTION_WIDTH, type AgentWorld, decodePlacement, type Placement, type SceneView } from "./agent-world.js";

/** Fourier features sin, cos of π · {1, 2, 4, 8} · (x, z, drop). */
const OCTAVES = 4;

/**
 * Right, up, toward; elevation; sine and cosine of the bearing, and of eight times the bearing, so that one period is
 * one sector.
 */
const RELATION = 8;
const SECTORS = 8;

export function featureWidth({ sceneCount, activeObjects, objectSizes, yawSteps, views }: AgentWorld): number {
  const types = objectSizes.length;
  const yaw = yawSteps > 1 ? 2 : 0;
  const placed = sceneCount + types + 3 + 3 + 3 * 2 * OCTAVES + yaw;
  const relations = views === undefined ? 0 : 1 + (activeObjects - 1) * RELATION;
  return placed + (activeObjects - 1) * (6 + 3 + 3 + types + yaw) + relations;
}

/** Half extents along x and z of the bounding rectangle of a box (halfX, halfZ) rotated by `angle`. */
function turned(halfX: number, halfZ: number, angle: number): [x: number, z: number] {
  if (angle === 0) return [halfX, halfZ];
  const c = Math.abs(Math.cos(angle));
  const s = Math.abs(Math.sin(angle));
  return [c * halfX + s * halfZ, s * halfX + c * halfZ];
}

/** Writes the features of `rows` actions for one observation, row after row from `offset` of `out`. */
export function writeFeatures(
  world: AgentWorld,
  { scene, objects }: AgentObservation,
  actions: Float32Array,
  firstRow: number,
  rows: number,
  out: Float32Array,
  offset: number,
): void {
  const { sceneCount, activeObjects, objectSizes, lengthUnit, yawSteps } = world;
  const view = world.views?.[scene];
  const types = objectSizes.length;
  const width = featureWidth(world);
  const turn = (2 * Math.PI) / yawSteps;
  out.fill(0, offset, offset + rows * width);
  for (let row = 0; row < rows; row++) {
    const action = (firstRow + row) * ACTION_WIDTH;
    const placement = decodePlacement(world, objects, actions, action);
    const size = sizeOf(objectSizes, placement.type);
    const x = placement.x / lengthUnit;
    const z = placement.z / lengthUnit;
    const drop = placement.drop / lengthUnit;
    const angle = placement.yaw * turn;
    const [halfX, halfZ] = turned(size[0] / 2 / lengthUnit, size[2] / 2 / lengthUnit, angle);
    let at = offset + row * width;
    out[at + scene] = 1;
    at += sceneCount;
    out[at + placement.type] = 1;
    at += types;
    out[at++] = halfX;
    out[at++] = halfZ;
    out[at++] = size[1] / lengthUnit;
    for (let element = 2; element < 5; element++) out[at++] = actions[action + element] as number;
    at = writeFourier(x, out, at);
    at = writeFourier(z, out, at);
    at = writeFourier(drop, out, at);
    if (yawSteps > 1) {
      out[at++] = Math.sin(angle);
      out[at++] = Math.cos(angle);
    }
    for (let other = 1; other < activeObjects; other++) {
      const start = ((placement.slot + other) % activeObjects) * OBJECT_FIELDS;
      const type = objects[start] as number;
      const otherX = (objects[start + 1] as number) / lengthUnit;
      const otherY = (objects[start + 2] as number) / lengthUnit;
      const otherZ = (objects[start + 3] as number) / lengthUnit;
      const otherAngle = (objects[start + 4] as number) * turn;
      const otherSize = sizeOf(objectSizes, type);
      const [otherHalfX, otherHalfZ] = turned(otherSize[0] / 2 / lengthUnit, otherSize[2] / 2 / lengthUnit, otherAngle);
      out[at++] = x - otherX;
      out[at++] = z - otherZ;
      out[at++] = Math.abs(x - otherX) - halfX - otherHalfX;
      out[at++] = Math.abs(z - otherZ) - halfZ - otherHalfZ;
      out[at++] = otherY;
      out[at++] = drop - otherY;
      out[at++] = otherHalfX;
      out[at++] = otherHalfZ;
      out[at++] = otherSize[1] / lengthUnit;
      out[at++] = otherX;
      out[at++] = otherY;
      out[at++] = otherZ;
      out[at + type] = 1;
      at += types;
      if (yawSteps > 1) {
        out[at++] = Math.sin(otherAngle);
        out[at++] = Math.cos(otherAngle);
      }
    }
    if (view !== undefined) writeRelations(world, view, objects, placement, out, at);
  }
}

/** The highest surface under the point that is not above the drop; else the floor. */
function restingHeight({ surfaces }: SceneView, { x, z, drop }: Placement): number {
  let height = 0;
  for (const surface of surfaces) {
    if (surface.top > drop || surface.top <= height) continue;
    if (x < surface.x[0] || x > surface.x[1] || z < surface.z[0] || z > surface.z[1]) continue;
    height = surface.top;
  }
  return height;
}

function writeRelations(
  { activeObjects, objectSizes, lengthUnit }: AgentWorld,
  view: SceneView,
  objects: Int32Array,
  placement: Placement,
  out: Float32Array,
  start: number,
): void {
  const { right, toward } = view;
  const rest = restingHeight(view, placement);
  const height = rest + sizeOf(objectSizes, placement.type)[1] / 2;
  let at = start;
  out[at++] = rest / lengthUnit;
  for (let other = 1; other < activeObjects; other++) {
    const from = ((placement.slot + other) % activeObjects) * OBJECT_FIELDS;
    const dx = placement.x - (objects[from + 1] as number);
    const dz = placement.z - (objects[from + 3] as number);
    const up = height - (objects[from + 2] as number) - sizeOf(objectSizes, objects[from] as number)[1] / 2;
    const across = dx * right[0] + dz * right[1];
    const along = dx * toward[0] + dz * toward[1];
    const bearing = Math.atan2(along, across);
    out[at++] = across / lengthUnit;
    out[at++] = up / lengthUnit;
    out[at++] = along / lengthUnit;
    out[at++] = Math.atan2(up, Math.hypot(across, along)) / (Math.PI / 2);
    out[at++] = Math.sin(bearing);
    out[at++] = Math.cos(bearing);
    out[at++] = Math.sin(SECTORS * bearing);
    out[at++] = Math.cos(SECTORS * bearing);
  }
}

function writeFourier(value: number, out: Float32Array, start: number): number {
  let sine = Math.sin(Math.PI * value);
  let cosine = Math.cos(Math.PI * value);
  let at = start;
  for (let octave = 0; octave < OCTAVES; octave++) {
    out[at++] = sine;
    out[at++] = cosine;
    // sin 2a = 2 sin a cos a, cos 2a = 1 − 2 sin² a.
    [sine, cosine] = [2 * sine * cosine, 1 - 2 * sine * sine];
  }
  return at;
}

function sizeOf(sizes: AgentWorld["objectSizes"], type: number): readonly [number, number, number] {
  const size = sizes[type];
  if (size === undefined)
    throw new RangeError(`object ${type} of an observation is not in the catalog (${sizes.length})`);
  return size;
}
