/**
 * @file Compares an adapter with its reference run: logits, gradients, three AdamW steps, merging, and a loss with hard
 * negatives.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { at } from "../../at.js";
import { SafetensorsFile } from "../../files/safetensors.js";
import { type Graph, gradients, layoutSize, unpack, type Value } from "../../graph/index.js";
import { floats } from "../../tensor.js";
import { TRAINED } from "../training/source.js";
import { followAdapter } from "../verification/adapter-run.js";
import { rowsOf, runOnce } from "../verification/run-once.js";
import { GRADIENT, TOLERANCE } from "../verification/tolerances.js";
import {
  adapterOf,
  mergedWeights,
  storedParameters,
  type Trainable,
  trainedParameters,
} from "../weights/parameters.js";
import { type Batch, batchOf, type Context, forward } from "./check-context.js";

/** Gradients and logits of an adapter under the model's own loss. */
function adapterGraph(
  graph: Graph,
  { network, parameters }: Context,
  trainable: Trainable,
  batch: Batch,
): { logits: Value; gradient: Value; loss: Value } {
  const flat = graph.variable(TRAINED, [layoutSize(trainable.layout)]);
  const source = trainedParameters(storedParameters(graph, parameters), trainable, flat);
  const { logits } = forward(graph, network, source, batch);
  const loss = network.pairLoss(logits);
  return { logits, loss, gradient: at(gradients(loss, [flat]), 0) };
}

export async function checkAdapter(context: Context, name: string): Promise<void> {
  const { golden, network, parameters, comparison, meta } = context;
  const expected = SafetensorsFile.open(path.join(golden, `${name}.safetensors`));
  const inputs = SafetensorsFile.open(path.join(golden, "forward.safetensors"));
  const batch = batchOf(context, rowsOf(inputs, "input_ids"));
  const run = meta.lora[name];
  if (run === undefined) throw new Error(`meta.json has no run ${name}`);
  const { trainable, trained, reset } = await followAdapter({
    ...context,
    name,
    adamw: meta.adamw,
    losses: run.losses,
    feeds: batch.feeds,
    forward: (graph, source) => {
      const { logits } = forward(graph, network, source, batch);
      return { logits, loss: network.pairLoss(logits) };
    },
    compareLogits: (label, logits) => {
      const key = `logits_per_image.${label}`;
      if (!expected.tensors.has(key)) return;
      comparison.close(`${name} logits ${label}`, logits, expected.readFloats(key), TOLERANCE.logits);
    },
  });

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

/** Extra texts that are wrong for all images: NegCLIP's loss, or SigLIP's over more texts. */
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
