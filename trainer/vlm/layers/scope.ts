/** @file What a network is written against: where its parameters come from, and who looks on while it is built. */
import type { Graph, Shape, Value } from "../../graph/index.js";

export interface Scope {
  readonly graph: Graph;
  /** The parameter of that name in the directory's files. */
  parameter(name: string, shape: Shape): Value;
  /** The weight [outputs, inputs] of the linear layer at `path`: what LoRA may change. */
  weight(path: string, outputs: number, inputs: number): Value;
  /** Tells an intermediate value, under the name that the reference numbers have for it. */
  observe(name: string, value: Value): void;
  /**
   * As `observe`, at a point that everything later follows from alone. Where nothing before it is trained, training may start
   * here: what is returned then is an input in the value's place.
   */
  stage(name: string, value: Value): Value;
}

export type ParameterSource = (name: string, shape: Shape) => Value;

export interface Watcher {
  readonly observe?: Scope["observe"];
  readonly stage?: Scope["stage"];
}

/** A scope over a source of parameters. Each is made once. */
export function scopeOf(graph: Graph, source: ParameterSource, watcher: Watcher = {}): Scope {
  const made = new Map<string, Value>();
  const parameter: ParameterSource = (name, shape) => {
    const value = made.get(name) ?? source(name, shape);
    made.set(name, value);
    return value;
  };
  return {
    graph,
    parameter,
    weight: (path, outputs, inputs) => parameter(`${path}.weight`, [outputs, inputs]),
    observe: (name, value) => watcher.observe?.(name, value),
    stage: (name, value) => {
      watcher.observe?.(name, value);
      return watcher.stage?.(name, value) ?? value;
    },
  };
}
