/** @file Pre-trains the small CLIP in two phases over labelled images, and writes a Hugging Face directory. */
import { type Layout, startRuntime } from "../../../graph/index.js";
import type { Runtime } from "../../../graph/runtime.js";
import type { Random } from "../../../random/random.js";
import { float32, int32, type Tensor, type Tensors } from "../../../tensor.js";
import { clipNetwork } from "../../clip/architecture.js";
import { type ClipConfig, readClipConfig } from "../../clip/config.js";
import { textTree, treeTensors } from "../../contrastive/text-tree.js";
import { readImageProcessing } from "../../files/image-processor.js";
import { Patches } from "../../files/patches.js";
import { TextTokenizer } from "../../files/tokenizer.js";
import { record } from "../../weights/recording.js";
import { isHead } from "../heads.js";
import { type LabelledImages, objectsIn } from "../labelled.js";
import { Explained, labelsOf, standardised } from "../labels.js";
import { type OnProgress, runPhases, type Schedule } from "../phases.js";
import { writeJsonFiles, writeWeights } from "../written.js";
import {
  LARGEST_LOG_SCALE,
  type PretrainingShape,
  pretrainingLayout,
  pretrainingProgram,
  readingProgram,
} from "./graph.js";
import { type ModelSize, modelConfig, processorConfig, start } from "./initial.js";
import { tokenizerFiles } from "./tokenizer-file.js";
import { filledCaption, wordsFor } from "./words.js";

export interface Phase extends Schedule {
  /** Weight of the coordinates read from the image embedding. */
  readonly coordinates: number;
}

/**
 * Phases of the bundled model: about eight minutes of one thread in all. A model of several worlds takes as many steps
 * for each.
 */
export const phases = (worlds: number): readonly Phase[] => [
  { steps: 950 * worlds, learningRate: 1e-3, coordinates: 1 },
  { steps: 1110 * worlds, learningRate: 7e-4, coordinates: 2 },
];

/** For the models that `rls3 vlm pretrain` and the experiments make; `images` is per world. */
export const RECIPE = { images: 50_000, floorOnlyImages: 30_000, heldOut: 1000, batch: 128 } as const;

export interface PretrainingOptions {
  readonly seed: number;
  readonly threads: number;
  readonly size: ModelSize;
  readonly phases: readonly Phase[];
  readonly batch: number;
  /** Images at the end that are not trained on. */
  readonly heldOut: number;
  readonly onProgress?: OnProgress;
}

export interface PretrainingResult {
  /** Share of the variance of held-out coordinates (right, up, toward) that the temporary head explains. */
  readonly explained: readonly number[];
}

const PAIRS = 24;
const ORDER_WEIGHT = 0.3;

/** Writes configuration and tokenizer: everything in the directory before training. */
function writeFiles(directory: string, size: ModelSize, names: readonly string[]): void {
  const files = tokenizerFiles(wordsFor(names), size.positions);
  writeJsonFiles(directory, {
    "config.json": modelConfig(size, files),
    "preprocessor_config.json": processorConfig(size),
    "tokenizer.json": files.tokenizer,
    "tokenizer_config.json": files.config,
  });
}

/** Assembles the inputs of steps. */
class Batches {
  private readonly standard: Float32Array;
  private readonly patches: Patches;
  private readonly pairs: readonly (readonly [number, number])[];

  constructor(
    private readonly data: LabelledImages,
    private readonly config: ClipConfig,
    private readonly tokenizer: TextTokenizer,
    directory: string,
  ) {
    this.standard = standardised(data);
    this.patches = new Patches(config.vision, readImageProcessing(directory));
    const names = data.names.map((_, i) => i);
    this.pairs = names.flatMap((a) => names.filter((b) => b !== a).map((b) => [a, b] as const));
  }

  shape(images: number): PretrainingShape {
    const pairs = Math.min(PAIRS, this.pairs.length);
    return { images, names: this.data.names.length, pairs, tokens: this.config.text.positions };
  }

  images(chosen: readonly number[]): Tensor {
    const { images, count, size } = this.data;
    return this.patches.of({ count, height: size, width: size, data: images }, chosen, chosen.length);
  }

