/**
 * @file Compares a contrastive model's directory with the reference numbers in its golden folder: inputs, stages,
 * embeddings, loss, gradients, adapters.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { at } from "../../at.js";
import { SafetensorsFile } from "../../files/safetensors.js";
import { gradients, pack, type RuntimeOptions, slice, startRuntime, unpack } from "../../graph/index.js";
import { float32, floats } from "../../tensor.js";
import { readJson } from "../files/directory.js";
import { pixelValues, readImageProcessing } from "../files/image-processor.js";
import { Patches } from "../files/patches.js";
import { TextTokenizer } from "../files/tokenizer.js";
import { scopeOf } from "../layers/scope.js";
import { readParameters } from "../model-directory.js";
import { patchesInput } from "../training/image-front.js";
import { Comparison, type Verification } from "../verification/comparison.js";
import { rowsOf, runOnce } from "../verification/run-once.js";
import { GRADIENT, TOLERANCE, type Tolerances } from "../verification/tolerances.js";
import { fullTrainable, storedParameters, trainedParameters } from "../weights/parameters.js";
import { checkAdapter } from "./check-adapter.js";
import { batchOf, type Context, forward, metaSchema } from "./check-context.js";
import type { ContrastiveNetwork } from "./network.js";

/** Builds the network that a directory's config.json, or a similar file, describes. */
export type ReadNetwork = (directory: string, configFile?: string) => ContrastiveNetwork;

const tokensSchema = z.array(
  z.looseObject({ text: z.string(), ids: z.array(z.number().int()), padded: z.array(z.number().int()) }),
);

function checkInputs({ golden, network, comparison, meta }: Context, directory: string): void {
  const images = SafetensorsFile.open(path.join(golden, "images.safetensors"));
  const processing = readImageProcessing(directory);
  const pixels = images.readFloats("pixel_values");
  const each = 3 * network.grid.imageSize ** 2;
  for (const name of images.tensors.keys()) {
    if (!name.startsWith("image.")) continue;
    const [height, width] = [at(images.shape(name), 0), at(images.shape(name), 1)];
    const index = Number(name.slice("image.".length));
    const expected = pixels.subarray(index * each, (index + 1) * each);
    const actual = pixelValues(processing, { height, width, data: images.read(name) });
    comparison.close(`processed ${name}`, actual, expected, TOLERANCE.pixels);
  }
  const tokenizer = TextTokenizer.open(directory, network.vocabulary);
  meta.texts.forEach((text, row) => {
    const expected = at(meta.input_ids, row);
    const ids = network.encode(tokenizer, text);
    // The reference pads a batch to its longest text; here, the ids may end with the text.
    comparison.close(`ids of text ${row}`, ids, Int32Array.from(expected.slice(0, ids.length)), 0);
  });
  const tokens = path.join(golden, "tokens.json");
  if (!existsSync(tokens)) return;
  readJson(tokens, tokensSchema).forEach(({ text, ids, padded }, row) => {
    comparison.close(`ids of tokens.json ${row}`, tokenizer.encode(text), Int32Array.from(ids), 0);
    comparison.close(`padded ids of tokens.json ${row}`, network.encode(tokenizer, text), Int32Array.from(padded), 0);
  });
}

async function checkForward(context: Context): Promise<void> {
  const { golden, network, parameters, comparison, tolerance } = context;
  const expected = SafetensorsFile.open(path.join(golden, "forward.safetensors"));
  const batch = batchOf(context, rowsOf(expected, "input_ids"));
  const found = await runOnce(
    context,
    (graph) => {
      const all = forward(graph, network, storedParameters(graph, parameters), batch);
      graph.output("image_features", all.imageFeatures);
      graph.output("text_features", all.textFeatures);
      graph.output("image_embeds", all.image);
      graph.output("text_embeds", all.text);
      graph.output("logits_per_image", all.logits);
      graph.output("loss", network.pairLoss(all.logits));
    },
    batch.feeds,
  );
  const compare = (name: string, limit: number): void =>
    comparison.close(name, floats(found, name), expected.readFloats(name), limit);
  for (const name of ["image_features", "text_features"]) {
    if (expected.tensors.has(name)) compare(name, tolerance.features);
  }
  compare("image_embeds", TOLERANCE.embedding);
  compare("text_embeds", TOLERANCE.embedding);
  compare("logits_per_image", TOLERANCE.logits);
  const logits = floats(found, "logits_per_image");
  const [images, texts] = [batch.images, batch.count];
  const turned = Float32Array.from(logits, (_, i) => at(logits, (i % images) * texts + Math.floor(i / images)));
  comparison.close("logits_per_text", turned, expected.readFloats("logits_per_text"), TOLERANCE.logits);
  compare("loss", tolerance.loss);
}

/**
 * Image 0 and text 0 alone, stage by stage, as in real use: where only one token is computed, only that is compared.
 */
