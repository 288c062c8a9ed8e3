/** @file The onnxruntime learner: a model's functions as graphs, in a runtime's worker thread. */
import { type Program, startRuntime } from "../../graph/index.js";
import type { Learner, LearnerOptions } from "../learner.js";
import { type Model, variableNames } from "../models.js";
import { headGraphs } from "./heads.js";
import { sacGraphs } from "./sac.js";

export async function openOnnxLearner(model: Model, { device, threads }: LearnerOptions): Promise<Learner> {
  const graphs = model.kind === "sac" ? sacGraphs(model) : headGraphs(model);
  const runtime = await startRuntime({ device, threads });
  const programs = new Map<string, Promise<Program>>();
  /** Builds and loads a function on its first call: a run uses few of a model's functions. */
  const program = (name: string): Promise<Program> => {
    const known = programs.get(name);
    if (known !== undefined) return known;
    const graph = graphs.get(name)?.();
    if (graph === undefined) return Promise.reject(new Error(`the model has no function "${name}"`));
    const loading = runtime.load({ bytes: graph.serialize(name) }, graph.binding);
    programs.set(name, loading);
    return loading;
  };
  return {
    description: `onnxruntime, ${runtime.device}`,
    call: async (name, feeds) => (await program(name)).run(feeds),
    get: () => runtime.get(variableNames(model)),
    set: (variables) => runtime.set(variables),
    close: () => runtime.close(),
  };
}
