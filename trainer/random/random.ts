/**
 * @file The one pseudo-random generator: xoshiro128** (Blackman and Vigna, 2018) seeded by SplitMix32. The embedded
 * environment's layouts are drawn with it, so every server implements it bit by bit (protocol/README.md has the vectors);
 * the trainer uses named streams of it, so that a run needs no generator state in its checkpoints.
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

  /** @param seed an integer in [0, 2^53): its low 32 bits, then its high bits mixed in, start SplitMix32. */
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

  /** A stream of its own for a purpose: `Random.stream(seed, "fine-tuning", iteration)`. Same path, same numbers. */
  static stream(seed: number, ...path: readonly (string | number)[]): Random {
    // FNV-1a over the path's text; the 53-bit seed takes 32 bits of it and 21 of the run's seed.
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

  /** Uniform over 0 … n − 1, n ≤ 2^21: ⌊uint32 · n / 2^32⌋, exact in doubles and in 64-bit integers alike. */
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

  /** Standard normal (Box–Muller, the cosine half). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.float()));
    return radius * Math.cos(2 * Math.PI * this.float());
  }

  /** Fills `out` with standard normals (Box–Muller, both halves): half the work of as many calls of `normal`. */
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
      // Layouts draw one each: casts, which cost nothing, since j ≤ i < n.
      const swap = order[i] as number;
      order[i] = order[j] as number;
      order[j] = swap;
    }
    return order;
  }

  /** A seed for something else's generator: 53 random bits. */
  seed(): number {
    return this.uint32() + (this.uint32() & 0x1fffff) * 2 ** 32;
  }
}
