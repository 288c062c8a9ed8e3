/** @file An adapter against its reference run: logits, gradients, three AdamW steps, merging, and the NegCLIP loss. */
import path from "node:path";
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
  type Tensor,
  unpack,
  type Value,
} from "../../graph/index.js";
import { contrastiveLoss } from "../training/losses.js";
import { GRADIENT, TOLERANCE, WEIGHT } from "../verification/tolerances.js";
import { readAdapter } from "../weights/lora.js";
import {
  adapterOf,
  adapterValues,
  constants,
  loraTrainable,
  mergeAdapter,
  type Trainable,
  trainedParameters,
} from "../weights/parameters.js";
import { type Batch, batchOf, type Context, logitsGraph, numbers, rowsOf, runOnce } from "./check-context.js";
import type { ClipParameters } from "./parameters.js";
import { TRAINED } from "./programs.js";

/** Gradients and logits of an adapter under a loss, by the adapter's keys. */
function adapterGraph(
  graph: Graph,
  clip: ClipParameters,
  trainable: Trainable,
  batch: Batch,
): { state: AdamState; logits: Value; gradient: Value; loss: Value } {
  const state = adamVariables(graph, TRAINED, layoutSize(trainable.layout));
  const parameters = trainedParameters(constants(graph, clip), trainable, state.parameters);
  const { logits } = logitsGraph(graph, clip, parameters, batch);
  const loss = contrastiveLoss(logits);
  return { state, logits, loss, gradient: gradients(loss, [state.parameters])[0] as Value };
}

export async function checkAdapter(context: Context, name: string): Promise<void> {
  const { golden, clip, runtime, comparison, meta } = context;
  const adapter = readAdapter(path.join(golden, name), clip.modules);
  const trainable = loraTrainable(clip, adapter.config);
  const { layout } = trainable;
  const size = layoutSize(layout);
  const values = adapterValues(adapter);
  const start = pack(layout, (key) => values.get(key) ?? new Float32Array());
  const vector = (data: Float32Array): Tensor => ({ type: "float32", dims: [size], data });
  const reset = (): Promise<void> =>
    runtime.set({
      [TRAINED]: vector(start),
      [`${TRAINED}.first`]: vector(new Float32Array(size)),
      [`${TRAINED}.second`]: vector(new Float32Array(size)),
      [`${TRAINED}.step`]: { type: "float32", dims: [], data: Float32Array.of(0) },
    });

  const expected = SafetensorsFile.open(path.join(golden, `${name}.safetensors`));
  const inputs = SafetensorsFile.open(path.join(golden, "forward.safetensors"));
  const batch = batchOf(context, rowsOf(inputs, "input_ids"));
  await reset();
  const graph = new Graph();
  const { state, logits, loss, gradient } = adapterGraph(graph, clip, trainable, batch);
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
  const program = await runtime.load({ bytes: graph.serialize() }, graph.binding);
  const losses = meta.lora[name]?.losses ?? [];
  let trained: Float32Array = start;
  for (let step = 0; step < losses.length; step++) {
    const found = await program.run(batch.feeds);
    comparison.close(
      `${name} loss ${step}`,
      numbers(found, "loss"),
      Float32Array.of(losses[step] ?? 0),
      TOLERANCE.runLoss,
    );
    const label = step === 0 ? "before" : `after_${step}`;
    if (expected.tensors.has(`logits_per_image.${label}`)) {
      comparison.close(
        `${name} logits ${label}`,
        numbers(found, "logits"),
        expected.readFloats(`logits_per_image.${label}`),
        TOLERANCE.logits,
      );
    }
    if (step === 0) {
      for (const [key, own] of unpack(layout, numbers(found, "gradient"))) {
        comparison.gradient(`${name} gradient ${key}`, own, expected.readFloats(`gradient_0.${key}`), GRADIENT);
      }
    }
    if (step === losses.length - 1) break;
    trained = numbers(await runtime.get([TRAINED]), TRAINED);
    for (const [key, own] of unpack(layout, trained)) {
      const first = expected.readFloats(`gradient_0.${key}`);
      comparison.close(`${name} step ${step + 1} ${key}`, own, expected.readFloats(`after_${step + 1}.${key}`), (i) =>
        Math.abs(first[i] ?? 0) < WEIGHT.tinyGradient ? WEIGHT.tiny : WEIGHT.usual,
      );
    }
  }
  await program.release();

  const merged = mergeAdapter(clip, adapterOf(clip, trainable, trained));
  for (const key of expected.tensors.keys()) {
    if (!key.startsWith("merged.")) continue;
    const own = merged.values.get(key.slice("merged.".length)) ?? new Float32Array();
    comparison.close(`${name} ${key}`, own, expected.readFloats(key), TOLERANCE.merged);
  }
  const joined = await runOnce(
    runtime,
    (one) => one.output("logits", logitsGraph(one, merged, constants(one, merged), batch).logits),
    batch.feeds,
  );
  const mergedLogits = [...expected.tensors.keys()].find((key) => /^logits_per_image\..*merged$/.test(key));
  if (mergedLogits === undefined) comparison.fail(`${name}: no merged logits`);
  else
    comparison.close(
      `${name} ${mergedLogits}`,
      numbers(joined, "logits"),
      expected.readFloats(mergedLogits),
      TOLERANCE.logits,
    );
  await checkNegClip(context, name, trainable, reset);
}

async function checkNegClip(
  context: Context,
  name: string,
  trainable: Trainable,
  reset: () => Promise<void>,
): Promise<void> {
  const { golden, clip, runtime, comparison, meta } = context;
  const expected = SafetensorsFile.open(path.join(golden, `${name}-negclip.safetensors`));
  const batch = batchOf(context, rowsOf(expected, "input_ids"));
  await reset();
  const found = await runOnce(
    runtime,
    (graph) => {
      const { logits, loss, gradient } = adapterGraph(graph, clip, trainable, batch);
      graph.output("logits", logits);
      graph.output("loss", loss);
      graph.output("gradient", gradient);
    },
    batch.feeds,
  );
  comparison.close(`${name} NegCLIP loss`, numbers(found, "loss"), expected.readFloats("loss"), TOLERANCE.loss);
  const told = Float32Array.of(meta.lora[name]?.negclip_loss ?? Number.NaN);
  comparison.close(`${name} NegCLIP loss of meta.json`, numbers(found, "loss"), told, TOLERANCE.loss);
  comparison.close(
    `${name} NegCLIP logits`,
    numbers(found, "logits"),
    expected.readFloats("logits_per_image"),
    TOLERANCE.logits,
  );
  for (const [key, own] of unpack(trainable.layout, numbers(found, "gradient"))) {
    comparison.gradient(`${name} NegCLIP gradient ${key}`, own, expected.readFloats(`gradient.${key}`), GRADIENT);
  }
}
