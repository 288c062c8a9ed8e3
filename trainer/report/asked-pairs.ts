/** @file Which two slots each caption of a sample's line is about. */
import { at } from "../at.js";
import type { SampleCaption, SampleLine } from "../run-format/columns.js";

export interface AskedPair {
  readonly caption: SampleCaption;
  /** Null if the line does not say. */
  readonly slots: readonly [number, number] | null;
}

/** Lines name the slots; in runs that asked about every pair, the order of the captions gives them. */
export function askedPairs({ captions, objects }: Pick<SampleLine, "captions" | "objects">): AskedPair[] {
  const pairs = objects.flatMap((_, a) => objects.slice(a + 1).map((__, i) => [a, a + 1 + i] as const));
  const every = captions.length === pairs.length;
  return captions.map((caption, i) => ({ caption, slots: caption.slots ?? (every ? at(pairs, i) : null) }));
}
