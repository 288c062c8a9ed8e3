/** @file Programs by their shapes: loaded when first needed, the one unused longest dropped when there are many. */
import type { Graph, StoredWeights } from "../../graph/index.js";
import type { Binding, Model, Program, Runtime } from "../../graph/runtime.js";

export interface Built {
  readonly graph: Graph;
  readonly model: Model;
  readonly binding: Binding;
}

/** A graph as a program; `weights` where it takes parameters from files. */
export const built = (graph: Graph, weights?: StoredWeights): Built => ({
  graph,
  model: { bytes: graph.serialize(), ...(weights === undefined ? {} : { weights }) },
  binding: graph.binding,
});

const MOST = 48;

export class Programs {
  /** In the order of use. */
  private readonly loaded = new Map<string, Promise<Program>>();

  constructor(private readonly runtime: Runtime) {}

  async get(key: string, build: () => Built): Promise<Program> {
    let program = this.loaded.get(key);
    this.loaded.delete(key);
    if (program === undefined) {
      const { model, binding } = build();
      program = this.runtime.load(model, binding);
    }
    this.loaded.set(key, program);
    const [oldest] = this.loaded;
    if (this.loaded.size > MOST && oldest !== undefined) {
      this.loaded.delete(oldest[0]);
      await (await oldest[1]).release();
    }
    return program;
  }
}
