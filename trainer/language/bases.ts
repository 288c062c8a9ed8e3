/** @file Pairs that are never asked about: their vertical term contradicts the heights of the objects' bases. */
import { codeTerms, type RelationCode } from "./relations.js";

/** Bases at most this far apart (mm) count as the same height: two objects on one surface. */
export const SAME_HEIGHT = 10;

/**
 * Whether a vertical term contradicts the base heights (mm) of A and B. People call A above B only if its base is
 * higher, too; by centres alone, a tall object is "above" a flat one beside it. A code without a vertical term
 * contradicts nothing.
 */
export function contradictsBases(code: RelationCode, baseA: number, baseB: number): boolean {
  const [first] = codeTerms(code);
  if (first === "above") return baseA - baseB <= SAME_HEIGHT;
  return first === "below" && baseB - baseA <= SAME_HEIGHT;
}
