/** @file The objects of a room: five integers each, in the order of the observation `objects`. */
import { at } from "../at.js";
import type { Catalog, CatalogObject } from "./catalog.js";
import type { UprightBox } from "./geometry.js";
import { yawCosine, yawSine } from "./yaw.js";

/**
 * Active objects by slot, five integers each: index in the catalog, x, y, z of the centre of the base (mm), yaw step.
 * The observation `objects`, flat.
 */
export type Objects = Int32Array;

/** Integers per object in `Objects`. */
export const OBJECT_FIELDS = 5;

/**
 * The catalog's object with index `type`.
 * @throws RangeError where there is none
 */
export function objectOf(catalog: Catalog, type: number): CatalogObject {
  const object = catalog.objects[type];
  if (object === undefined) throw new RangeError(`the catalog ${catalog.name} has no object ${type}`);
  return object;
}

/** The collision box of the object in `slot`. */
export function objectBox(catalog: Catalog, objects: Objects, slot: number): UprightBox {
  // Every tried placement needs every box; the casts cost nothing. Beyond the last slot there is no type, and
  // `objectOf` throws.
  const first = slot * OBJECT_FIELDS;
  const type = objects[first] as number;
  const x = objects[first + 1] as number;
  const y = objects[first + 2] as number;
  const z = objects[first + 3] as number;
  return uprightBox(catalog, type, x, y, z, objects[first + 4] as number);
}

export function uprightBox(catalog: Catalog, type: number, x: number, y: number, z: number, yaw: number): UprightBox {
  const { sizeX, sizeY, sizeZ } = objectOf(catalog, type);
  const { yawSteps } = catalog.rules;
  return { x, y, z, sizeX, sizeY, sizeZ, cosine: yawCosine(yaw, yawSteps), sine: yawSine(yaw, yawSteps) };
}

/** Catalog indices of the active objects, by slot. */
export function activeTypes(objects: Objects): number[] {
  const types: number[] = [];
  for (let first = 0; first < objects.length; first += OBJECT_FIELDS) types.push(objects[first] as number);
  return types;
}

/** Centres (x, y, z in mm) of the active objects' collision boxes; relations are between these. */
export function centres(catalog: Catalog, objects: Objects): [number, number, number][] {
  return activeTypes(objects).map((type, slot) => {
    const first = slot * OBJECT_FIELDS;
    const height = objectOf(catalog, type).sizeY;
    return [at(objects, first + 1), at(objects, first + 2) + height / 2, at(objects, first + 3)];
  });
}
