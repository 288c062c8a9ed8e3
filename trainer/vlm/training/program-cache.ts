/**
 * @file Programs by their shapes: loaded when first needed; the least recently used one is dropped when there are many.
 */
import type { Graph, Shape, StoredWeights } from "../../graph/index.js";
import type { Binding, Model, Program, Runtime } from "../../graph/runtime.js";

export interface Built {
  readonly graph: Graph;
  readonly model: Model;
  readonly binding: Binding;
}

/** A graph as a program; `weights` where it reads parameters from files. */
export const built = (graph: Graph, weights?: StoredWeights): Built => ({
  graph,
  model: { bytes: graph.serialize(), ...(weights === undefined ? {} : { weights }) },
  binding: graph.binding,
});

/** Rounds up to few sizes, so that few graphs are built: powers of two up to 64, then multiples of 64. */
export function bucket(count: number): number {
  return count <= 64 ? 2 ** Math.ceil(Math.log2(Math.max(1, count))) : Math.ceil(count / 64) * 64;
}

const MOST = 64;
/** Limit where each program has its own copy of a large model's weights. */
const MOST_COPIES = 4;

/** An input of a program; the graph itself is not kept. */
export interface Input {
  readonly name: string;
  readonly shape: Shape;
}

interface Loaded {
  readonly program: Promise<Program>;
  readonly inputs: readonly Input[];
}

export class Programs {
  /** In the order of use. */
  private readonly loaded = new Map<string, Loaded>();

  private readonly most: number;

  constructor(
    private readonly runtime: Runtime,
    { inPlace }: StoredWeights,
  ) {
    // Only the cpu uses weights in place; on a GPU, each program has its own copy.
    this.most = inPlace && runtime.device !== "cpu" ? MOST_COPIES : MOST;
  }

  async get(
    key: string,
    build: () => Built,
  ): Promise<{ readonly program: Program; readonly inputs: readonly Input[] }> {
    const known = this.loaded.get(key);
    this.loaded.delete(key);
    const loaded = known ?? this.load(key, build());
    this.loaded.set(key, loaded);
    return { program: await loaded.program, inputs: loaded.inputs };
  }

  private load(key: string, { graph, model, binding }: Built): Loaded {
    const inputs = graph.signature.inputs.map(({ name, shape }) => ({ name, shape }));
    // Room is made first, so that there are never more copies of the weights.
    const program = this.makeRoom().then(() => this.runtime.load(model, binding));
    const loaded = { program, inputs };
    program.catch(() => {
      if (this.loaded.get(key) === loaded) this.loaded.delete(key);
    });
    return loaded;
  }

  /** Drops the least recently used program where there is no place for another one. */
  private async makeRoom(): Promise<void> {
    const [oldest] = this.loaded;
    if (this.loaded.size < this.most || oldest === undefined) return;
    this.loaded.delete(oldest[0]);
    await (await oldest[1].program).release();
  }
}
