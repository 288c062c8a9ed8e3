/** @file The public API of the graph builder and the runtime. */

export { type ChosenDevice, chooseDevice, type DeviceReport, parseDevice, probeDevices } from "./device.js";
export * from "./flat.js";
export { gradients } from "./gradients.js";
export { type ExternalData, Graph, stopGradient, Value } from "./graph.js";
export * from "./losses.js";
export { type MatMulFloor, matMulFloor, type Product } from "./matmul-floor.js";
export type { GraphMemory } from "./memory.js";
export type { ValueType } from "./onnx.js";
export * from "./operators/activations.js";
export {
  add,
  divide,
  maximum,
  minimum,
  multiply,
  negate,
  type Operand,
  power,
  square,
  subtract,
} from "./operators/arithmetic.js";
export * from "./operators/indexing.js";
export * from "./operators/matrix.js";
export * from "./operators/normalization.js";
export * from "./operators/reductions.js";
export * from "./operators/rotary.js";
export * from "./operators/selection.js";
export * from "./operators/structure.js";
export * from "./optimizers.js";
export * from "./runtime.js";
export { type Shape, sizeOf } from "./shapes.js";
export { startRuntime } from "./start-runtime.js";
export { type StoredFloat, stored } from "./stored.js";
