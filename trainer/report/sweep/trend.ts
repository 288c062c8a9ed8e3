/** @file Spearman's rank correlation: whether one number goes up with another, whatever the shape. */
import { at } from "../../at.js";
import { mean } from "../../mean.js";

export interface XY {
  readonly x: number;
  readonly y: number;
}

/** Ranks from 1; equal values share the mean of theirs. */
function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

/** Null if either number is the same everywhere. */
export function spearman(pairs: readonly XY[]): number | null {
  if (pairs.length < 2) return null;
  const [x, y] = [ranks(pairs.map((pair) => pair.x)), ranks(pairs.map((pair) => pair.y))];
  const centre = mean(x);
  const product = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, i) => sum + (value - centre) * (at(b, i) - centre), 0);
  const scale = Math.sqrt(product(x, x) * product(y, y));
  return scale === 0 ? null : product(x, y) / scale;
}
