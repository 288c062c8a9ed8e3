/** @file Draws a first layout in a fixed order: types, then positions, rejected until they obey the placement rules. */
import { InputError } from "../errors.js";
import type { Random } from "../random/random.js";
import type { Catalog, Range, Scene } from "./catalog.js";
import { OBJECT_FIELDS, type Objects } from "./objects.js";
import { isHidden, REASON, rest, writeObject } from "./placement.js";
import { seenPoints } from "./visibility.js";

/** Placements to try before the types are drawn again. */
const PLACEMENTS_PER_DRAW = 60;
/** Draws of types before giving up: so many failures are the catalog's fault, not bad luck. */
const DRAWS_AT_MOST = 1000;

/** The start of an episode: objects that obey the rules, all of them visible. */
export interface Layout {
  readonly objects: Objects;
  /** Lattice points seen of each object, of 64. */
  readonly seen: readonly number[];
}

/**
 * Draws a layout; Catalog~/README.md of the Unity package lists every draw.
 * @throws InputError where no layout is found
 */
export function drawLayout(catalog: Catalog, scene: Scene, random: Random): Layout {
  for (let draw = 0; draw < DRAWS_AT_MOST; draw++) {
    const objects = drawObjects(catalog, scene, random);
    if (objects === undefined) continue;
    const seen = seenPoints(catalog, scene, objects);
    if (!seen.some((points) => isHidden(catalog, points))) return { objects, seen };
  }
  throw new InputError(
    `no valid layout of ${catalog.rules.activeObjects} objects was found in scene "${scene.name}" of catalog ${catalog.name} ` +
      `in ${DRAWS_AT_MOST} draws: give it more free space, smaller objects or a camera that sees more of it`,
  );
}

function drawObjects(catalog: Catalog, scene: Scene, random: Random): Objects | undefined {
  const { rules } = catalog;
  const types = random.permutation(catalog.objects.length);
  const objects = new Int32Array(rules.activeObjects * OBJECT_FIELDS);
  let placed = 0;
  for (let attempt = 0; attempt < PLACEMENTS_PER_DRAW; attempt++) {
    const x = within(rules.x, random);
    const z = within(rules.z, random);
    const drop = within(rules.drop, random);
    const yaw = random.below(rules.yawSteps);
    // There are more types than slots (catalog.ts checks it), so the cast is safe; it costs nothing.
    const placement = { slot: placed, type: types[placed] as number, x, z, drop, yaw };
    const { reason, y } = rest(catalog, scene, objects.subarray(0, placed * OBJECT_FIELDS), placement);
    if (reason !== REASON.none) continue;
    writeObject(objects, placement, y);
    placed += 1;
    if (placed === rules.activeObjects) return objects;
  }
  return undefined;
}

const within = ({ low, high }: Range, random: Random): number => low + random.below(high - low + 1);
