/** @file The objects of a room: five integers each, in the order of the observation `objects`. */
import type { Catalog } from "./catalog.js";
import type { UprightBox } from "./geometry.js";
import { yawCosine, yawSine } from "./yaw.js";

/**
 * Active objects by slot, five integers each: index in the catalog, x, y, z of the centre of the base (mm), yaw step.
 * The observation `objects`, flat.
 */
export type Objects = Int32Array;

/** Integers an object takes in `Objects`. */
export const OBJECT_FIELDS = 5;

/** Collision box of the object in `slot`. */
export function objectBox(catalog: Catalog, objects: Objects, slot: number): UprightBox {
  const at = slot * OBJECT_FIELDS;
  const type = objects[at] ?? -1;
  const x = objects[at + 1] ?? 0;
  const y = objects[at + 2] ?? 0;
  const z = objects[at + 3] ?? 0;
  return uprightBox(catalog, type, x, y, z, objects[at + 4] ?? 0);
}

export function uprightBox(catalog: Catalog, type: number, x: number, y: number, z: number, yaw: number): UprightBox {
  const object = catalog.objects[type];
  if (object === undefined) throw new RangeError(`the catalog ${catalog.name} has no object ${type}`);
  const { sizeX, sizeY, sizeZ } = object;
  const { yawSteps } = catalog.rules;
  return { x, y, z, sizeX, sizeY, sizeZ, cosine: yawCosine(yaw, yawSteps), sine: yawSine(yaw, yawSteps) };
}

/** Catalog indices of the active objects, by slot. */
export function activeTypes(objects: Objects): number[] {
  const types: number[] = [];
  for (let at = 0; at < objects.length; at += OBJECT_FIELDS) types.push(objects[at] ?? -1);
  return types;
}

/** Centres (x, y, z in mm) of the active objects' collision boxes: what relations are between. */
export function centres(catalog: Catalog, objects: Objects): [number, number, number][] {
  return activeTypes(objects).map((type, slot) => {
    const at = slot * OBJECT_FIELDS;
    const height = catalog.objects[type]?.sizeY ?? 0;
    return [objects[at + 1] ?? 0, (objects[at + 2] ?? 0) + height / 2, objects[at + 3] ?? 0];
  });
}
