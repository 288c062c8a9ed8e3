/** @file The part of a network that training does not change: its results need not be computed again. */

import type { Trainable } from "./parameters.js";
import type { Recording } from "./recording.js";

export interface FrozenFront {
  /** The last stage before which nothing is trained; null where there is none. */
  readonly stage: string | null;
  /** Whether nothing in the network is trained. */
  readonly whole: boolean;
}

export function frozenFront({ stages, shapes }: Recording, { changes }: Trainable): FrozenFront {
  const free = (names: readonly string[]): boolean => names.every((name) => !changes.has(name));
  const stage = stages.filter(({ before }) => free(before)).at(-1);
  return { stage: stage?.name ?? null, whole: free(shapes.map(({ name }) => name)) };
}
