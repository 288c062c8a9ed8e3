/**
 * @file The one pseudo-random generator: xoshiro128** (Blackman and Vigna, 2018), seeded by SplitMix32. It draws the
 * embedded environment's layouts, so every server implements it bit by bit (test vectors: protocol/README.md). The
 * trainer uses named streams of it, so checkpoints need no generator state.
 */

const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** One step of SplitMix32: advances the counter by the golden ratio and mixes it. Returns [next counter, output]. */
function splitMix32(counter: number): [number, number] {
  const next = (counter + 0x9e3779b9) | 0;
  let z = next;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return [next, (z ^ (z >>> 16)) >>> 0];
}

/** Random numbers that repeat on every machine: the same seed, the same numbers. */
export class Random {
  private a = 0;
  private b = 0;
  private c = 0;
  private d = 0;

  /** @param seed an integer in [0, 2^53); SplitMix32 starts from its low 32 bits with its high bits mixed in. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`a seed is an integer from 0 to 2^53 - 1, not ${seed}`);
    }
    let counter = (seed >>> 0) ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1);
    [counter, this.a] = splitMix32(counter);
    [counter, this.b] = splitMix32(counter);
    [counter, this.c] = splitMix32(counter);
    [counter, this.d] = splitMix32(counter);
    if ((this.a | this.b | this.c | this.d) === 0) this.a = 1;
  }

  /**
   * An independent stream for one purpose: `Random.stream(seed, "fine-tuning", iteration)`. Same path, same numbers.
   */
  static stream(seed: number, ...path: readonly (string | number)[]): Random {
    // FNV-1a over the path's text gives 32 of the 53 seed bits; the run's seed gives the other 21.
    const text = [seed, ...path].join("/");
    let low = 0x811c9dc5;
    let high = 0xcbf29ce4;
    for (let i = 0; i < text.length; i++) {
      low = Math.imul(low ^ text.charCodeAt(i), 0x01000193);
      high = Math.imul(high ^ text.charCodeAt(text.length - 1 - i), 0x01000193);
    }
    return new Random((low >>> 0) + (high & 0x1fffff) * 2 ** 32);
  }

  /** Uniform over 0 … 2^32 − 1. */
  uint32(): number {
    const result = Math.imul(rotl(Math.imul(this.b, 5), 7), 9) >>> 0;
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = rotl(this.d, 11);
    return result;
  }

  /** Uniform over 0 … n − 1, n ≤ 2^21: ⌊uint32 · n / 2^32⌋, exact in doubles as in 64-bit integers. */
  below(n: number): number {
    return Math.floor((this.uint32() * n) / 4294967296);
  }

  /** Uniform in [0, 1), 32 bits. */
  float(): number {
    return this.uint32() / 4294967296;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.float();
  }

  /** Standard normal (Box–Muller, cosine half). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.float()));
    return radius * Math.cos(2 * Math.PI * this.float());
  }

  /** Fills `out` with standard normals (Box–Muller, both halves): half the work of calling `normal` for each. */
  fillNormal(out: Float32Array): void {
    for (let i = 0; i < out.length; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - this.float()));
      const angle = 2 * Math.PI * this.float();
      out[i] = radius * Math.cos(angle);
      if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
    }
  }

  /** A permutation of 0 … n − 1 (Fisher–Yates from the end). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      // Every layout calls this. The casts cost nothing and are safe, since j ≤ i < n.
      const swap = order[i] as number;
      order[i] = order[j] as number;
      order[j] = swap;
    }
    return order;
  }

  /** A seed for another generator: 53 random bits. */
  seed(): number {
    return this.uint32() + (this.uint32() & 0x1fffff) * 2 ** 32;
  }
}
