/** @file Which captions are never asked: those with a vertical term that the objects' bases contradict. */
import { codeTerms, type RelationCode } from "./relations.js";

/** Bases (mm) no further apart than this are at one height: two objects on one surface. */
export const SAME_HEIGHT = 10;

/**
 * Whether a vertical term contradicts the heights (mm) of the bases of A and B: people call A above B only where it also stands higher.
 * Centres alone put a tall thing above a flat one beside it. A code without a vertical term contradicts nothing.
 */
export function contradictsBases(code: RelationCode, baseA: number, baseB: number): boolean {
  const [first] = codeTerms(code);
  if (first === "above") return baseA - baseB <= SAME_HEIGHT;
  return first === "below" && baseB - baseA <= SAME_HEIGHT;
}
