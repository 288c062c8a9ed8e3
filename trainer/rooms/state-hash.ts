/**
 * @file The state hash: two 32-bit lanes over the state's integers (step by step in Catalog~/README.md of the Unity
 * package).
 */
import type { Objects } from "./objects.js";

/** The first input of the hash; changes with the algorithm. */
export const STATE_HASH_VERSION = 1;

/** Sixteen lower-case hexadecimal digits over scene and objects. */
export function stateHash(scene: number, objects: Objects): string {
  let low = 0x243f6a88;
  let high = 0x85a308d3;
  const add = (word: number): void => {
    low = Math.imul(low ^ word, 0x01000193);
    low = (low << 13) | (low >>> 19);
    high = Math.imul(high ^ word, 0x85ebca6b);
    high = (high << 15) | (high >>> 17);
  };
  add(STATE_HASH_VERSION);
  add(scene);
  // Every step is hashed; the cast costs nothing, and the loop stays in bounds.
  for (let index = 0; index < objects.length; index++) add(objects[index] as number);
  low = finish(low ^ high);
  high = finish(high ^ Math.imul(low, 5));
  return hex(high) + hex(low);
}

/** Lets every input bit change every output bit. */
function finish(word: number): number {
  let value = word ^ (word >>> 16);
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  return value ^ (value >>> 16);
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
