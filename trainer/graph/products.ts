/** @file The shapes of a model's matrix products, for the speed floor (matmul-floor.ts). */
import { at } from "../at.js";
import type { NodeProto } from "./onnx.js";
import type { Shape } from "./shapes.js";

/** y [m, n] = x [m, k] · w [k, n], `batch` of them in one node. */
export interface ProductShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly batch: number;
}

const flag = ({ attribute }: NodeProto, name: string): boolean =>
  attribute.some((own) => own.name === name && own.i === 1);

/** The products of each MatMul and Gemm node. */
export function productsOf(nodes: readonly NodeProto[], shapeOf: (tensor: string) => Shape): ProductShape[] {
  return nodes.flatMap((node): ProductShape[] => {
    if (node.opType !== "MatMul" && node.opType !== "Gemm") return [];
    const a = shapeOf(at(node.input, 0));
    const y = shapeOf(at(node.output, 0));
    const [m, n] = [at(y, y.length - 2), at(y, y.length - 1)];
    const k = at(a, flag(node, "transA") ? a.length - 2 : a.length - 1);
    const batch = y.slice(0, -2).reduce((product, size) => product * size, 1);
    return [{ m, k, n, batch }];
  });
}
