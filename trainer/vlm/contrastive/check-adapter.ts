/** @file An adapter against its reference run: logits, gradients, three AdamW steps, merging, and a loss with hard negatives. */
import { existsSync } from "node:fs";
import path from "node:path";
import { at } from "../../at.js";
import { SafetensorsFile } from "../../files/safetensors.js";
import {
  type AdamState,
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
import { float32, floats, scalar } from "../../tensor.js";
import { built } from "../training/program-cache.js";
import { TRAINED } from "../training/source.js";
import { GRADIENT, TOLERANCE, WEIGHT } from "../verification/tolerances.js";
import { readAdapter } from "../weights/lora.js";
import {
  adapterOf,
  adapterValues,
  loraTrainable,
  mergedWeights,
  storedParameters,
  type Trainable,
  trainedParameters,
} from "../weights/parameters.js";
import { type Batch, batchOf, type Context, forward, rowsOf, runOnce } from "./check-context.js";

/** Gradients and logits of an adapter under the model's own loss. */
function adapterGraph(
  graph: Graph,
  { network, parameters }: Context,
  trainable: Trainable,
  batch: Batch,
): { state: AdamState; logits: Value; gradient: Value; loss: Value } {
  const state = adamVariables(graph, TRAINED, layoutSize(trainable.layout));
  const source = trainedParameters(storedParameters(graph, parameters), trainable, state.parameters);
  const { logits } = forward(graph, network, source, batch);
  const loss = network.pairLoss(logits);
  return { state, logits, loss, gradient: at(gradients(loss, [state.parameters]), 0) };
}

export async function checkAdapter(context: Context, name: string): Promise<void> {
  const { golden, network, parameters, runtime, comparison, meta } = context;
  const adapter = readAdapter(path.join(golden, name), parameters.modules);
  const trainable = loraTrainable(parameters, { ...adapter.config, targets: [...adapter.pairs.keys()] });
  const { layout } = trainable;
  const size = layoutSize(layout);
  const values = adapterValues(adapter);
  const start = pack(layout, (key) => {
    const value = values.get(key);
    if (value === undefined) throw new Error(`the adapter has no ${key}`);
    return value;
  });
  const reset = (): Promise<void> =>
    runtime.set({
      [TRAINED]: float32(start),
      [`${TRAINED}.first`]: float32(new Float32Array(size)),
      [`${TRAINED}.second`]: float32(new Float32Array(size)),
      [`${TRAINED}.step`]: scalar(0),
    });

  const expected = SafetensorsFile.open(path.join(golden, `${name}.safetensors`));
  const inputs = SafetensorsFile.open(path.join(golden, "forward.safetensors"));
  const batch = batchOf(context, rowsOf(inputs, "input_ids"));
  await reset();
  const graph = new Graph();
  const { state, logits, loss, gradient } = adapterGraph(graph, context, trainable, batch);
  const { lr, betas, eps, weight_decay } = meta.adamw;
  const next = adam(state, gradient, {
    learningRate: lr,
    beta1: betas[0],
    beta2: betas[1],
    epsilon: eps,
    weightDecay: weight_decay,
  });
  assignAdam(graph, TRAINED, next);
  graph.output("logits", logits);
  graph.output("loss", loss);
  graph.output("gradient", gradient);
  const { model, binding } = built(graph, parameters.weights.placement(parameters.shapes));
  const program = await runtime.load(model, binding);
  const run = meta.lora[name];
  if (run === undefined) throw new Error(`meta.json has no run ${name}`);
  const { losses } = run;
  let trained: Float32Array = start;
  for (let step = 0; step < losses.length; step++) {
    const found = await program.run(batch.feeds);
    comparison.close(
      `${name} loss ${step}`,
      floats(found, "loss"),
      Float32Array.of(at(losses, step)),
      TOLERANCE.runLoss,
    );
    const label = step === 0 ? "before" : `after_${step}`;
    if (expected.tensors.has(`logits_per_image.${label}`)) {
      comparison.close(
        `${name} logits ${label}`,
        floats(found, "logits"),
        expected.readFloats(`logits_per_image.${label}`),
        TOLERANCE.logits,
      );
    }
    if (step === 0) {
      for (const [key, gradient] of unpack(layout, floats(found, "gradient"))) {
        comparison.gradient(`${name} gradient ${key}`, gradient, expected.readFloats(`gradient_0.${key}`), GRADIENT);
      }
    }
    if (step === losses.length - 1) break;
    trained = floats(await runtime.get([TRAINED]), TRAINED);
    for (const [key, weights] of unpack(layout, trained)) {
      const first = expected.readFloats(`gradient_0.${key}`);
      comparison.close(
        `${name} step ${step + 1} ${key}`,
        weights,
        expected.readFloats(`after_${step + 1}.${key}`),
        (i) => (Math.abs(at(first, i)) < WEIGHT.tinyGradient ? WEIGHT.tiny : WEIGHT.usual),
      );
    }
  }
  await program.release();

  const merged = mergedWeights(parameters, adapterOf(parameters, trainable, trained));
  for (const key of expected.tensors.keys()) {
    if (!key.startsWith("merged.")) continue;
    const weight = merged.get(key.slice("merged.".length));
    if (weight === undefined) comparison.fail(`${name} ${key}: the adapter does not change it`);
    else comparison.close(`${name} ${key}`, weight, expected.readFloats(key), TOLERANCE.merged);
  }
  const joined = await runOnce(
    context,
    (one) => one.output("logits", forward(one, network, storedParameters(one, parameters, merged), batch).logits),
    batch.feeds,
  );
  const mergedLogits = [...expected.tensors.keys()].find((key) => /^logits_per_image\..*merged$/.test(key));
  if (mergedLogits === undefined) comparison.fail(`${name}: no merged logits`);
  else
    comparison.close(
      `${name} ${mergedLogits}`,
      floats(joined, "logits"),
      expected.readFloats(mergedLogits),
      TOLERANCE.logits,
    );
  await reset();
  await checkHardNegatives(context, name, trainable, run.hardLoss);
}

/** Texts beyond the images that are wrong for all: NegCLIP's loss, or SigLIP's over more texts. */
async function checkHardNegatives(
  context: Context,
  name: string,
  trainable: Trainable,
  hardLoss: number,
): Promise<void> {
  const { golden, comparison, tolerance } = context;
  const file = ["negclip", "hard"].map((kind) => path.join(golden, `${name}-${kind}.safetensors`)).find(existsSync);
  if (file === undefined) {
    comparison.fail(`${name}: no reference with hard negatives`);
    return;
  }
  const expected = SafetensorsFile.open(file);
  const batch = batchOf(context, rowsOf(expected, "input_ids"));
  const found = await runOnce(
    context,
    (graph) => {
      const { logits, loss, gradient } = adapterGraph(graph, context, trainable, batch);
      graph.output("logits", logits);
      graph.output("loss", loss);
      graph.output("gradient", gradient);
    },
    batch.feeds,
  );
  const title = `${name} with hard negatives`;
  comparison.close(`${title}: loss`, floats(found, "loss"), expected.readFloats("loss"), tolerance.loss);
  comparison.close(`${title}: loss of meta.json`, floats(found, "loss"), Float32Array.of(hardLoss), tolerance.loss);
  comparison.close(
    `${title}: logits`,
    floats(found, "logits"),
    expected.readFloats("logits_per_image"),
    TOLERANCE.logits,
  );
  for (const [key, gradient] of unpack(trainable.layout, floats(found, "gradient"))) {
    comparison.gradient(`${title}: gradient ${key}`, gradient, expected.readFloats(`gradient.${key}`), GRADIENT);
  }
}
