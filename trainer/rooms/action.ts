/** @file Decodes an action's floats into integers, by the same formula on every server, in doubles. */
import type { TensorSpec } from "../../protocol/spaces.js";
import type { Catalog, Range } from "./catalog.js";
import type { Placement } from "./placement.js";

/** The meaning of each of an action's six elements, in order. */
export const ACTION_NAMES = ["slot", "incoming object", "x", "z", "drop height", "yaw"] as const;

export const ACTION_SPEC: TensorSpec = {
  uid: "action",
  dtype: "float32",
  shape: [ACTION_NAMES.length],
  low: -1,
  high: 1,
  names: ACTION_NAMES,
};

/** One of `count` choices: min(count − 1, ⌊(a + 1)/2 · count⌋). */
const choice = (action: number, count: number): number => Math.min(count - 1, Math.floor(((action + 1) / 2) * count));

/** low + ⌊(a + 1)/2 · (high − low)⌋. */
const coordinate = (action: number, { low, high }: Range): number =>
  low + Math.floor(((action + 1) / 2) * (high - low));

/**
 * Decodes six elements of [−1, 1], from `offset` on: slot, incoming object, x, z, drop height, yaw. The incoming object
 * is counted among the catalog's objects that are not in `activeTypes`, in catalog order.
 * @throws RangeError for an element outside [−1, 1]
 */
export function decodeAction(
  catalog: Catalog,
  activeTypes: ArrayLike<number>,
  action: ArrayLike<number>,
  offset = 0,
): Placement {
  const at = (element: number): number => {
    const value = action[offset + element] ?? Number.NaN;
    if (value >= -1 && value <= 1) return value;
    throw new RangeError(`action element ${element} (${ACTION_NAMES[element]}) is ${value}, not within [-1, 1]`);
  };
  const { rules, objects } = catalog;
  return {
    slot: choice(at(0), activeTypes.length),
    type: inactiveType(activeTypes, choice(at(1), objects.length - activeTypes.length)),
    x: coordinate(at(2), rules.x),
    z: coordinate(at(3), rules.z),
    drop: coordinate(at(4), rules.drop),
    yaw: choice(at(5), rules.yawSteps),
  };
}

/** The catalog index of the `rank`-th object that is not active. */
function inactiveType(activeTypes: ArrayLike<number>, rank: number): number {
  let left = rank;
  for (let type = 0; ; type++) {
    if (isActive(activeTypes, type)) continue;
    if (left === 0) return type;
    left -= 1;
  }
}

function isActive(activeTypes: ArrayLike<number>, type: number): boolean {
  for (let slot = 0; slot < activeTypes.length; slot++) if (activeTypes[slot] === type) return true;
  return false;
}
