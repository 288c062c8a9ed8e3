/**
 * @file Patterns of surfaces that do not move: boards, tiles, grain, weave, doors. The noise is computed in integers,
 * so it is the same on every machine.
 */
import type { Pattern } from "../catalog-document.js";

/** A number from 0 to 1 from two integers, by a multiplicative hash. */
function noise(x: number, y: number): number {
  let word = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1);
  word = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d);
  word = Math.imul(word ^ (word >>> 12), 0x297a2d39);
  return ((word ^ (word >>> 15)) >>> 0) / 4294967296;
}

/** Noise interpolated smoothly between the corners of a unit grid. */
function smoothNoise(x: number, y: number): number {
  const column = Math.floor(x);
  const row = Math.floor(y);
  const fx = x - column;
  const fy = y - row;
  const u = fx * fx * (3 - 2 * fx);
  const v = fy * fy * (3 - 2 * fy);
  const top = noise(column, row) + (noise(column + 1, row) - noise(column, row)) * u;
  const bottom = noise(column, row + 1) + (noise(column + 1, row + 1) - noise(column, row + 1)) * u;
  return top + (bottom - top) * v;
}

/** Distance (mm) from a coordinate to the nearest multiple of `period`. */
function toLine(value: number, period: number): number {
  const rest = value - Math.floor(value / period) * period;
  return Math.min(rest, period - rest);
}

/** The factor on the colour at (a, b), in millimetres along the surface; about 1 on average. */
export function patternAt({ kind, size, contrast = 1 }: Pattern, a: number, b: number): number {
  return 1 + contrast * (deviation(kind, size[0], size[1], a, b) - 0);
}

function deviation(kind: Pattern["kind"], width: number, length: number, a: number, b: number): number {
  switch (kind) {
    case "planks": {
      const row = Math.floor(a / width);
      const shifted = b + noise(row, 7) * length;
      const board = Math.floor(shifted / length);
      const seam = Math.min(toLine(a, width), toLine(shifted, length)) < 3 ? -0.22 : 0;
      return seam + 0.16 * (noise(row, board) - 0.5) + 0.1 * (smoothNoise(a / 9, b / 160 + board * 9) - 0.5);
    }
    case "tiles": {
      const grout = Math.min(toLine(a, width), toLine(b, length)) < 5 ? -0.16 : 0;
      return grout + 0.07 * (noise(Math.floor(a / width), Math.floor(b / length)) - 0.5);
    }
    case "checker":
      return (Math.floor(a / width) + Math.floor(b / length)) % 2 === 0 ? 0.09 : -0.09;
    case "wood":
      return 0.14 * (smoothNoise(a / width, b / length) - 0.5) + 0.1 * (smoothNoise((4 * a) / width, b / length) - 0.5);
    case "weave":
      return (
        0.1 * (smoothNoise(a / width, b / length) - 0.5) +
        ((Math.floor((2 * a) / width) + Math.floor((2 * b) / length)) % 2 === 0 ? 0.025 : -0.025)
      );
    case "stripes":
      return Math.floor(a / width) % 2 === 0 ? 0.05 : -0.05;
    case "panels": {
      const edge = Math.min(toLine(a, width), toLine(b, length));
      if (edge < 4) return -0.35;
      return edge > 26 && edge < 34 ? -0.14 : 0;
    }
  }
}
