/**
 * @file Finds a network's parameters (in order of first use), its linear layers, and what each of its stages depends
 * on, by building it once without weights. So no separate list of parameters exists.
 */
import { Graph, type Shape } from "../../graph/index.js";
import { type Scope, scopeOf } from "../layers/scope.js";
import type { LinearModule } from "./lora.js";

export interface ParameterShape {
  readonly name: string;
  readonly shape: Shape;
}

/** A model's parameters and layers, from its configuration alone. */
export interface ModelShape {
  /** Every parameter, by its name in the module tree. */
  readonly shapes: readonly ParameterShape[];
  /** Every linear layer, in the model's order: LoRA's possible targets. */
  readonly modules: readonly LinearModule[];
}

export interface Stage {
  readonly name: string;
  /** Parameters that the stage's value depends on. */
  readonly before: readonly string[];
}

export interface Recording extends ModelShape {
  readonly stages: readonly Stage[];
}

/** Builds a network with its parameters as inputs. */
export function record(network: (scope: Scope) => void): Recording {
  const graph = new Graph();
  const shapes: ParameterShape[] = [];
  const modules: LinearModule[] = [];
  const stages: Stage[] = [];
  const scope = scopeOf(
    graph,
    (name, shape) => {
      shapes.push({ name, shape });
      return graph.input(name, shape);
    },
    {
      stage: (name, value) => {
        stages.push({ name, before: shapes.map((own) => own.name) });
        return value;
      },
    },
  );
  const known = new Set<string>();
  const weight: Scope["weight"] = (path, outputs, inputs) => {
    if (!known.has(path)) modules.push({ path, outputs, inputs });
    known.add(path);
    return scope.weight(path, outputs, inputs);
  };
  network({ ...scope, weight });
  return { shapes, modules, stages };
}
