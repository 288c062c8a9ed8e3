/**
 * @file The order in which nodes are written. onnxruntime runs them depth first from the last one, and of a node's
 * producers it runs the last in the model first. So the order decides how long tensors stay in memory.
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

/** A model's constants, and which of them are in files. */
export interface Constants {
  readonly all: ReadonlySet<string>;
  readonly stored: ReadonlySet<string>;
}

/** For each node the longest path to it; 0 where it depends on stored constants alone. */
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

/** The nodes that compute gathered values, and nothing else, with the depth of those values. */
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
 * Orders nodes so that each comes after its producers. Shallow nodes go first, so that a cast of a weight or a part of
 * a derivative is computed just before its use. What `gathering` nodes concatenate (the gradients of many parameters)
 * is computed as early as possible: what is nearest to the loss is last in the model, and so first in a run.
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
  // Nodes after a gathered value belong to the next phase: one run may make several training steps.
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
  /**
   * Within a phase: first nodes that neither gather nor are gathered, then gathered ones, then gathering ones,
   * innermost first.
   */
  const rank = (node: NodeProto): number => levels.get(node) ?? (gathered.has(node) ? 0 : -1);
  const late = (node: NodeProto): number => gathered.get(node) ?? 0;
  return [...nodes].sort(
    (a, b) =>
      (phases.get(a) ?? 0) - (phases.get(b) ?? 0) ||
      rank(a) - rank(b) ||
      (rank(a) < 0 ? depth(a) - depth(b) : late(b) - late(a)),
  );
}