async function checkStages(context: Context): Promise<void> {
  const { golden, network, parameters, comparison, tolerance, patches } = context;
  const expected = SafetensorsFile.open(path.join(golden, "forward.safetensors"));
  const ids = expected.tensors.has("one.input_ids")
    ? expected.readIntegers("one.input_ids")
    : at(rowsOf(expected, "input_ids"), 0);
  const texts = network.texts([ids]);
  const each = patches.data.length / at(patches.dims, 0);
  const first = float32((patches.data as Float32Array).slice(0, each), [1, ...patches.dims.slice(1)]);
  const found = await runOnce(
    context,
    (graph) => {
      const scope = scopeOf(graph, storedParameters(graph, parameters), {
        observe: (name, value) => graph.output(`one.${name}`, value),
      });
      network.image(scope, patchesInput(graph, network, 1));
      texts.features(scope);
    },
    { patches: first, ...texts.tensors },
  );
  for (const stage of expected.tensors.keys()) {
    if (!stage.startsWith("one.") || stage === "one.input_ids") continue;
    if (found[stage] === undefined) {
      comparison.fail(`${stage}: no such stage here`);
      continue;
    }
    const reference = expected.readFloats(stage);
    const width = at(expected.shape(stage), expected.shape(stage).length - 1);
    const actual = floats(found, stage);
    const token = stage.startsWith("one.text.") ? network.pooledToken(ids) : 0;
    // Rows beyond the reference's are padding.
    if (actual.length >= reference.length) {
      comparison.close(stage, actual.subarray(0, reference.length), reference, tolerance.block);
    } else {
      comparison.close(stage, actual, reference.subarray(token * width, (token + 1) * width), tolerance.block);
    }
  }
}

/** CLIP's two rules for the pooled token: the directory's own, and openai's legacy rule. */
async function checkPooling(context: Context, directory: string, read: ReadNetwork): Promise<void> {
  const { golden, parameters, comparison, tolerance } = context;
  const expected = SafetensorsFile.open(path.join(golden, "forward.safetensors"));
  if (!expected.tensors.has("pooling.input_ids")) return;
  for (const [rule, file] of [
    ["explicit", "config.json"],
    ["legacy", "config.legacy-eos.json"],
  ] as const) {
    const rows = rowsOf(expected, "pooling.input_ids");
    const texts = read(directory, file).texts(rows);
    const found = await runOnce(
      context,
      (graph) => {
        const features = texts.features(scopeOf(graph, storedParameters(graph, parameters)));
        graph.output("pooled", slice(features, 0, 0, rows.length));
      },
      texts.tensors,
    );
    const name = `pooling.${rule}`;
    comparison.close(name, floats(found, "pooled"), expected.readFloats(name), tolerance.block);
  }
}

async function checkGradients(context: Context): Promise<void> {
  const { golden, network, parameters, comparison } = context;
  const expected = SafetensorsFile.open(path.join(golden, "gradients.safetensors"));
  const inputs = SafetensorsFile.open(path.join(golden, "forward.safetensors"));
  const trainable = fullTrainable(parameters);
  const batch = batchOf(context, rowsOf(inputs, "input_ids"));
  const flat = pack(trainable.layout, (name) => parameters.weights.floats(name));
  const found = await runOnce(
    context,
    (graph) => {
      const trained = graph.input("flat", [flat.length]);
      const source = trainedParameters(storedParameters(graph, parameters), trainable, trained);
      const { logits } = forward(graph, network, source, batch);
      graph.output("gradient", at(gradients(network.pairLoss(logits), [trained]), 0));
    },
    { ...batch.feeds, flat: float32(flat) },
  );
  const actual = unpack(trainable.layout, floats(found, "gradient"));
  for (const [name, gradient] of actual) {
    comparison.gradient(`d ${name}`, gradient, wholeGradient(expected, name, gradient.length), GRADIENT);
  }
}

/** A reference gradient; for a large table, the file has only the non-zero rows. */
function wholeGradient(expected: SafetensorsFile, name: string, length: number): Float32Array {
  if (expected.tensors.has(name)) return expected.readFloats(name);
  const [values, width] = [expected.readFloats(`${name}.values`), at(expected.shape(`${name}.values`), 1)];
  const whole = new Float32Array(length);
  expected.readIntegers(`${name}.rows`).forEach((row, i) => {
    whole.set(values.subarray(i * width, (i + 1) * width), row * width);
  });
  return whole;
}

/** Compares everything in golden/; sizes and settings come from its files. */
export async function verifyContrastive(
  directory: string,
  read: ReadNetwork,
  tolerance: Tolerances,
  runtime: RuntimeOptions,
): Promise<Verification> {
  const golden = path.join(directory, "golden");
  const network = read(directory);
  const images = SafetensorsFile.open(path.join(golden, "images.safetensors"));
  const context: Context = {
    golden,
    network,
    tolerance,
    parameters: readParameters(directory, network),
    comparison: new Comparison(),
    meta: readJson(path.join(golden, "meta.json"), metaSchema),
    patches: Patches.ofPixels(network.grid, images.readFloats("pixel_values")),
    runtime: await startRuntime(runtime),
  };
  try {
    checkInputs(context, directory);
    await checkForward(context);
    await checkStages(context);
    await checkPooling(context, directory, read);
    await checkGradients(context);
    for (const name of Object.keys(context.meta.lora)) await checkAdapter(context, name);
  } finally {
    await context.runtime.close();
  }
  return context.comparison.result;
}
