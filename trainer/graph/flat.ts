/**
 * @file Many parameters as one flat vector, so that an optimizer updates all of them in a dozen nodes. In the graph,
 * the named tensors are views of the vector (a split and reshapes); concatenation turns their gradients into the
 * vector's gradient.
 */
import type { Value } from "./graph.js";
import { reshape, split } from "./operators/structure.js";
import { type Shape, showShape, sizeOf } from "./shapes.js";

export interface Parameter {
  readonly name: string;
  readonly shape: Shape;
}

/** In the vector's order. */
export type Layout = readonly Parameter[];

export const layoutSize = (layout: Layout): number => layout.reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** The named tensors of a flat vector value. */
export function views(flat: Value, layout: Layout): ReadonlyMap<string, Value> {
  if (flat.shape.length !== 1 || flat.shape[0] !== layoutSize(layout)) {
    throw new RangeError(`the layout has ${layoutSize(layout)} numbers, not ${showShape(flat.shape)}`);
  }
  const parts = split(
    flat,
    0,
    layout.map(({ shape }) => sizeOf(shape)),
  );
  return new Map(layout.map(({ name, shape }, i) => [name, reshape(parts[i] as Value, shape)]));
}

/** Fills a new flat vector from named arrays. */
export function pack(layout: Layout, tensors: (name: string, shape: Shape) => Float32Array): Float32Array {
  const flat = new Float32Array(layoutSize(layout));
  let offset = 0;
  for (const { name, shape } of layout) {
    const data = tensors(name, shape);
    if (data.length !== sizeOf(shape))
      throw new RangeError(`${name}: ${data.length} numbers do not fill ${showShape(shape)}`);
    flat.set(data, offset);
    offset += data.length;
  }
  return flat;
}

/** The named parts of a flat vector, as views of its memory. */
export function unpack(layout: Layout, flat: Float32Array): Map<string, Float32Array> {
  const parts = new Map<string, Float32Array>();
  let offset = 0;
  for (const { name, shape } of layout) {
    parts.set(name, flat.subarray(offset, offset + sizeOf(shape)));
    offset += sizeOf(shape);
  }
  return parts;
}
