/** @file The onnxruntime learner: a model's functions as graphs, in a runtime's worker thread. */
import { type Program, startRuntime } from "../../graph/index.js";
import type { Learner, LearnerOptions } from "../learner.js";
import { type Model, variableNames } from "../models.js";
import { headGraphs } from "./heads.js";
import { sacGraphs } from "./sac.js";

export async function openOnnxLearner(model: Model, { device, threads }: LearnerOptions): Promise<Learner> {
  const graphs = model.kind === "sac" ? sacGraphs(model) : headGraphs(model);
  const runtime = await startRuntime({ device, threads });
  try {
    const programs = new Map<string, Program>();
    for (const [name, graph] of graphs) {
      programs.set(name, await runtime.load({ bytes: graph.serialize(name) }, graph.binding));
    }
    return {
      description: `onnxruntime, ${runtime.device}`,
      call: async (name, feeds) => {
        const program = programs.get(name);
        if (program === undefined) throw new Error(`the model has no function "${name}"`);
        return program.run(feeds);
      },
      get: () => runtime.get(variableNames(model)),
      set: (variables) => runtime.set(variables),
      close: () => runtime.close(),
    };
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
