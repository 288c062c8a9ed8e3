/**
 * @file The interface that networks are written against: it supplies their parameters, and lets others observe their
 * intermediate values.
 */
import type { Graph, Shape, Value } from "../../graph/index.js";

export interface Scope {
  readonly graph: Graph;
  /** The parameter with this name in the directory's files. */
  parameter(name: string, shape: Shape): Value;
  /** The weight [outputs, inputs] of the linear layer at `path`; LoRA may change it. */
  weight(path: string, outputs: number, inputs: number): Value;
  /** Reports an intermediate value, under its name in the reference numbers. */
  observe(name: string, value: Value): void;
  /**
   * Like `observe`, at a point that everything later depends on alone. If nothing before it is trained, training may
   * start here: then this returns an input in place of the value.
   */
  stage(name: string, value: Value): Value;
}

export type ParameterSource = (name: string, shape: Shape) => Value;

export interface Watcher {
  readonly observe?: Scope["observe"];
  readonly stage?: Scope["stage"];
}

/** A scope over a source of parameters. Each parameter is made once. */
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
