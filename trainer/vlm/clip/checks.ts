/** @file Holds a CLIP directory to the reference numbers in its golden folder: inputs, stages, embeddings, loss, gradients, adapters. */
import path from "node:path";
import { SafetensorsFile } from "../../files/safetensors.js";
import {
  gradients,
  pack,
  type RuntimeOptions,
  slice,
  startRuntime,
  type Tensor,
  unpack,
  type Value,
} from "../../graph/index.js";
import { readJson } from "../files/directory.js";
import { pixelValues, readImageProcessing } from "../files/image-processor.js";
import { TextTokenizer } from "../files/tokenizer.js";
import { Patches } from "../training/batches.js";
import { contrastiveLoss } from "../training/losses.js";
import { Comparison, type Verification } from "../verification/comparison.js";
import { GRADIENT, TOLERANCE } from "../verification/tolerances.js";
import { constants, fullTrainable, trainedParameters } from "../weights/parameters.js";
import { checkAdapter } from "./check-adapter.js";
import { batchOf, type Context, logitsGraph, metaSchema, numbers, rowsOf, runOnce, textsOf } from "./check-context.js";
import { readClipConfig } from "./config.js";
import { readClipParameters } from "./parameters.js";
import { patchesInput, textInputs } from "./programs.js";
import { observedTowers, textFeatures } from "./towers.js";

function checkInputs({ golden, clip, comparison, meta }: Context, directory: string): void {
  const images = SafetensorsFile.open(path.join(golden, "images.safetensors"));
  const processing = readImageProcessing(directory);
  const pixels = images.readFloats("pixel_values");
  const each = 3 * clip.config.vision.imageSize ** 2;
  for (const name of images.tensors.keys()) {
    if (!name.startsWith("image.")) continue;
    const [height = 0, width = 0] = images.shape(name);
    const index = Number(name.slice("image.".length));
    const expected = pixels.subarray(index * each, (index + 1) * each);
    const actual = pixelValues(processing, { height, width, data: images.read(name) });
    comparison.close(`processed ${name}`, actual, expected, TOLERANCE.pixels);
  }
  const tokenizer = TextTokenizer.open(directory);
  meta.texts.forEach((text, row) => {
    const expected = meta.input_ids[row] ?? [];
    const ids = tokenizer.encode(text);
    comparison.close(`ids of text ${row}`, ids, Int32Array.from(expected.slice(0, ids.length)), 0);
  });
}

async function checkForward(context: Context, directory: string): Promise<void> {
  const { golden, clip, runtime, comparison } = context;
  const expected = SafetensorsFile.open(path.join(golden, "forward.safetensors"));
  const batch = batchOf(context, rowsOf(expected, "input_ids"));
  const found = await runOnce(
    runtime,
    (graph) => {
      const { image, text, logits } = logitsGraph(graph, clip, constants(graph, clip), batch);
      graph.output("image_embeds", image);
      graph.output("text_embeds", text);
      graph.output("logits_per_image", logits);
      graph.output("loss", contrastiveLoss(logits));
    },
    batch.feeds,
  );
  comparison.close(
    "image_embeds",
    numbers(found, "image_embeds"),
    expected.readFloats("image_embeds"),
    TOLERANCE.embedding,
  );
  comparison.close(
    "text_embeds",
    numbers(found, "text_embeds"),
    expected.readFloats("text_embeds"),
    TOLERANCE.embedding,
  );
  const logits = numbers(found, "logits_per_image");
  comparison.close("logits_per_image", logits, expected.readFloats("logits_per_image"), TOLERANCE.logits);
  const [images = 0, texts = 0] = expected.shape("logits_per_image");
  const turned = Float32Array.from(logits, (_, i) => logits[(i % images) * texts + Math.floor(i / images)] ?? 0);
  comparison.close("logits_per_text", turned, expected.readFloats("logits_per_text"), TOLERANCE.logits);
  comparison.close("loss", numbers(found, "loss"), expected.readFloats("loss"), TOLERANCE.loss);

  const stages = [...expected.tensors.keys()].filter((key) => key.startsWith("one.") && key !== "one.input_ids");
  const [, count = 0, size = 0] = context.patches.dims;
  const first = { type: "float32", dims: [1, count, size], data: context.patches.data.slice(0, count * size) } as const;
  const one = expected.readIntegers("one.input_ids");
  const token = (data: Int32Array): Tensor => ({ type: "int32", dims: [one.length], data });
  const observed = await runOnce(
    runtime,
    (graph) =>
      observedTowers(
        constants(graph, clip),
        clip.config,
        {
          patches: patchesInput(graph, clip, 1),
          ids: graph.input("ids", [one.length], "int32"),
          positions: graph.input("positions", [one.length], "int32"),
        },
        (name, value) => graph.output(`one.${name}`, value),
      ),
    { patches: first, ids: token(one), positions: token(one.map((_, i) => i)) },
  );
  for (const stage of stages) {
    if (observed[stage] === undefined) comparison.fail(`${stage}: no such stage here`);
    else comparison.close(stage, numbers(observed, stage), expected.readFloats(stage), TOLERANCE.block);
  }

  for (const [rule, file] of [
    ["explicit", "config.json"],
    ["legacy", "config.legacy-eos.json"],
  ] as const) {
    const { text } = readClipConfig(directory, file);
    const rows = rowsOf(expected, "pooling.input_ids");
    const texts = textsOf(text, rows);
    const found = await runOnce(
      runtime,
      (graph) => {
        const features = textFeatures(constants(graph, clip), clip.config, textInputs(graph, texts.size));
        graph.output("pooled", slice(features, 0, 0, rows.length));
      },
      texts.tensors,
    );
    const name = `pooling.${rule}`;
    comparison.close(name, numbers(found, "pooled"), expected.readFloats(name), TOLERANCE.block);
  }
}

