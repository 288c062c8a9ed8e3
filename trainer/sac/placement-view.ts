/**
 * @file The object-centric view for soft actor-critic (`--view objects`): what a placement means (which object comes
 * in, its size, how far it is from those that stay). It is computed from the flat observation and the action in
 * differentiable steps, so that the critics' gradient reaches the actor. Written once over the few operations that it
 * needs; each learner supplies its own.
 */
import { type AgentWorld, observationWidth } from "./agent-world.js";

/** The operations of the view: tensors are [rows, columns], operands broadcast. */
export interface Operations<T> {
  /** Columns first … end − 1. */
  columns(x: T, first: number, end: number): T;
  join(parts: readonly T[]): T;
  add(a: T, b: T | number): T;
  multiply(a: T, b: T | number): T;
  /** x times a constant matrix, row by row. */
  project(x: T, matrix: readonly (readonly number[])[]): T;
  clip(x: T, low: number, high: number): T;
  abs(x: T): T;
  sin(x: T): T;
  cos(x: T): T;
}

const OCTAVES = [1, 2, 4, 8] as const;
/**
 * Half the width of a choice's soft edge, in choices. Between two choices both count, so that the gradient says which
 * is better.
 */
const EDGE = 0.25;

/** Sizes as the networks see them: half extents along x and z, height. */
const sizesOf = ({ objectSizes, lengthUnit }: AgentWorld): number[][] =>
  objectSizes.map(([x, y, z]) => [x / 2 / lengthUnit, z / 2 / lengthUnit, y / lengthUnit]);

/** Columns of an object that stays, besides its type. */
const OTHER = 11;

export const actorViewWidth = (world: AgentWorld): number =>
  observationWidth(world) + world.activeObjects * (3 + 4 * OCTAVES.length);

export const criticViewWidth = ({ sceneCount, activeObjects, objectSizes }: AgentWorld): number =>
  sceneCount +
  1 +
  objectSizes.length +
  3 +
  6 +
  activeObjects +
  6 * OCTAVES.length +
  (activeObjects - 1) * (OTHER + objectSizes.length);

/** An active object's columns in the observation. */
interface Slot<T> {
  readonly type: T;
  readonly x: T;
  readonly z: T;
  /** Height of its base, in length units. */
  readonly y: T;
}

function slotsOf<T>(ops: Operations<T>, world: AgentWorld, observations: T): Slot<T>[] {
  const { sceneCount, activeObjects, objectSizes, placementRange, lengthUnit } = world;
  const types = objectSizes.length;
  const highest = placementRange.drop[1] / lengthUnit / 2;
  return Array.from({ length: activeObjects }, (_, slot) => {
    const at = sceneCount + slot * (types + 4);
    const column = (offset: number): T => ops.columns(observations, at + offset, at + offset + 1);
    return {
      type: ops.columns(observations, at, at + types),
      x: column(types),
      y: ops.multiply(ops.add(column(types + 1), 1), highest),
      z: column(types + 2),
    };
  });
}

/** sin, cos of π · {1, 2, 4, 8} · each column of x. */
function fourier<T>(ops: Operations<T>, x: T, columns: number): T[] {
  const angles = Array.from({ length: columns }, (_, row) =>
    Array.from({ length: columns }, (__, column) =>
      OCTAVES.map((octave) => (row === column ? Math.PI * octave : 0)),
    ).flat(),
  );
  const turned = ops.project(x, angles);
  return [ops.sin(turned), ops.cos(turned)];
}

/** [rows, actorViewWidth]: the observation, plus size and Fourier features of the place of each active object. */
export function actorView<T>(ops: Operations<T>, world: AgentWorld, observations: T): T {
  const sizes = sizesOf(world);
  const perSlot = slotsOf(ops, world, observations).flatMap(({ type, x, z }) => [
    ops.project(type, sizes),
    ...fourier(ops, ops.join([x, z]), 2),
  ]);
  return ops.join([observations, ...perSlot]);
}

