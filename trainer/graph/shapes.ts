/** @file Arithmetic of static shapes: sizes, numpy's broadcasting, axes counted from the end. */

export type Shape = readonly number[];

export const sizeOf = (shape: Shape): number => shape.reduce((product, length) => product * length, 1);

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((length, i) => length === b[i]);

export const showShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** The length of `axis` (negative: from the end). */
export function lengthOf(shape: Shape, axis: number): number {
  const length = shape.at(axis);
  if (length === undefined) throw new RangeError(`a tensor of shape ${showShape(shape)} has no axis ${axis}`);
  return length;
}

/** An axis as a non-negative number. */
export function normalAxis(shape: Shape, axis: number): number {
  lengthOf(shape, axis);
  return axis < 0 ? axis + shape.length : axis;
}

/** Axes as non-negative, ascending numbers; no axes given means all. */
export function normalAxes(shape: Shape, axes?: number | readonly number[]): number[] {
  const list = axes === undefined ? shape.map((_, i) => i) : typeof axes === "number" ? [axes] : [...axes];
  return list.map((axis) => normalAxis(shape, axis)).sort((a, b) => a - b);
}

/** The shape that all of `shapes` broadcast to. */
export function broadcast(...shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let length = 1;
    for (const shape of shapes) {
      const side = shape[axis - rank + shape.length] ?? 1; // a shape of lower rank gets leading ones
      if (side !== 1 && length !== 1 && side !== length) {
        throw new RangeError(`shapes ${shapes.map(showShape).join(" and ")} do not broadcast`);
      }
      if (side !== 1) length = side;
    }
    return length;
  });
}
