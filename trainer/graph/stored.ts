/**
 * @file Frozen weights that stay in their file. Those of half precision are cast to float32 where they are used, once for the
 * forward pass and once more for the backward pass: a cast that both share would keep every weight's copy until the step is over.
 */
import type { ExternalData, Graph, Value } from "./graph.js";
import type { Shape } from "./shapes.js";

/** How a file may hold a weight. */
export type StoredFloat = "float32" | "float16" | "bfloat16";

/** The float32 value of a tensor that lies in a file. */
export function stored(graph: Graph, shape: Shape, type: StoredFloat, place: ExternalData): Value {
  const tensor = graph.external(shape, type, place);
  return type === "float32" ? tensor : graph.widen(tensor);
}

/** The same value for a gradient's use: a stored weight of half precision is cast anew, others may have been made twice; all else is what it was. */
export function again(x: Value, use: Value): Value {
  const half = x.graph.halfOf(x);
  return half ? x.graph.widen(half, use.name) : (x.graph.remadeOf(x) ?? x);
}