  step(chosen: readonly number[], random: Random): Tensors {
    const { names } = this.data;
    const order = random.permutation(this.pairs.length);
    const pairs = Array.from(order.subarray(0, PAIRS)).flatMap((index) => this.pairs.slice(index, index + 1));
    const most = this.config.text.positions - 2;
    const captions = [
      ...names.map((name) => filledCaption(random, [name], most)),
      ...pairs.map(([a, b]) => filledCaption(random, [names[a] ?? "", names[b] ?? ""], most)),
    ];
    const encoded = captions.map((caption) => this.tokenizer.encodeTruncated(caption, this.config.text.positions));
    const { positions, heads } = this.config.text;
    const size = { texts: encoded.length, tokens: positions, nodes: encoded.length * positions, heads };
    const side = (index: 0 | 1): Tensor => int32(Int32Array.from(pairs, (pair) => pair[index]));
    return {
      patches: this.images(chosen),
      ...treeTensors(textTree(this.config.text, encoded), size),
      ...this.labels(chosen, pairs),
      first: side(0),
      second: side(1),
    };
  }

  private labels(chosen: readonly number[], pairs: readonly (readonly [number, number])[]): Tensors {
    const names = this.data.names.length;
    const texts = names + pairs.length;
    const labels = labelsOf(this.data, this.standard, this.config.vision.tokens - 1, chosen);
    const { data: present } = labels.present;
    const truth = new Float32Array(chosen.length * texts);
    for (const row of chosen.keys()) {
      const has = (type: number): number => Number(present[row * names + type] ?? 0);
      for (let type = 0; type < names; type++) truth[row * texts + type] = has(type);
      pairs.forEach(([a, b], i) => {
        truth[row * texts + names + i] = has(a) * has(b);
      });
    }
    return { truth: float32(truth, [chosen.length, texts]), ...labels };
  }

  /** Share of the held-out coordinates' variance that `read` [images, names, 3] explains, per axis. */
  async explained(runtime: Runtime, layout: Layout, first: number): Promise<number[]> {
    const { names, count } = this.data;
    const rows = Math.min(count - first, 128);
    const { model, binding } = readingProgram(this.config, layout, rows, names.length);
    const program = await runtime.load(model, binding);
    const explained = new Explained();
    for (let start = first; start + rows <= count; start += rows) {
      const chosen = Array.from({ length: rows }, (_, i) => start + i);
      const read = (await program.run({ patches: this.images(chosen) }))["read"]?.data ?? [];
      for (const [row, image] of chosen.entries()) {
        for (const { object, type } of objectsIn(this.data, image)) {
          const place = (row * names.length + type) * 3;
          explained.note(read.slice(place, place + 3), this.standard.subarray(object * 3, object * 3 + 3));
        }
      }
    }
    await program.release();
    return explained.shares;
  }
}

/** Trains from scratch and writes the model's directory. */
export async function pretrain(
  directory: string,
  data: LabelledImages,
  options: PretrainingOptions,
): Promise<PretrainingResult> {
  const { seed, batch, onProgress } = options;
  writeFiles(directory, options.size, data.names);
  const config = readClipConfig(directory);
  const { shapes } = record(clipNetwork(config).declare);
  const batches = new Batches(data, config, TextTokenizer.open(directory), directory);
  const shape = batches.shape(batch);
  const layout = pretrainingLayout(config, shape);
  const trainable = data.count - options.heldOut;
  const phase = ({ steps, learningRate, coordinates }: Phase) => ({
    steps,
    learningRate,
    layout,
    program: () => pretrainingProgram(config, layout, shape, { coordinates, order: ORDER_WEIGHT }),
    batch: (random: Random): Tensors =>
      batches.step(
        Array.from({ length: batch }, () => random.below(trainable)),
        random,
      ),
  });
  const runtime = await startRuntime({ device: "cpu", threads: options.threads });
  try {
    // Each phase starts with fresh heads.
    const values = await runPhases(runtime, options.phases.map(phase), {
      seed,
      start,
      keeps: (name) => !isHead(name),
      ...(onProgress !== undefined && { onProgress }),
    });
    const explained = await batches.explained(runtime, layout, trainable);
    writeWeights(directory, shapes, (name) => {
      const value = (values.get(name) ?? new Float32Array()).slice();
      if (name === "logit_scale") value[0] = Math.min(value[0] ?? 0, LARGEST_LOG_SCALE);
      return value;
    });
    return { explained };
  } finally {
    await runtime.close();
  }
}
