/**
 * @file Frozen weights that stay in their file. Half-precision weights are cast to float32 where they are used, once
 * for the forward pass and again for the backward pass: a shared cast would keep every weight's copy until the end of
 * the step.
 */
import type { ExternalData, Graph, Value } from "./graph.js";
import type { Shape } from "./shapes.js";

/** The types in which a file may store a weight. */
export type StoredFloat = "float32" | "float16" | "bfloat16";

/** The float32 value of a tensor in a file. */
export function stored(graph: Graph, shape: Shape, type: StoredFloat, place: ExternalData): Value {
  const tensor = graph.external(shape, type, place);
  return type === "float32" ? tensor : graph.widen(tensor);
}

/**
 * The same numbers for use in a gradient: a half-precision stored weight is cast again, a value with a declared remake
 * is recomputed, any other value is returned unchanged.
 */
export function again(x: Value, use: Value): Value {
  const half = x.graph.halfOf(x);
  return half ? x.graph.widen(half, use.name) : (x.graph.remadeOf(x) ?? x);
}
