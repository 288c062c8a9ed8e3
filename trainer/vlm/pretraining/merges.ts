/** @file Byte-pair merges that make every word of a list one token. */

export type Merge = readonly [string, string];

/** Applies merges as BPE does: always the lowest rank that fits. */
function encode(symbols: readonly string[], ranks: ReadonlyMap<string, number>): readonly string[] {
  let parts = symbols;
  for (;;) {
    let best = Number.POSITIVE_INFINITY;
    let at = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = ranks.get(`${parts[i]} ${parts[i + 1]}`) ?? Number.POSITIVE_INFINITY;
      if (rank < best) [best, at] = [rank, i];
    }
    if (at < 0) return parts;
    parts = [...parts.slice(0, at), `${parts[at]}${parts[at + 1]}`, ...parts.slice(at + 2)];
  }
}

/**
 * The merges for words, given as BPE's initial symbols. Each word's new merges rank after all earlier ones, and BPE
 * takes the lowest rank first, so no word undoes an earlier one.
 */
export function mergesFor(words: readonly (readonly string[])[]): Merge[] {
  const ranks = new Map<string, number>();
  const merges: Merge[] = [];
  for (const word of words) {
    // A merge applies wherever its pair occurs, so the rest is known only after it ("cacaa" becomes ca, ca, a after one
    // merge).
    for (let parts = encode(word, ranks); parts.length > 1; parts = encode(word, ranks)) {
      const [first = "", second = ""] = parts;
      ranks.set(`${first} ${second}`, merges.length);
      merges.push([first, second]);
    }
  }
  return merges;
}
