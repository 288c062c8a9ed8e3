/** @file Compares an adapter with its reference run: its first loss, logits and gradients, then steps of AdamW. */
import path from "node:path";
import { z } from "zod";
import { at } from "../../at.js";
import { SafetensorsFile } from "../../files/safetensors.js";
import {
  adam,
  adamVariables,
  assignAdam,
  Graph,
  gradients,
  layoutSize,
  pack,
  unpack,
  type Value,
} from "../../graph/index.js";
import { float32, floats, scalar, type Tensors } from "../../tensor.js";
import type { ParameterSource } from "../layers/scope.js";
import { built } from "../training/program-cache.js";
import { TRAINED } from "../training/source.js";
import { readAdapter } from "../weights/lora.js";
import {
  adapterValues,
  loraTrainable,
  storedParameters,
  type Trainable,
  trainedParameters,
} from "../weights/parameters.js";
import type { Comparison } from "./comparison.js";
import type { Bench } from "./run-once.js";
import { GRADIENT, TOLERANCE, WEIGHT } from "./tolerances.js";

export const adamwSchema = z.looseObject({
  lr: z.number(),
  betas: z.tuple([z.number(), z.number()]),
  eps: z.number(),
  weight_decay: z.number(),
});

export interface AdapterRun extends Bench {
  readonly golden: string;
  readonly comparison: Comparison;
  /** Name of the adapter's folder in golden, and of its .safetensors file with the reference numbers. */
  readonly name: string;
  readonly adamw: z.infer<typeof adamwSchema>;
  /** The loss before each step, and after the last. */
  readonly losses: readonly number[];
  readonly feeds: Tensors;
  forward(graph: Graph, source: ParameterSource): { readonly loss: Value; readonly logits: Value };
  /** Called with the logits "before", "after_1", …, if the reference has them. */
  compareLogits(label: string, logits: Float32Array): void;
}

export interface Followed {
  readonly trainable: Trainable;
  /** After the last step. */
  readonly trained: Float32Array;
  /** Loads the adapter into the runtime as it is in its file. */
  reset(): Promise<void>;
}

/** An adapter of the golden folder: the parameters it trains, and their values. */
export function openAdapter({ golden, parameters, name }: Pick<AdapterRun, "golden" | "parameters" | "name">) {
  const adapter = readAdapter(path.join(golden, name), parameters.modules);
  const trainable = loraTrainable(parameters, { ...adapter.config, targets: [...adapter.pairs.keys()] });
  const values = adapterValues(adapter);
  const start = pack(trainable.layout, (key) => {
    const value = values.get(key);
    if (value === undefined) throw new Error(`the adapter has no ${key}`);
    return value;
  });
  return { trainable, start };
}

export async function followAdapter(run: AdapterRun): Promise<Followed> {
  const { golden, name, parameters, runtime, comparison, adamw, losses } = run;
  const { trainable, start } = openAdapter(run);
  const { layout } = trainable;
  const size = layoutSize(layout);
  const reset = (): Promise<void> =>
    runtime.set({
      [TRAINED]: float32(start),
      [`${TRAINED}.first`]: float32(new Float32Array(size)),
      [`${TRAINED}.second`]: float32(new Float32Array(size)),
      [`${TRAINED}.step`]: scalar(0),
    });
  const expected = SafetensorsFile.open(path.join(golden, `${name}.safetensors`));
  await reset();
  const graph = new Graph();
  const state = adamVariables(graph, TRAINED, size);
  const source = trainedParameters(storedParameters(graph, parameters), trainable, state.parameters);
  const { loss, logits } = run.forward(graph, source);
  const gradient = at(gradients(loss, [state.parameters]), 0);
  const next = adam(state, gradient, {
    learningRate: adamw.lr,
    beta1: adamw.betas[0],
    beta2: adamw.betas[1],
    epsilon: adamw.eps,
    weightDecay: adamw.weight_decay,
  });
  assignAdam(graph, TRAINED, next);
  graph.output("logits", logits);
  graph.output("loss", loss);
  graph.output("gradient", gradient);
  const { model, binding } = built(graph, parameters.weights.placement(parameters.shapes));
  const program = await runtime.load(model, binding);
  // A reference without steps has its only gradient under the plain name.
  const firstGradient = (key: string): Float32Array =>
    expected.readFloats(losses.length > 1 ? `gradient_0.${key}` : `gradient.${key}`);
  let trained: Float32Array = start;
  for (let step = 0; step < losses.length; step++) {
    const found = await program.run(run.feeds);
    const reference = Float32Array.of(at(losses, step));
    comparison.close(`${name} loss ${step}`, floats(found, "loss"), reference, TOLERANCE.runLoss);
    run.compareLogits(step === 0 ? "before" : `after_${step}`, floats(found, "logits"));
    if (step === 0) {
      for (const [key, own] of unpack(layout, floats(found, "gradient"))) {
        comparison.gradient(`${name} gradient ${key}`, own, firstGradient(key), GRADIENT);
      }
    }
    if (step === losses.length - 1) break;
    trained = floats(await runtime.get([TRAINED]), TRAINED);
    for (const [key, weights] of unpack(layout, trained)) {
      const first = firstGradient(key);
      comparison.close(
        `${name} step ${step + 1} ${key}`,
        weights,
        expected.readFloats(`after_${step + 1}.${key}`),
        (i) => (Math.abs(at(first, i)) < WEIGHT.tinyGradient ? WEIGHT.tiny : WEIGHT.usual),
      );
    }
  }
  await program.release();
  return { trainable, trained, reset };
}
