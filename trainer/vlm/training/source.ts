/** @file The source of parameters for a model's graphs: as on disk, or as training has changed them. */
import { Graph, layoutSize } from "../../graph/index.js";
import { type Scope, scopeOf, type Watcher } from "../layers/scope.js";
import { type ModelParameters, storedParameters, type Trainable, trainedParameters } from "../weights/parameters.js";
import { type Built, built } from "./program-cache.js";

/** The runtime's variable with the trained parameters. */
export const TRAINED = "trained";

export interface Source {
  readonly parameters: ModelParameters;
  /** null: all parameters are as on disk. */
  readonly trainable: Trainable | null;
}

/** A scope over the current parameters. */
export function currentScope(graph: Graph, { parameters, trainable }: Source, watcher?: Watcher): Scope {
  const base = storedParameters(graph, parameters);
  if (trainable === null) return scopeOf(graph, base, watcher);
  const flat = graph.variable(TRAINED, [layoutSize(trainable.layout)]);
  return scopeOf(graph, trainedParameters(base, trainable, flat), watcher);
}

/** A graph over a model's parameters as a program. */
export const placed = (graph: Graph, { parameters }: Source): Built =>
  built(graph, parameters.weights.placement(parameters.shapes));

/** A program over the current parameters. */
export function programOf(source: Source, build: (scope: Scope) => void, watcher?: (graph: Graph) => Watcher): Built {
  const graph = new Graph();
  build(currentScope(graph, source, watcher?.(graph)));
  return placed(graph, source);
}
