/**
 * @file A sum tree and a min tree over the same leaves (Schaul et al. 2016, appendix B). They give the sum and minimum
 * of the priorities, and the index at a point of the cumulative sum, each in O(log n). A parent is always recomputed
 * from its two children, never adjusted by a difference. So the trees depend on the leaves alone: nothing drifts, and a
 * restored tree is equal to the bit. Nodes are read with casts, which cost nothing: every draw and update walks the
 * tree, and never leaves it.
 */

export class PriorityTree {
  private readonly leaves: number;
  private readonly sums: Float64Array;
  private readonly minima: Float64Array;

  /** Room for `capacity` leaves, all empty. `find` never returns an empty leaf, and `minimum` ignores it. */
  constructor(readonly capacity: number) {
    this.leaves = PriorityTree.width(capacity);
    this.sums = new Float64Array(2 * this.leaves);
    this.minima = new Float64Array(2 * this.leaves).fill(Number.POSITIVE_INFINITY);
  }

  private static width(capacity: number): number {
    return 2 ** Math.ceil(Math.log2(Math.max(2, capacity)));
  }

  static bytes(capacity: number): number {
    return 2 * 2 * PriorityTree.width(capacity) * Float64Array.BYTES_PER_ELEMENT;
  }

  get sum(): number {
    return this.sums[1] as number;
  }

  /** Infinity while all leaves are empty. */
  get minimum(): number {
    return this.minima[1] as number;
  }

  get(index: number): number {
    return this.sums[this.leaves + index] as number;
  }

  /** `priority` must be positive and finite. */
  set(index: number, priority: number): void {
    this.write(index, priority, priority);
  }

  /** Makes the leaf empty. */
  clear(index: number): void {
    this.write(index, 0, Number.POSITIVE_INFINITY);
  }

  /** The leaf that holds `point` of the cumulative sum, 0 ≤ point < sum; never an empty leaf, even after rounding. */
  find(point: number): number {
    const { sums, leaves } = this;
    let node = 1;
    let rest = point;
    while (node < leaves) {
      node *= 2;
      const left = sums[node] as number;
      if (rest >= left && (sums[node + 1] as number) > 0) {
        rest -= left;
        node++;
      }
    }
    return node - leaves;
  }

  private write(index: number, sum: number, minimum: number): void {
    const { sums, minima } = this;
    let node = this.leaves + index;
    sums[node] = sum;
    minima[node] = minimum;
    for (node >>= 1; node >= 1; node >>= 1) {
      const left = 2 * node;
      sums[node] = (sums[left] as number) + (sums[left + 1] as number);
      const a = minima[left] as number;
      const b = minima[left + 1] as number;
      minima[node] = Math.min(a, b);
    }
  }
}
