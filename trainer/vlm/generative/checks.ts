/**
 * @file Compares a generative model's directory with the reference numbers in its golden folder: inputs, masks, blocks,
 * loss, gradients, adapter, greedy answers.
 */
import path from "node:path";
import { at } from "../../at.js";
import { SafetensorsFile } from "../../files/safetensors.js";
import {
  type Graph,
  gradients,
  multiply,
  negate,
  pack,
  type RuntimeOptions,
  startRuntime,
  sum,
  unpack,
  type Value,
} from "../../graph/index.js";
import { float32, floats, type Tensors } from "../../tensor.js";
import { readJson } from "../files/directory.js";
import { pixelValues, readImageProcessing } from "../files/image-processor.js";
import { Patches } from "../files/patches.js";
import { nextTokenLogits } from "../layers/decoder.js";
import { type ParameterSource, scopeOf, type Watcher } from "../layers/scope.js";
import { openTokenizer, readParameters } from "../model-directory.js";
import { patchesInput } from "../training/image-front.js";
import { TRAINED } from "../training/source.js";
import { followAdapter } from "../verification/adapter-run.js";
import { Comparison, type Verification } from "../verification/comparison.js";
import { rowsOf, runOnce } from "../verification/run-once.js";
import { GRADIENT, TOLERANCE } from "../verification/tolerances.js";
import { canonicalKey } from "../weights/key-layouts.js";
import { fullTrainable, storedParameters, trainedParameters } from "../weights/parameters.js";
import { alike, type Context, cellOf, metaSchema, realTokens, TOLERANCES } from "./check-context.js";
import { checkSpeech } from "./check-speech.js";
import type { GenerativeNetwork } from "./network.js";
import { decoderOf, rowStates, sightOf, targetLikelihoods } from "./programs.js";
import { lossTensors, packRow, type QuestionRow, rowShape, rowTensors, sees } from "./rows.js";

const trainFile = ({ golden }: Context): SafetensorsFile =>
  SafetensorsFile.open(path.join(golden, "train.safetensors"));

function checkInputs({ golden, network, comparison, rows, meta }: Context, directory: string): void {
  const images = SafetensorsFile.open(path.join(golden, "images.safetensors"));
  const processing = readImageProcessing(directory);
  const pixels = images.readFloats("pixel_values");
  const each = 3 * network.grid.imageSize ** 2;
  meta.prompts.forEach((_, i) => {
    const [height = 0, width = 0] = images.shape(`image.${i}`);
    const actual = pixelValues(processing, { height, width, data: images.read(`image.${i}`) });
    comparison.close(`processed image.${i}`, actual, pixels.subarray(i * each, (i + 1) * each), TOLERANCE.pixels);
  });
  const train = SafetensorsFile.open(path.join(golden, "train.safetensors"));
  for (const side of ["", "right_padded."]) {
    if (!train.tensors.has(`${side}input_ids`)) continue;
    const [ids, labels] = [rowsOf(train, `${side}input_ids`), rowsOf(train, `${side}labels`)];
    realTokens(train, `${side}attention_mask`).forEach(({ first, count }, row) => {
      const tokens = tokensOf(network, at(rows, row));
      comparison.close(`${side}ids of row ${row}`, tokens, at(ids, row).slice(first, first + count), 0);
      const answer = at(at(rows, row).answers, 0);
      const learned = tokens.map((token, i) => (i < tokens.length - answer.length ? -100 : token));
      comparison.close(`${side}labels of row ${row}`, learned, at(labels, row).slice(first, first + count), 0);
    });
  }
}

/** A row in the reference's form: an id for each image token, and the answer. */
const tokensOf = (
  { imageTokens, imageToken }: GenerativeNetwork,
  { before, after, answers }: QuestionRow,
): number[] => [...before, ...new Array<number>(imageTokens).fill(imageToken), ...after, ...at(answers, 0)];

function checkMasks(context: Context): void {
  const { network, rows, shape, comparison } = context;
  const train = trainFile(context);
  const real = realTokens(train, "attention_mask");
  for (const name of train.tensors.keys()) {
    if (!/^mask(\.|$)/.test(name)) continue;
    const mask = train.readIntegers(name);
    const length = at(train.shape(name), 3);
    const window = name === "mask.sliding_attention" ? network.decoder.window : null;
    const sight = { prefixSeesItself: network.prefixSeesItself, window };
    real.forEach(({ first, count }, r) => {
      const { cells } = packRow(at(rows, r), shape);
      const place = (token: number): number => cellOf(at(rows, r), shape, token);
      const [ours, theirs]: [number[], number[]] = [[], []];
      for (let q = 0; q < count - 1; q++) {
        for (let k = 0; k < count - 1; k++) {
          const [cell, other] = [place(q), place(k)];
          ours.push(
            Number(
              sees(
                at(cells.parts, cell),
                at(cells.positions, cell),
                at(cells.parts, other),
                at(cells.positions, other),
                sight,
              ),
            ),
          );
          theirs.push(at(mask, (r * length + first + q) * length + first + k));
        }
      }
      comparison.close(`${name} of row ${r}`, ours, theirs, 0);
    });
  }
}

/** The loss of the reference's answers, the logits after every cell, and the images' features. */
function forward(
  graph: Graph,
  { network, shape }: Context,
  source: ParameterSource,
  watcher: Watcher = {},
): { loss: Value; logits: Value; features: Value } {
  const scope = scopeOf(graph, source, watcher);
  const features = network.image(scope, patchesInput(graph, network, shape.images));
  const states = rowStates(scope, network, shape, features);
  const likelihoods = targetLikelihoods(scope, network, shape, states);
  const weights = graph.input("tokenWeights", [shape.rows, shape.targets]);
  return {
    features,
    logits: nextTokenLogits(decoderOf(scope, network), states),
    loss: negate(sum(multiply(likelihoods, weights))),
  };
}

