/** @file How a quantity is written: on an axis, in text, as an interval. */
import type { Interval } from "../../run-format/summary.js";
import { count, decimal, percent, points } from "../format.js";

export interface Quantity {
  /** On an axis; "" leaves the tick out. */
  readonly tick: (value: number) => string;
  /** In text and tables: finer than on the axis. */
  readonly value: (value: number) => string;
  readonly range: (interval: Interval) => string;
  /** The nearest value that it can have: an interval by Student's t may go beyond. */
  readonly within: (value: number) => number;
}

const fourDigits = (value: number): string => String(Number(value.toPrecision(4))).replace("-", "−");
const fine = (value: number): string => (Math.abs(value) < 0.01 ? fourDigits(value) : decimal(value));
const isWholePercent = (share: number): boolean => Math.abs(100 * share - Math.round(100 * share)) < 1e-6;

const quantity = (tick: Quantity["tick"], value: Quantity["value"]): Quantity => ({
  tick,
  value,
  range: ([low, high]) => `${value(low)} to ${value(high)}`,
  within: (any) => any,
});

const inShare = (value: number): number => Math.min(1, Math.max(0, value));
/** A share of 1, in percent. */
export const SHARE: Quantity = {
  tick: (share) => percent(share, isWholePercent(share) ? 0 : 1),
  value: (share) => percent(share),
  range: ([low, high]) => `${(100 * inShare(low)).toFixed(1)} to ${percent(inShare(high))}`,
  within: inShare,
};
export const NUMBER: Quantity = quantity(fourDigits, fine);
export const COUNT: Quantity = quantity(
  (value) => count(value),
  (value) => count(value),
);

const signed = (digits: number): Quantity => {
  const value = (difference: number): string => points(difference, digits);
  return quantity(value, value);
};
/** A difference of shares, in points; the fine one for small differences. */
export const POINTS: Quantity = signed(1);
export const FINE_POINTS: Quantity = signed(2);

/** Of numbers of samples. */
export const RATIO: Quantity = quantity(fourDigits, (ratio) => decimal(ratio, 2));

export type Axis = "generated" | "valid" | "iteration";

export const AXIS_NAMES: Readonly<Record<Axis, string>> = {
  generated: "generated samples",
  valid: "valid samples",
  iteration: "iteration",
};

const ITERATION: Quantity = quantity((value) => (Number.isInteger(value) ? String(value) : ""), String);

export const axisQuantity = (axis: Axis): Quantity => (axis === "iteration" ? ITERATION : COUNT);
