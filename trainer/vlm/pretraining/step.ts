/**
 * @file A step of pre-training as a graph: parameters stored back to back in a variable, one AdamW update on a sum of
 * losses.
 */
import { at } from "../../at.js";
import {
  adam,
  adamVariables,
  assignAdam,
  clipByGlobalNorm,
  Graph,
  gradients,
  type Layout,
  layoutSize,
  type Value,
  views,
} from "../../graph/index.js";
import { type Scope, scopeOf } from "../layers/scope.js";
import { type Built, built } from "../training/program-cache.js";

/** The runtime's variable with the parameters. */
export const PRETRAINED = "pretrained";

const GRADIENT_LIMIT = 1;
const OPTIMIZER = { weightDecay: 0.01, beta1: 0.9, beta2: 0.98 };

function viewed(graph: Graph, flat: Value, layout: Layout): Scope {
  const all = views(flat, layout);
  return scopeOf(graph, (name) => {
    const value = all.get(name);
    if (value === undefined) throw new Error(`no parameter ${name}`);
    return value;
  });
}

/** A scope over the runtime's current parameters. */
export const pretrainedScope = (graph: Graph, layout: Layout): Scope =>
  viewed(graph, graph.variable(PRETRAINED, [layoutSize(layout)]), layout);

export interface Losses {
  readonly total: Value;
  /** By name, for display. */
  readonly parts: Readonly<Record<string, Value>>;
}

/** One AdamW step on `total`; outputs each of the parts. */
export function pretrainingStep(layout: Layout, losses: (scope: Scope) => Losses): Built {
  const graph = new Graph();
  const state = adamVariables(graph, PRETRAINED, layoutSize(layout));
  const { total, parts } = losses(viewed(graph, state.parameters, layout));
  const flat = at(gradients(total, [state.parameters]), 0);
  const { gradient } = clipByGlobalNorm(flat, GRADIENT_LIMIT);
  assignAdam(graph, PRETRAINED, adam(state, gradient, { ...OPTIMIZER, learningRate: graph.input("learningRate", []) }));
  for (const [name, value] of Object.entries(parts)) graph.output(`${name} loss`, value);
  return built(graph);
}
