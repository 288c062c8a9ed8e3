/** @file golden/clip-tiny: CLIP's stages, embeddings, losses, gradients, LoRA steps and merging, against PyTorch, transformers and PEFT. */
import path from "node:path";
import { z } from "zod";
import {
  type AdamState,
  adam,
  adamVariables,
  assignAdam,
  Graph,
  gradients,
  layoutSize,
  type Runtime,
  slice,
  startRuntime,
  type Tensor,
  type Tensors,
  unpack,
  type Value,
} from "../../trainer/graph/index.js";
import { Patches, treeSize } from "../../trainer/vlm/clip/batches.js";
import { type ClipConfig, readClipConfig } from "../../trainer/vlm/clip/config.js";
import { contrastiveLoss, logitsPerImage } from "../../trainer/vlm/clip/losses.js";
import {
  adapterOf,
  adapterValues,
  type ClipParameters,
  constants,
  fullTrainable,
  loraTrainable,
  mergeAdapter,
  readClipParameters,
  type Trainable,
  trainedParameters,
} from "../../trainer/vlm/clip/parameters.js";
import { patchesInput, TRAINED, textInputs } from "../../trainer/vlm/clip/programs.js";
import { type TreeSize, textTree, treeTensors } from "../../trainer/vlm/clip/text-tree.js";
import { imageFeatures, observedTowers, type Parameters, textFeatures, unit } from "../../trainer/vlm/clip/towers.js";
import { readJson } from "../../trainer/vlm/directory.js";
import { pixelValues, readImageProcessing } from "../../trainer/vlm/image-processor.js";
import { readAdapter } from "../../trainer/vlm/lora.js";
import { SafetensorsFile } from "../../trainer/vlm/safetensors.js";
import { TextTokenizer } from "../../trainer/vlm/tokenizer.js";
import type { GoldenCheck } from "./check.js";
import { Comparison } from "./comparison.js";

const TOLERANCE = { pixels: 1e-6, block: 1e-4, embedding: 1e-5, logits: 1e-4, loss: 1e-5, runLoss: 5e-5, merged: 5e-6 };
/** Absolute, and relative to the gradient. */
const GRADIENT = { absolute: 1e-4, relative: 1e-3 };
/** Adam turns a gradient that is all rounding into a full step, so entries with a tiny first gradient are held loosely. */
const WEIGHT = { usual: 5e-6, tiny: 6e-3, tinyGradient: 1e-5 };

const metaSchema = z.looseObject({
  texts: z.array(z.string()),
  negatives: z.array(z.string()),
  input_ids: z.array(z.array(z.number().int())),
  adamw: z.looseObject({
    lr: z.number(),
    betas: z.tuple([z.number(), z.number()]),
    eps: z.number(),
    weight_decay: z.number(),
  }),
  lora: z.record(z.string(), z.looseObject({ losses: z.array(z.number()), negclip_loss: z.number() })),
});
type Meta = z.infer<typeof metaSchema>;

interface Context {
  readonly golden: string;
  readonly clip: ClipParameters;
  readonly runtime: Runtime;
  readonly comparison: Comparison;
  readonly meta: Meta;
  readonly patches: Tensor;
}

const rowsOf = (file: SafetensorsFile, name: string): Int32Array[] => {
  const [rows = 0, columns = 0] = file.shape(name);
  const ids = file.readIntegers(name);
  return Array.from({ length: rows }, (_, row) => ids.slice(row * columns, (row + 1) * columns));
};

interface Texts {
  readonly size: TreeSize;
  readonly tensors: Tensors;
}

function textsOf(config: ClipConfig["text"], rows: readonly Int32Array[]): Texts {
  const tree = textTree(config, rows);
  const size = treeSize(tree);
  return { size, tensors: treeTensors(tree, size) };
}

/** Builds a graph, runs it once, and drops it. */
async function runOnce(runtime: Runtime, build: (graph: Graph) => void, feeds: Tensors): Promise<Tensors> {
  const graph = new Graph();
  build(graph);
  const program = await runtime.load({ bytes: graph.serialize() }, graph.binding);
  try {
    return await program.run(feeds);
  } finally {
    await program.release();
  }
}

const numbers = (tensors: Tensors, name: string): Float32Array => {
  const data = tensors[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no float output ${name}`);
  return data;
};

/** What a comparison of images and texts is fed. */
interface Batch {
  readonly images: number;
  /** Rows of texts; the graph may have more, as padding. */
  readonly texts: number;
  readonly size: TreeSize;
  readonly feeds: Tensors;
}

function batchOf({ clip, patches }: Context, rows: readonly Int32Array[]): Batch {
  const { size, tensors } = textsOf(clip.config.text, rows);
  return { images: patches.dims[0] ?? 0, texts: rows.length, size, feeds: { patches, ...tensors } };
}

/** Embeddings and logits [images, texts] of a batch. */
function logitsGraph(graph: Graph, clip: ClipParameters, parameters: Parameters, { images, texts, size }: Batch) {
  const image = unit(imageFeatures(parameters, clip.config, patchesInput(graph, clip, images)).features);
  const all = unit(textFeatures(parameters, clip.config, textInputs(graph, size)));
  const text = slice(all, 0, 0, texts);
  return { image, text, logits: logitsPerImage(image, text, parameters("logit_scale")) };
}

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
  const flat = new Float32Array(layoutSize(trainable.layout));
  let offset = 0;
  for (const { name } of trainable.layout) {
    const values = clip.values.get(name) ?? new Float32Array();
    flat.set(values, offset);
    offset += values.length;
  }
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

async function checkAdapter(context: Context, name: string): Promise<void> {
  const { golden, clip, runtime, comparison, meta } = context;
  const adapter = readAdapter(path.join(golden, name), clip.modules);
  const trainable = loraTrainable(clip, adapter.config);
  const { layout } = trainable;
  const size = layoutSize(layout);
  const values = adapterValues(adapter);
  const start = new Float32Array(size);
  let offset = 0;
  for (const { name: key } of layout) {
    start.set(values.get(key) ?? [], offset);
    offset += values.get(key)?.length ?? 0;
  }
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

export const check: GoldenCheck = async (directory) => {
  const golden = path.join(directory, "golden");
  const clip = readClipParameters(directory);
  const images = SafetensorsFile.open(path.join(golden, "images.safetensors"));
  const context: Context = {
    golden,
    clip,
    comparison: new Comparison(),
    meta: readJson(path.join(golden, "meta.json"), metaSchema),
    patches: Patches.ofPixels(clip.config.vision, images.readFloats("pixel_values")),
    runtime: await startRuntime({ device: "cpu", threads: 1 }),
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
};
