/** @file Opens a learner: on onnxruntime, each head on its own threads where there are enough, or on tensorflow.js. */
import { at } from "../at.js";
import type { Tensors } from "../tensor.js";
import type { Learner, LearnerOptions } from "./learner.js";
import type { HeadsModel, Model } from "./models.js";
import { openOnnxLearner } from "./onnx/onnx-learner.js";
import { openTfjsLearner } from "./tfjs/tfjs-learner.js";

export async function openLearner(model: Model, options: LearnerOptions): Promise<Learner> {
  if (options.learner === "tfjs") return openTfjsLearner(model);
  const apart = model.kind === "heads" && model.heads.length > 1 && options.threads >= model.heads.length;
  return apart ? openHeadsApart(model, options) : openOnnxLearner(model, options);
}

/**
 * Gives each head its own threads: heads share nothing, and two threads on one head would wait for each other at every
 * product.
 */
async function openHeadsApart(model: HeadsModel, options: LearnerOptions): Promise<Learner> {
  const threads = Math.floor(options.threads / model.heads.length);
  const opened = new Map<string, Learner>();
  const close = async (): Promise<void> => {
    for (const learner of opened.values()) await learner.close();
  };
  try {
    for (const head of model.heads) {
      opened.set(head, await openOnnxLearner({ ...model, heads: [head] }, { ...options, threads }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const learners = [...opened];
  const belongs = (name: string, head: string): boolean => name.split(/[._]/).includes(head);
  return {
    description: at(learners, 0)[1].description,
    call: async (name, feeds) => {
      const found = learners.find(([head]) => belongs(name, head));
      if (found === undefined) throw new Error(`the model has no function "${name}"`);
      return found[1].call(name, feeds);
    },
    get: async () => Object.assign({}, ...(await Promise.all(learners.map(([, learner]) => learner.get())))) as Tensors,
    set: async (variables) => {
      await Promise.all(
        learners.map(([head, learner]) =>
          learner.set(Object.fromEntries(Object.entries(variables).filter(([name]) => belongs(name, head)))),
        ),
      );
    },
    close,
  };
}
