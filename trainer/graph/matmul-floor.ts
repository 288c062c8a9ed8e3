/**
 * @file The lower bound that training steps are compared with: exactly a step's matrix products, forward and backward,
 * as plain MatMul nodes of those shapes in one session.
 */

import { float32, type Tensor } from "../tensor.js";
import { Graph, type Value } from "./graph.js";
import { matMul } from "./operators/matrix.js";
import { concat, reshape, slice } from "./operators/structure.js";
import { type Shape, sizeOf } from "./shapes.js";
import { startRuntime } from "./start-runtime.js";

/** y [m, n] = x [m, k] · w [k, n], with the backward products that the step needs. */
export interface Product {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** dx = dy · wᵀ, dw = xᵀ · dy, both or none. */
  readonly backward?: "none" | "inputs" | "weights" | "both" | undefined;
  /** Products of this shape in one batched node. */
  readonly batch?: number;
  /** Number of such nodes in the step. */
  readonly count?: number;
}

export interface MatMulFloor {
  readonly gigaFlop: number;
  /** The products for display: each shape once, with its count. */
  readonly shapes: readonly string[];
  /** Runs all products once. */
  run(): Promise<void>;
  close(): Promise<void>;
}

type Dimensions = readonly [m: number, k: number, n: number];

function shapesOf({ m, k, n, backward }: Product): Dimensions[] {
  const shapes: Dimensions[] = [[m, k, n]];
  if (backward === "inputs" || backward === "both") shapes.push([m, n, k]);
  if (backward === "weights" || backward === "both") shapes.push([k, m, n]);
  return shapes;
}

/**
 * Left operands of at least this many numbers share one tensor per shape: those of a large model would not fit into
 * memory.
 */
const SHARED_FROM = 2 ** 20;

const PATTERN = Float32Array.from({ length: 101 * 101 }, (_, i) => ((i * 37) % 101) / 101 - 0.5);

export async function matMulFloor(products: readonly Product[], threads: number, device = "cpu"): Promise<MatMulFloor> {
  const graph = new Graph();
  const inputs = new Map<string, Value>();
  const corners: Value[] = [];
  const times = new Map<string, number>();
  let operations = 0;
  const input = (name: string, shape: Shape): Value => {
    const value = inputs.get(name) ?? graph.variable(name, shape);
    inputs.set(name, value);
    return value;
  };
  // As in a model, each product reads its own weights. Large left operands come from memory in any case, so they may be
  // shared.
  const left = (shape: Shape): Value =>
    input(sizeOf(shape) > SHARED_FROM ? `rows ${shape.join(" ")}` : `rows ${inputs.size}`, shape);
  const right = (shape: Shape): Value => input(`weights ${inputs.size}`, shape);
  for (const product of products) {
    const { batch = 1, count = 1 } = product;
    const lead = batch === 1 ? [] : [batch];
    const shapes = shapesOf(product);
    for (let i = 0; i < count; i++) {
      for (const [m, k, n] of shapes) {
        const y = matMul(left([...lead, m, k]), right([...lead, k, n]));
        // One element of each product is an output, so that no product is optimized away and nothing large is copied.
        corners.push(slice(reshape(y, [batch * m * n]), 0, 0, 1));
        operations += 2 * batch * m * k * n;
      }
    }
    const list = shapes.map(([m, k, n]) => `${m}×${k}·${k}×${n}`).join(", ");
    const shape = `${batch === 1 ? "" : `batches of ${batch}: `}${list}`;
    times.set(shape, (times.get(shape) ?? 0) + count);
  }
  graph.output("corners", concat(corners, 0));
  const runtime = await startRuntime({ device, threads });
  await runtime.set(
    Object.fromEntries(
      [...inputs.values()].map(({ name, shape }): [string, Tensor] => {
        const data = new Float32Array(sizeOf(shape));
        for (let start = 0; start < data.length; start += PATTERN.length) {
          data.set(PATTERN.subarray(0, data.length - start), start);
        }
        return [name, float32(data, shape)];
      }),
    ),
  );
  const program = await runtime.load({ bytes: graph.serialize() }, graph.binding);
  return {
    gigaFlop: operations / 1e9,
    shapes: [...times].map(([shape, count]) => (count === 1 ? shape : `${count} × ${shape}`)),
    run: async () => {
      await program.run({});
    },
    close: () => runtime.close(),
  };
}
