/**
 * @file Pillow's bicubic resize (versions 3 to 12), byte for byte: each axis in 8-bit integers with 22 fractional bits,
 * the horizontal pass first. The published models were trained on images resized this way.
 */

/** 8-bit RGB, [height, width, 3]. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

const PRECISION = 22;

/** Keys' cubic kernel with a = −½. */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

interface Taps {
  readonly first: number;
  readonly weights: Int32Array;
}

/** For each output position: the first input position, and the integer weights from there on. */
function taps(inside: number, outside: number): Taps[] {
  const scale = inside / outside;
  const stretch = Math.max(scale, 1);
  const support = 2 * stretch;
  const inverse = 1 / stretch;
  return Array.from({ length: outside }, (_, out) => {
    const centre = (out + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const last = Math.min(Math.trunc(centre + support + 0.5), inside);
    const weights = Float64Array.from({ length: last - first }, (_, i) => cubic((i + first - centre + 0.5) * inverse));
    let sum = 0;
    for (const weight of weights) sum += weight;
    const integers = Int32Array.from(weights, (weight) => {
      const share = sum === 0 ? weight : weight / sum;
      return Math.trunc(share * 2 ** PRECISION + (share < 0 ? -0.5 : 0.5));
    });
    return { first, weights: integers };
  });
}

/**
 * One pass: resizes `lines` independent lines from `inside` to `outside` positions. `step` and `stride` are the
 * distances in bytes between neighbouring positions and lines; a pixel's three bytes are adjacent.
 */
function pass(
  source: Uint8Array,
  target: Uint8Array,
  axis: { inside: number; outside: number; step: number },
  across: { lines: number; sourceStride: number; targetStride: number },
): void {
  const table = taps(axis.inside, axis.outside);
  for (let out = 0; out < axis.outside; out++) {
    const tap = table[out];
    if (tap === undefined) continue;
    const { first, weights } = tap;
    for (let line = 0; line < across.lines; line++) {
      const from = line * across.sourceStride + first * axis.step;
      const to = line * across.targetStride + out * axis.step;
      for (let channel = 0; channel < 3; channel++) {
        let sum = 1 << (PRECISION - 1);
        let at = from + channel;
        for (let i = 0; i < weights.length; i++, at += axis.step) sum += (weights[i] ?? 0) * (source[at] ?? 0);
        const value = sum >> PRECISION;
        target[to + channel] = Math.min(Math.max(value, 0), 255);
      }
    }
  }
}

/** `Image.resize((width, height), BICUBIC)`. */
export function resizeBicubic(picture: Picture, height: number, width: number): Picture {
  let current = picture;
  if (width !== current.width) {
    const data = new Uint8Array(current.height * width * 3);
    pass(
      current.data,
      data,
      { inside: current.width, outside: width, step: 3 },
      { lines: current.height, sourceStride: current.width * 3, targetStride: width * 3 },
    );
    current = { height: current.height, width, data };
  }
  if (height !== current.height) {
    const data = new Uint8Array(height * width * 3);
    pass(
      current.data,
      data,
      { inside: current.height, outside: height, step: width * 3 },
      { lines: width, sourceStride: 3, targetStride: 3 },
    );
    current = { height, width, data };
  }
  return current;
}