/** The weight of each of `count` choices at u in [0, count]: 1 in its middle, shared with its neighbour at an edge. */
function choices<T>(ops: Operations<T>, u: T, count: number): T[] {
  const inside = ops.clip(u, EDGE, count - EDGE);
  const above = (edge: number): T => ops.clip(ops.multiply(ops.add(inside, EDGE - edge), 1 / (2 * EDGE)), 0, 1);
  const edges = Array.from({ length: count + 1 }, (_, edge) => above(edge));
  return edges.slice(0, -1).map((lower, i) => ops.add(lower, ops.multiply(edges[i + 1] as T, -1)));
}

/** [rows, criticViewWidth]: the scene, the decoded placement, and each object that stays, relative to the placement. */
export function criticView<T>(ops: Operations<T>, world: AgentWorld, observations: T, actions: T): T {
  const { sceneCount, activeObjects, objectSizes, placementRange, lengthUnit } = world;
  const types = objectSizes.length;
  const sizes = sizesOf(world);
  const slots = slotsOf(ops, world, observations);
  const action = (element: number): T => ops.columns(actions, element, element + 1);
  const share = (element: number, count: number): T => ops.multiply(ops.add(action(element), 1), count / 2);
  const along = (element: number, [low, high]: readonly [number, number]): T =>
    ops.add(ops.multiply(action(element), (high - low) / 2 / lengthUnit), (high + low) / 2 / lengthUnit);
  const less = (a: T, b: T): T => ops.add(a, ops.multiply(b, -1));

  const leaving = choices(ops, share(0, activeObjects), activeObjects);
  const incoming = incomingTypes(ops, world, slots, share(1, types - activeObjects));
  const size = ops.project(incoming, sizes);
  const [x, z, drop] = [along(2, placementRange.x), along(3, placementRange.z), along(4, placementRange.drop)];

  // The objects that stay, starting after the leaving one's slot and wrapping around.
  const others = Array.from({ length: activeObjects - 1 }, (_, i) => {
    const blended = (part: (slot: Slot<T>) => T): T =>
      leaving
        .map((weight, slot) => ops.multiply(part(slots[(slot + i + 1) % activeObjects] as Slot<T>), weight))
        .reduce((sum, term) => ops.add(sum, term));
    const type = blended((slot) => slot.type);
    const [ox, oy, oz] = [blended((slot) => slot.x), blended((slot) => slot.y), blended((slot) => slot.z)];
    const otherSize = ops.project(type, sizes);
    const gap = (distance: T, axis: number): T =>
      less(ops.abs(distance), ops.add(ops.columns(size, axis, axis + 1), ops.columns(otherSize, axis, axis + 1)));
    const [dx, dz] = [less(x, ox), less(z, oz)];
    return [dx, dz, gap(dx, 0), gap(dz, 1), less(drop, oy), oy, ox, oz, otherSize, type];
  });
  return ops.join([
    ops.columns(observations, 0, sceneCount),
    ops.columns(observations, observationWidth(world) - 1, observationWidth(world)),
    incoming,
    size,
    actions,
    ...leaving,
    ...fourier(ops, ops.join([x, z, drop]), 3),
    ...others.flat(),
  ]);
}

/**
 * [rows, K]: how much each catalog object is the incoming one, at u in [0, K − A] over the inactive ones in catalog
 * order.
 */
function incomingTypes<T>(
  ops: Operations<T>,
  { objectSizes, activeObjects }: AgentWorld,
  slots: readonly Slot<T>[],
  u: T,
): T {
  const types = objectSizes.length;
  const free = ops.add(
    ops.multiply(
      slots.map(({ type }) => type).reduce((sum, type) => ops.add(sum, type)),
      -1,
    ),
    1,
  );
  const before = ops.project(
    free,
    Array.from({ length: types }, (_, row) => Array.from({ length: types }, (__, column) => (row < column ? 1 : 0))),
  );
  const inside = ops.clip(u, EDGE, types - activeObjects - EDGE);
  const past = ops.add(ops.multiply(before, -1), inside);
  const above = (edge: number): T => ops.clip(ops.multiply(ops.add(past, EDGE - edge), 1 / (2 * EDGE)), 0, 1);
  return ops.multiply(ops.add(above(0), ops.multiply(above(1), -1)), free);
}
