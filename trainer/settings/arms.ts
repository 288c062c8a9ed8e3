/** @file The arms of a comparison, in the order in which they are compared: the product's own agent, the paper's, random placement, a plugin's. */

/** Agents that ship. */
export const SHIPPED_AGENTS = ["rls3", "paper", "random"] as const;
export type ShippedAgent = (typeof SHIPPED_AGENTS)[number];

export const ARMS = [...SHIPPED_AGENTS, "plugin"] as const;
export type Arm = (typeof ARMS)[number];

/** Where a name belongs in that order: other names after the arms. */
export function placeOfArm(name: string): number {
  const place = (ARMS as readonly string[]).indexOf(name);
  return place < 0 ? ARMS.length : place;
}

/** For sorting: in that order, other names by the alphabet. */
export const compareArms = (a: string, b: string): number => placeOfArm(a) - placeOfArm(b) || a.localeCompare(b);
