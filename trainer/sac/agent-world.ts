/**
 * @file What an agent knows of the world: counts, sizes and ranges from the catalog, the meaning of an action, and the
 * flat observation of the paper's agent. Plain data, so that any environment with such actions can use the agents.
 */
import { OBJECT_FIELDS } from "../rooms/index.js";
import type { AgentObservation } from "./agent.js";

/** Elements of an action: slot, incoming object, x, z, drop height, yaw, each in [−1, 1]. */
export const ACTION_WIDTH = 6;

type Range = readonly [low: number, high: number];

/** Lengths in millimetres; y is up. */
export interface AgentWorld {
  readonly sceneCount: number;
  /** Number of objects in the room at a time. */
  readonly activeObjects: number;
  /** Full size (x, y, z) of each object's collision box, in catalog order. */
  readonly objectSizes: readonly (readonly [number, number, number])[];
  readonly placementRange: { readonly x: Range; readonly z: Range; readonly drop: Range };
  /** Steps in a full turn; 1: no yaw. */
  readonly yawSteps: number;
  /** Half the width of a room, such as the widest one. The networks see lengths as shares of it. */
  readonly lengthUnit: number;
  /** Needed for the features of relations; without it, a placement has no such features. */
  readonly views?: readonly SceneView[];
}

/**
 * What the relations of a scene depend on: camera axes as horizontal unit vectors (x, z), and the surfaces that a
 * dropped object may rest on.
 */
export interface SceneView {
  readonly right: readonly [number, number];
  readonly toward: readonly [number, number];
  readonly surfaces: readonly Surface[];
}

/** A horizontal rectangle, in millimetres. */
export interface Surface {
  readonly x: Range;
  readonly z: Range;
  readonly top: number;
}

/** A decoded action: which active object leaves, which catalog object comes in, and from where it is dropped. */
export interface Placement {
  readonly slot: number;
  readonly type: number;
  readonly x: number;
  readonly z: number;
  readonly drop: number;
  readonly yaw: number;
}

const choice = (u: number, n: number): number => Math.min(n - 1, Math.floor(u * n));
const coordinate = (u: number, [low, high]: Range): number => low + Math.floor(u * (high - low));

/** Decodes the action at `offset` of `actions` by the environment's own formula (protocol: actions of the rooms). */
export function decodePlacement(
  world: AgentWorld,
  objects: Int32Array,
  actions: Float32Array,
  offset: number,
): Placement {
  const u = (element: number): number => ((actions[offset + element] as number) + 1) / 2;
  const { activeObjects, objectSizes, placementRange } = world;
  let left = choice(u(1), objectSizes.length - activeObjects);
  let type = 0;
  for (; ; type++) {
    let active = false;
    for (let slot = 0; slot < activeObjects; slot++) active ||= objects[slot * OBJECT_FIELDS] === type;
    if (!active && left-- === 0) break;
  }
  return {
    slot: choice(u(0), activeObjects),
    type,
    x: coordinate(u(2), placementRange.x),
    z: coordinate(u(3), placementRange.z),
    drop: coordinate(u(4), placementRange.drop),
    yaw: choice(u(5), world.yawSteps),
  };
}

export function observationWidth({ sceneCount, activeObjects, objectSizes }: AgentWorld): number {
  return sceneCount + activeObjects * (objectSizes.length + 4) + 1;
}

/**
 * Writes the flat observation in the layout of the environment's `state`: scene, then type and position of each slot,
 * then progress.
 */
export function writeObservation(
  world: AgentWorld,
  { scene, objects, progress }: AgentObservation,
  out: Float32Array,
  offset: number,
): void {
  const { sceneCount, activeObjects, objectSizes, placementRange, lengthUnit, yawSteps } = world;
  out.fill(0, offset, offset + observationWidth(world));
  out[offset + scene] = 1;
  let at = offset + sceneCount;
  for (let slot = 0; slot < activeObjects; slot++) {
    const [type, x, y, z, yaw] = objects.subarray(slot * OBJECT_FIELDS, (slot + 1) * OBJECT_FIELDS) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    out[at + type] = 1;
    at += objectSizes.length;
    out[at++] = x / lengthUnit;
    // Nothing rests higher than the highest drop.
    out[at++] = (2 * y) / placementRange.drop[1] - 1;
    out[at++] = z / lengthUnit;
    out[at++] = yawSteps > 1 ? (2 * yaw) / (yawSteps - 1) - 1 : 0;
  }
  out[at] = 2 * progress - 1;
}
