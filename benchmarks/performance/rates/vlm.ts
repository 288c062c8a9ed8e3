/** @file The bundled CLIP: images scored, and LoRA steps with all captions beside exactly their matrix products as plain MatMuls. */

import path from "node:path";
import { fileURLToPath } from "node:url";
import { labelledImages } from "../../../trainer/cli/labelled-images.js";
import { slimGradients } from "../../../trainer/graph/index.js";
import { matMulFloor, type Product } from "../../../trainer/graph/matmul-floor.js";
import { Random } from "../../../trainer/random/random.js";
import { loadCatalog } from "../../../trainer/rooms/index.js";
import { resolveConfiguration } from "../../../trainer/settings/configuration.js";
import { type ClipConfig, readClipConfig } from "../../../trainer/vlm/clip/config.js";
import { DistinctTexts } from "../../../trainer/vlm/contrastive/batches.js";
import { textTree, treeSize } from "../../../trainer/vlm/contrastive/text-tree.js";
import { TextTokenizer } from "../../../trainer/vlm/files/tokenizer.js";
import { fineTuningOf } from "../../../trainer/vlm/fine-tuning.js";
import { type CaptionSet, type ImageBatch, openModel } from "../../../trainer/vlm/index.js";
import type { EncoderConfig } from "../../../trainer/vlm/layers/transformer.js";
import { captionSet, pairsOf } from "../../../trainer/vlm/pretraining/captions.js";
import { type Benchmark, bestPair, bestRate, type Measurement } from "./benchmark.js";

const BUNDLED = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../../trainer/vlm/bundled");
const THREADS = 2;
const STEP_IMAGES = 48;
/** Many short repetitions: a step waits for two threads hundreds of times, and either may be kept waiting. */
const SECONDS = 0.4;
const REPETITIONS = 15;
const SCORED_IMAGES = 640;
const FINE_TUNING = fineTuningOf(resolveConfiguration([]));

/** Random images, and for every pair of objects the right caption against its flips. */
function examples(count: number): { images: ImageBatch; captions: CaptionSet[][] } {
  const data = labelledImages([loadCatalog("rooms")], { count, size: 64, patch: 16, seed: 1, floorOnly: false });
  const random = new Random(2);
  const captions = Array.from({ length: count }, (_, image) =>
    pairsOf(data, image, random).map((pair) => captionSet(data, pair)),
  );
  return { images: { count, height: data.size, width: data.size, data: data.images }, captions };
}

interface Rows {
  /** Sequences, tokens in each, and rows that the linear layers run on. */
  readonly batch: number;
  readonly tokens: number;
  readonly rows: number;
}

/** A linear layer with LoRA on `rows` rows: the products of `linear` and `lowRankSum` in trainer/graph. */
function layer(rows: number, inputs: number, outputs: number, needsInputs = true): Product[] {
  const { rank } = FINE_TUNING;
  const merge: Product = { m: outputs, k: rank, n: inputs, backward: "none" };
  const forward: Product = { m: rows, k: inputs, n: outputs, backward: needsInputs ? "inputs" : "none" };
  if (slimGradients(rank, outputs, inputs)) {
    const slim = (m: number, k: number, n: number): Product => ({ m, k, n, backward: "none" });
    const ofA = [slim(rows, outputs, rank), slim(rank, rows, inputs)];
    return [merge, forward, ...ofA, slim(rows, inputs, rank), slim(outputs, rows, rank)];
  }
  return [{ ...merge, backward: "both" }, forward, { m: outputs, k: rows, n: inputs, backward: "none" }];
}

/** Of a tower whose every linear layer LoRA changes; nothing before the first block is trained, so its input needs no gradient. */
function towerProducts({ width, mlp, layers, heads }: EncoderConfig, { batch, tokens, rows }: Rows): Product[] {
  const size = width / heads;
  const attention = (queries: number): Product[] => [
    { m: queries, k: size, n: tokens, backward: "both", batch: batch * heads },
    { m: queries, k: tokens, n: size, backward: "both", batch: batch * heads },
  ];
  const afterAttention = (m: number): Product[] => [
    ...layer(m, width, width),
    ...layer(m, width, mlp),
    ...layer(m, mlp, width),
  ];
  return Array.from({ length: layers }, (_, index): Product[] => {
    const projection = (m: number): Product[] => layer(m, width, width, index > 0);
    // The last block runs for the pooled token alone: only its keys and values are of all tokens.
    const last = index === layers - 1;
    const queries = last ? batch : rows;
    const projections = [...projection(queries), ...projection(rows), ...projection(rows)];
    return [...projections, ...attention(last ? 1 : tokens), ...afterAttention(queries)];
  }).flat();
}

/** Every matrix product of a step. */
function stepProducts(
  { vision, text, projection }: ClipConfig,
  captions: readonly (readonly CaptionSet[])[],
): Product[] {
  const tokenizer = TextTokenizer.open(BUNDLED);
  const distinct = new DistinctTexts((caption) => tokenizer.encodeTruncated(caption, text.positions));
  for (const { right, wrong } of captions.flat()) for (const caption of [right, ...wrong]) distinct.number(caption);
  const { texts, tokens, nodes } = treeSize(text, textTree(text, distinct.encoded));
  const images = captions.length;
  const patches: Product = {
    m: images * (vision.tokens - 1),
    k: 3 * vision.patch ** 2,
    n: vision.width,
    backward: "none",
  };
  return [
    patches,
    ...towerProducts(vision, { batch: images, tokens: vision.tokens, rows: images * vision.tokens }),
    ...towerProducts(text, { batch: texts, tokens, rows: nodes }),
    ...layer(images, vision.width, projection),
    ...layer(texts, text.width, projection),
    { m: images, k: projection, n: texts, backward: "both" },
  ];
}

async function measureStep(): Promise<Measurement> {
  const { images, captions } = examples(STEP_IMAGES);
  const model = await openModel(BUNDLED, { runtime: { device: "cpu", threads: THREADS }, fineTuning: FINE_TUNING });
  const floor = await matMulFloor(stepProducts(readClipConfig(BUNDLED), captions), THREADS);
  try {
    const pair = await bestPair(
      async () => {
        for (let i = 0; i < 2; i++) await model.fineTune(images, captions);
        return 2;
      },
      async () => {
        for (let i = 0; i < 2; i++) await floor.run();
        return 2;
      },
      SECONDS,
      REPETITIONS,
    );
    return { ...pair, note: `${floor.gigaFlop.toFixed(2)} GFLOP a step`, shapes: floor.shapes };
  } finally {
    await model.close();
    await floor.close();
  }
}

async function measureScore(): Promise<Measurement> {
  const { images, captions } = examples(SCORED_IMAGES);
  const model = await openModel(BUNDLED, { runtime: { device: "cpu", threads: THREADS }, fineTuning: FINE_TUNING });
  try {
    const state = await model.state();
    const value = await bestRate(async () => {
      // As after a step of fine-tuning: no text embedding is known.
      await model.restore(state);
      await model.score(images, captions);
      return SCORED_IMAGES;
    });
    return { value, note: `${SCORED_IMAGES} images a call, every caption encoded anew` };
  } finally {
    await model.close();
  }
}

export const benchmarks: readonly Benchmark[] = [
  { name: "vlm.small.score", counts: "images", measure: measureScore },
  { name: "vlm.small.step", counts: "steps", measure: measureStep },
];
