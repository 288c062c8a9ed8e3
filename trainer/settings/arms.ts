/**
 * @file The arms of a comparison, in their fixed order: this product's agent, the paper's, random placement, a
 * plugin's.
 */

/** Agents that ship. */
export const SHIPPED_AGENTS = ["rls3", "paper", "random"] as const;
export type ShippedAgent = (typeof SHIPPED_AGENTS)[number];

export const ARMS = [...SHIPPED_AGENTS, "plugin"] as const;
export type Arm = (typeof ARMS)[number];

/** The position of a name in that order; unknown names come after the arms. */
export function placeOfArm(name: string): number {
  const place = (ARMS as readonly string[]).indexOf(name);
  return place < 0 ? ARMS.length : place;
}

/** A comparison function for sorting: arms in that order, then other names alphabetically. */
export const compareArms = (a: string, b: string): number => placeOfArm(a) - placeOfArm(b) || a.localeCompare(b);
