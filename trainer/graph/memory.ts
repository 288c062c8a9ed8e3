/**
 * @file Predicts how much memory a model takes while it runs: which tensors exist at once when onnxruntime runs the
 * nodes one after another. Follows onnxruntime's node order and its plan for sharing buffers.
 */
import type { NodeProto } from "./onnx.js";

export interface GraphMemory {
  /** The most bytes of tensors at once: inputs, outputs, intermediate results, and constants inside the model. */
  readonly peakBytes: number;
  /** Bytes of tensors that the model maps from files. */
  readonly frozenBytes: number;
}

/** A tensor's bytes, and what must be equal for two tensors to share a buffer. */
export interface TensorSize {
  readonly bytes: number;
  readonly kind: string;
}

/** Operators that return their first input's memory under another shape. */
const ALIASES: ReadonlySet<string> = new Set(["Identity", "Reshape"]);

/**
 * Operators that onnxruntime's cpu kernels run in place, on an input of the same size that no other node needs.
 * Arithmetic is not among them.
 */
const IN_PLACE: ReadonlySet<string> = new Set([
  "Cast",
  "Clip",
  "HardSigmoid",
  "Relu",
  "Sigmoid",
  "Softmax",
  "LogSoftmax",
  "Softplus",
  "Tanh",
]);

/**
 * The memory a node takes while it runs, besides its outputs: a selection first makes both its sides, at least in the
 * condition's shape.
 */
function scratchOf({ opType, input }: NodeProto, sizeOf: (tensor: string) => TensorSize): number {
  if (opType !== "Where") return 0;
  const [condition = 0, ...sides] = input.map((tensor) => sizeOf(tensor).bytes);
  return sides.reduce((sum, side) => sum + Math.max(side, 4 * condition), 0);
}

/**
 * The order in which onnxruntime runs nodes: depth first from the nodes that no other node reads. The last of these
 * comes first, and so does the last of a node's producers.
 */
export function executionOrder(nodes: readonly NodeProto[]): NodeProto[] {
  const producers = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const tensor of node.output) producers.set(tensor, i);
  });
  const makers = nodes.map(({ input }) => {
    const found = input.flatMap((tensor) => producers.get(tensor) ?? []);
    return [...new Set(found)].sort((a, b) => a - b);
  });
  const read = new Set(makers.flat());
  const order: NodeProto[] = [];
  const visited = new Set<number>();
  const stack = nodes.flatMap((_, i) => (read.has(i) ? [] : [{ i, leaving: false }]));
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { i, leaving } = top;
    if (leaving) order.push(nodes[i] as NodeProto);
    else if (!visited.has(i)) {
      visited.add(i);
      stack.push({ i, leaving: true });
      for (const maker of makers[i] ?? []) if (!visited.has(maker)) stack.push({ i: maker, leaving: false });
    }
  }
  return order;
}

interface Buffer extends TensorSize {
  /** How many reads are still to come. */
  uses: number;
  /** An output of the model: shares no buffer, and lives until the end. */
  readonly lasting: boolean;
  /** The first and the last node that needs it. */
  readonly first: number;
  last: number;
}

/** An input or a constant, not counted here. */
const LASTING: Buffer = { bytes: 0, kind: "", uses: 0, lasting: true, first: 0, last: 0 };

/** The most bytes that the nodes' results take at once. */
export function peakOf(
  nodes: readonly NodeProto[],
  sizeOf: (tensor: string) => TensorSize,
  outputs: ReadonlySet<string>,
): number {
  const order = executionOrder(nodes);
  const uses = new Map<string, number>();
  for (const { input } of order) for (const tensor of input) uses.set(tensor, (uses.get(tensor) ?? 0) + 1);
  const buffers: Buffer[] = [];
  const where = new Map<string, Buffer>();
  /**
   * Free buffers, the latest first. onnxruntime gives one to the next tensor of the same shape, and holds it until
   * then.
   */
  const free: Buffer[] = [];

  const shared = ({ opType, input }: NodeProto, tensor: string): Buffer | undefined => {
    const size = sizeOf(tensor);
    const [first] = input;
    if (ALIASES.has(opType) && first !== undefined) return where.get(first) ?? { ...LASTING };
    if (IN_PLACE.has(opType)) {
      for (const candidate of input) {
        const buffer = where.get(candidate);
        if (buffer && !buffer.lasting && buffer.uses === 1 && sizeOf(candidate).kind === size.kind) return buffer;
      }
    }
    const at = free.findIndex((buffer) => buffer.kind === size.kind);
    return at < 0 ? undefined : free.splice(at, 1)[0];
  };

  const scratch = order.map((node) => scratchOf(node, sizeOf));
  order.forEach((node, step) => {
    for (const tensor of node.output) {
      const lasting = outputs.has(tensor);
      let buffer = lasting ? undefined : shared(node, tensor);
      if (!buffer) {
        buffer = { ...sizeOf(tensor), uses: 0, lasting, first: step, last: lasting ? order.length : step };
        buffers.push(buffer);
      }
      buffer.uses += uses.get(tensor) ?? 0;
      where.set(tensor, buffer);
    }
    const touched = new Set<Buffer>();
    for (const tensor of node.input) {
      const buffer = where.get(tensor);
      if (!buffer) continue;
      buffer.uses--;
      touched.add(buffer);
    }
    for (const tensor of node.output) touched.add(where.get(tensor) as Buffer);
    for (const buffer of touched) {
      if (buffer.lasting) continue;
      buffer.last = Math.max(buffer.last, step);
      if (buffer.uses === 0) free.unshift(buffer);
    }
  });

  const changes = new Float64Array(order.length + 2);
  for (const { bytes, first, last } of buffers) {
    changes[first] = (changes[first] ?? 0) + bytes;
    changes[last + 1] = (changes[last + 1] ?? 0) - bytes;
  }
  let [now, peak] = [0, 0];
  changes.forEach((change, step) => {
    now += change;
    peak = Math.max(peak, now + (scratch[step] ?? 0));
  });
  return peak;
}