async function checkGradients(context: Context): Promise<void> {
  const { golden, clip, runtime, comparison } = context;
  const expected = SafetensorsFile.open(path.join(golden, "gradients.safetensors"));
  const inputs = SafetensorsFile.open(path.join(golden, "forward.safetensors"));
  const trainable = fullTrainable(clip);
  const batch = batchOf(context, rowsOf(inputs, "input_ids"));
  const flat = pack(trainable.layout, (name) => clip.values.get(name) ?? new Float32Array());
  const found = await runOnce(
    runtime,
    (graph) => {
      const trained = graph.input("flat", [flat.length]);
      const { logits } = logitsGraph(graph, clip, trainedParameters(constants(graph, clip), trainable, trained), batch);
      graph.output("gradient", gradients(contrastiveLoss(logits), [trained])[0] as Value);
    },
    { ...batch.feeds, flat: { type: "float32", dims: [flat.length], data: flat } },
  );
  const actual = unpack(trainable.layout, numbers(found, "gradient"));
  for (const { name } of trainable.layout) {
    const own = actual.get(name) ?? new Float32Array();
    if (expected.tensors.has(name)) {
      comparison.gradient(`d ${name}`, own, expected.readFloats(name), GRADIENT);
    } else {
      const width = clip.config.text.width;
      const whole = new Float32Array(own.length);
      expected.readIntegers(`${name}.rows`).forEach((row, i) => {
        whole.set(expected.readFloats(`${name}.values`).subarray(i * width, (i + 1) * width), row * width);
      });
      comparison.gradient(`d ${name}`, own, whole, GRADIENT);
    }
  }
}

/** Compares everything that golden/ has; sizes and settings are read from its files. */
export async function verifyClip(directory: string, runtime: RuntimeOptions): Promise<Verification> {
  const golden = path.join(directory, "golden");
  const clip = readClipParameters(directory);
  const images = SafetensorsFile.open(path.join(golden, "images.safetensors"));
  const context: Context = {
    golden,
    clip,
    comparison: new Comparison(),
    meta: readJson(path.join(golden, "meta.json"), metaSchema),
    patches: Patches.ofPixels(clip.config.vision, images.readFloats("pixel_values")),
    runtime: await startRuntime(runtime),
  };
  try {
    checkInputs(context, directory);
    await checkForward(context, directory);
    await checkGradients(context);
    for (const name of Object.keys(context.meta.lora)) await checkAdapter(context, name);
  } finally {
    await context.runtime.close();
  }
  return context.comparison.result;
}
