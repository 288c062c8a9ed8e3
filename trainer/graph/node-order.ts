/**
 * @file The order that nodes are written in. onnxruntime runs them depth first from the last, and of a node's makers first those that
 * come last in the model: so the order decides how long tensors are kept.
 */
import type { NodeProto } from "./onnx.js";

interface Links {
  readonly producers: ReadonlyMap<string, NodeProto>;
  readonly consumers: ReadonlyMap<string, readonly NodeProto[]>;
}

function linksOf(nodes: readonly NodeProto[]): Links {
  const producers = new Map<string, NodeProto>();
  const consumers = new Map<string, NodeProto[]>();
  for (const node of nodes) {
    for (const tensor of node.output) producers.set(tensor, node);
    for (const tensor of node.input) consumers.set(tensor, [...(consumers.get(tensor) ?? []), node]);
  }
  return { producers, consumers };
}

/** A model's constants, and those of them that lie in files. */
export interface Constants {
  readonly all: ReadonlySet<string>;
  readonly stored: ReadonlySet<string>;
}

/** Of each node the longest way to it; 0 where it follows from stored constants alone. */
function depthsOf(
  nodes: readonly NodeProto[],
  { producers }: Links,
  { all, stored }: Constants,
): Map<NodeProto, number> {
  const depths = new Map<NodeProto, number>();
  const early = new Set(stored);
  for (const node of nodes) {
    const { input, output } = node;
    if (input.some((tensor) => early.has(tensor)) && input.every((tensor) => early.has(tensor) || all.has(tensor))) {
      for (const tensor of output) early.add(tensor);
      depths.set(node, 0);
    } else {
      const before = input.map((tensor) => depths.get(producers.get(tensor) as NodeProto) ?? 0);
      depths.set(node, 1 + Math.max(0, ...before));
    }
  }
  return depths;
}

/** The nodes that make what is gathered, for that alone, with the depth of what is gathered. */
function gatheredBy(
  gathering: ReadonlySet<NodeProto>,
  { producers, consumers }: Links,
  depths: ReadonlyMap<NodeProto, number>,
): Map<NodeProto, number> {
  const gathered = new Map<NodeProto, number>();
  const visit = (tensor: string): number => {
    const node = producers.get(tensor);
    if (node === undefined || gathering.has(node)) return 0;
    const others = node.output.flatMap((own) => consumers.get(own) ?? []);
    const isReshape = (other: NodeProto): boolean => other.opType === "Reshape" && gathered.has(other);
    if (!others.every((other) => gathering.has(other) || isReshape(other))) return 0;
    gathered.set(node, 0);
    const [source] = node.input;
    const below = node.opType === "Reshape" && source !== undefined ? visit(source) : 0;
    const depth = below === 0 ? (depths.get(node) ?? 0) : below;
    gathered.set(node, depth);
    return depth;
  };
  for (const { input } of gathering) for (const tensor of input) visit(tensor);
  return gathered;
}

/**
 * Nodes in an order in which each comes after its makers. What little is before goes first, so that a cast of a weight or a part of a derivative
 * is made just before its use, and not long before. What `gathering` nodes put together (the gradients of many parameters) is made as soon
 * as it can be: what is nearest to the loss last in the model, and so first in a run.
 */
export function orderNodes(
  nodes: readonly NodeProto[],
  constants: Constants,
  gathering: ReadonlySet<NodeProto>,
): NodeProto[] {
  const links = linksOf(nodes);
  const depths = depthsOf(nodes, links, constants);
  const depth = (node: NodeProto): number => depths.get(node) ?? 0;
  const gathered = gatheredBy(gathering, links, depths);
  const makersOf = ({ input }: NodeProto): NodeProto[] => input.flatMap((tensor) => links.producers.get(tensor) ?? []);
  // What follows from something gathered is of the next phase: a run may make several steps one after another.
  const phases = new Map<NodeProto, number>();
  const levels = new Map<NodeProto, number>();
  for (const node of nodes) {
    const gathers = gathering.has(node);
    const makers = makersOf(node);
    const after = (maker: NodeProto): number => (phases.get(maker) ?? 0) + Number(gathering.has(maker) && !gathers);
    phases.set(node, Math.max(0, ...makers.map(after)));
    if (!gathers) continue;
    levels.set(node, 1 + Math.max(0, ...makers.map((maker) => levels.get(maker) ?? 0)));
    gathered.set(node, Math.max(0, ...makers.map((maker) => gathered.get(maker) ?? 0)));
  }
  /** Within a phase: what is neither gathered nor gathers, what is gathered, and what gathers, from the inside out. */
  const rank = (node: NodeProto): number => levels.get(node) ?? (gathered.has(node) ? 0 : -1);
  const late = (node: NodeProto): number => gathered.get(node) ?? 0;
  return [...nodes].sort(
    (a, b) =>
      (phases.get(a) ?? 0) - (phases.get(b) ?? 0) ||
      rank(a) - rank(b) ||
      (rank(a) < 0 ? depth(a) - depth(b) : late(b) - late(a)),
  );
}