function feedsOf({ network, rows, shape, patches }: Context): Tensors {
  const tokens = rows.reduce((total, { answers }) => total + at(answers, 0).length, 0);
  const { tokenWeights } = lossTensors(rows, shape, 1, { tokens, questions: rows.length });
  return { patches, ...rowTensors(rows, shape, sightOf(network)), tokenWeights };
}

async function checkForward(context: Context): Promise<void> {
  const { parameters, comparison } = context;
  const train = trainFile(context);
  const real = realTokens(train, "attention_mask");
  const found = await runOnce(
    context,
    (graph) => {
      const all = forward(graph, context, storedParameters(graph, parameters), {
        observe: (name, value) => graph.output(`block.${name}`, value),
      });
      graph.output("logits", all.logits);
      graph.output("loss", all.loss);
      graph.output("image_features", all.features);
    },
    feedsOf(context),
  );
  const deepest = Math.max(
    ...Object.keys(found).map((name) => Number(/^block\.vision\.layer\.(\d+)$/.exec(name)?.[1] ?? -1)),
  );
  for (const name of train.tensors.keys()) {
    if (!name.startsWith("block.")) continue;
    if (found[name] === undefined) {
      // LLaVA takes its features before the tower's last block, which is not run here.
      if (name !== `block.vision.layer.${deepest + 1}`) comparison.fail(`${name}: no such value here`);
      continue;
    }
    const [actual, expected] = [floats(found, name), train.readFloats(name)];
    if (name.startsWith("block.text.")) alike(context, name, actual, expected, real, TOLERANCES.block);
    else comparison.close(name, actual, expected, TOLERANCES.block);
  }
  comparison.close(
    "image_features",
    floats(found, "image_features"),
    train.readFloats("image_features"),
    TOLERANCES.features,
  );
  alike(context, "logits", floats(found, "logits"), train.readFloats("logits"), real, TOLERANCES.logits);
  for (const name of ["loss", "right_padded.loss"]) {
    if (train.tensors.has(name)) comparison.close(name, floats(found, "loss"), train.readFloats(name), TOLERANCES.loss);
  }
}

/** For the parameters that have reference gradients. */
async function checkGradients(context: Context): Promise<void> {
  const { parameters, comparison } = context;
  const train = trainFile(context);
  const names = [...train.tensors.keys()].filter((name) => name.startsWith("gradient."));
  if (names.length === 0) return;
  const trainable = fullTrainable(parameters);
  const flat = pack(trainable.layout, (name) => parameters.weights.floats(name));
  const found = await runOnce(
    context,
    (graph) => {
      const trained = graph.input("flat", [flat.length]);
      const { loss } = forward(
        graph,
        context,
        trainedParameters(storedParameters(graph, parameters), trainable, trained),
      );
      graph.output("gradient", at(gradients(loss, [trained]), 0));
    },
    { ...feedsOf(context), flat: float32(flat) },
  );
  const all = unpack(trainable.layout, floats(found, "gradient"));
  for (const name of names) {
    const own = all.get(canonicalKey(name.slice("gradient.".length)));
    if (own === undefined) comparison.fail(`${name}: no such parameter`);
    else comparison.gradient(name, own, train.readFloats(name), GRADIENT);
  }
}

async function checkAdapter(context: Context): Promise<void> {
  const { golden, parameters, runtime, meta } = context;
  const name = "lora";
  const expected = SafetensorsFile.open(path.join(golden, `${name}.safetensors`));
  const real = realTokens(trainFile(context), "attention_mask");
  const { trainable, trained, reset } = await followAdapter({
    ...context,
    name,
    adamw: meta.adamw,
    losses: meta.losses,
    feeds: feedsOf(context),
    forward: (graph, source) => forward(graph, context, source),
    compareLogits: (label, logits) => {
      const key = label === "before" ? "logits" : `logits.${label}`;
      if (!expected.tensors.has(key)) return;
      alike(context, `${name} ${key}`, logits, expected.readFloats(key), real, TOLERANCES.logits);
    },
  });
  await checkSpeech({ ...context, parameters }, trainable, (kind) =>
    kind === "lora" ? reset() : runtime.set({ [TRAINED]: float32(trained) }),
  );
}

/** Compares everything in golden/; sizes and settings come from its files. */
export async function verifyGenerative(
  directory: string,
  network: GenerativeNetwork,
  runtime: RuntimeOptions,
): Promise<Verification> {
  const golden = path.join(directory, "golden");
  const meta = readJson(path.join(golden, "meta.json"), metaSchema);
  const tokenizer = openTokenizer(directory, network);
  const rows = meta.prompts.map((prompt, image) => ({
    image,
    ...network.prompt(tokenizer, prompt),
    answers: [network.answer(tokenizer, prompt, at(meta.answers, image))],
  }));
  const images = SafetensorsFile.open(path.join(golden, "images.safetensors"));
  const context: Context = {
    golden,
    network,
    meta,
    rows,
    shape: { ...rowShape(rows, rows.length, network.imageTokens), rows: rows.length },
    parameters: readParameters(directory, network),
    comparison: new Comparison(),
    patches: Patches.ofPixels(network.grid, images.readFloats("pixel_values")),
    runtime: await startRuntime(runtime),
  };
  try {
    checkInputs(context, directory);
    checkMasks(context);
    await checkForward(context);
    await checkGradients(context);
    await checkAdapter(context);
  } finally {
    await context.runtime.close();
  }
  return context.comparison.result;
}
