/** @file Pre-training of the bundled model: two phases over labelled images, then a Hugging Face directory. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { writeDurably } from "../../files/durable-file.js";
import { toHalf, writeSafetensors } from "../../files/safetensors.js";
import { type Layout, layoutSize, pack, startRuntime, unpack } from "../../graph/index.js";
import type { Runtime, Tensor, Tensors } from "../../graph/runtime.js";
import { Random } from "../../random/random.js";
import { clipNetwork } from "../clip/architecture.js";
import { type ClipConfig, readClipConfig } from "../clip/config.js";
import { textTree, treeTensors } from "../contrastive/text-tree.js";
import { readImageProcessing } from "../files/image-processor.js";
import { Patches } from "../files/patches.js";
import { TextTokenizer } from "../files/tokenizer.js";
import { record } from "../weights/recording.js";
import {
  LARGEST_LOG_SCALE,
  PRETRAINED,
  type PretrainingShape,
  pretrainingLayout,
  pretrainingProgram,
  readingProgram,
} from "./graph.js";
import { initialValues, type ModelSize, modelConfig, processorConfig } from "./initial.js";
import { EMPTY, type LabelledImages, objectsIn } from "./labelled.js";
import { tokenizerFiles } from "./tokenizer-file.js";
import { filledCaption, vocabularyWords } from "./words.js";

export interface Phase {
  readonly steps: number;
  readonly learningRate: number;
  /** Weight of the coordinates read from the image embedding. */
  readonly coordinates: number;
}

/** Of the bundled model; about eight minutes of one thread in all. A model of several worlds takes as many steps for each. */
export const phases = (worlds: number): readonly Phase[] => [
  { steps: 950 * worlds, learningRate: 1e-3, coordinates: 1 },
  { steps: 1110 * worlds, learningRate: 7e-4, coordinates: 2 },
];

/** Of the models that `rls3 vlm pretrain` and the experiments make; `images` are of each world. */
export const RECIPE = { images: 50_000, floorOnlyImages: 30_000, heldOut: 1000, batch: 128 } as const;

export interface PretrainingOptions {
  readonly seed: number;
  readonly threads: number;
  readonly size: ModelSize;
  readonly phases: readonly Phase[];
  readonly batch: number;
  /** Images at the end that are not trained on. */
  readonly heldOut: number;
  readonly onProgress?: (progress: PretrainingProgress) => void;
}

export interface PretrainingProgress {
  readonly step: number;
  readonly steps: number;
  readonly losses: Readonly<Record<string, number>>;
}

export interface PretrainingResult {
  /** Of the held-out images' coordinates (right, up, toward), read by the thrown-away head. */
  readonly explained: readonly number[];
}

const PAIRS = 24;
const ORDER_WEIGHT = 0.3;
const WARM_UP = 50;
/** The learning rate falls over this last share of a phase. */
const DECAY_SHARE = 0.3;
/** Pixels from which an object counts as in a patch. */
const COVERED_PIXELS = 6;

const floats = (data: Float32Array, dims: readonly number[]): Tensor => ({ type: "float32", dims, data });
const integers = (data: Int32Array, dims: readonly number[]): Tensor => ({ type: "int32", dims, data });

/** Writes configuration and tokenizer: what there is of the directory before training. */
function writeFiles(directory: string, size: ModelSize, names: readonly string[]): void {
  mkdirSync(directory, { recursive: true });
  const files = tokenizerFiles(vocabularyWords(names), size.positions);
  const write = (name: string, json: object): void =>
    writeDurably(path.join(directory, name), `${JSON.stringify(json, null, 1)}\n`);
  write("config.json", modelConfig(size, files));
  write("preprocessor_config.json", processorConfig(size));
  write("tokenizer.json", files.tokenizer);
  write("tokenizer_config.json", files.config);
}

function learningRate({ steps, learningRate: rate }: Phase, step: number): number {
  const left = 1 - (step + 1) / steps;
  return rate * Math.min(1, (step + 1) / WARM_UP) * Math.min(1, left / DECAY_SHARE + 0.01);
}

/** Coordinates with mean 0 and deviation 1 over all objects of all images. */
function standardised({ coordinates, types }: LabelledImages): Float32Array {
  const count = types.reduce((sum, type) => sum + Number(type !== EMPTY), 0);
  const result = new Float32Array(coordinates.length);
  for (let axis = 0; axis < 3; axis++) {
    let sum = 0;
    let squares = 0;
    types.forEach((type, object) => {
      if (type !== EMPTY) sum += coordinates[object * 3 + axis] ?? 0;
    });
    const mean = sum / count;
    types.forEach((type, object) => {
      if (type !== EMPTY) squares += ((coordinates[object * 3 + axis] ?? 0) - mean) ** 2;
    });
    const deviation = Math.sqrt(squares / count) || 1;
    for (let i = axis; i < coordinates.length; i += 3) result[i] = ((coordinates[i] ?? 0) - mean) / deviation;
  }
  return result;
}

/** Assembles what a step is fed. */
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
    const side = (index: 0 | 1): Tensor =>
      integers(
        Int32Array.from(pairs, (pair) => pair[index]),
        [pairs.length],
      );
    return {
      patches: this.images(chosen),
      ...treeTensors(textTree(this.config.text, encoded), size),
      ...this.labels(chosen, pairs),
      first: side(0),
      second: side(1),
    };
  }

  private labels(chosen: readonly number[], pairs: readonly (readonly [number, number])[]): Tensors {
    const { names, patchPixels } = this.data;
    const patches = this.config.vision.tokens - 1;
    const texts = names.length + pairs.length;
    const present = new Float32Array(chosen.length * names.length);
    const truth = new Float32Array(chosen.length * texts);
    const coordinates = new Float32Array(present.length * 3);
    const covered = new Float32Array(chosen.length * patches * names.length);
    chosen.forEach((image, row) => {
      for (const { object, type } of objectsIn(this.data, image)) {
        present[row * names.length + type] = 1;
        coordinates.set(this.standard.subarray(object * 3, object * 3 + 3), (row * names.length + type) * 3);
        for (let patch = 0; patch < patches; patch++) {
          if ((patchPixels[object * patches + patch] ?? 0) < COVERED_PIXELS) continue;
          covered[(row * patches + patch) * names.length + type] = 1;
        }
      }
      const has = (type: number): number => present[row * names.length + type] ?? 0;
      names.forEach((_, type) => {
        truth[row * texts + type] = has(type);
      });
      pairs.forEach(([a, b], i) => {
        truth[row * texts + names.length + i] = has(a) * has(b);
      });
    });
    const rows = chosen.length;
    return {
      truth: floats(truth, [rows, texts]),
      present: floats(present, [rows, names.length]),
      coordinates: floats(coordinates, [rows, names.length, 3]),
      covered: floats(covered, [rows, patches, names.length]),
    };
  }

  /** Share of the held-out coordinates' variance that `read` [images, names, 3] explains, for each axis. */
  async explained(runtime: Runtime, layout: Layout, first: number): Promise<number[]> {
    const { names, count } = this.data;
    const rows = Math.min(count - first, 128);
    const { model, binding } = readingProgram(this.config, layout, rows, names.length);
    const program = await runtime.load(model, binding);
    const errors = [0, 0, 0];
    const squares = [0, 0, 0];
    for (let start = first; start + rows <= count; start += rows) {
      const chosen = Array.from({ length: rows }, (_, i) => start + i);
      const read = (await program.run({ patches: this.images(chosen) }))["read"]?.data ?? [];
      for (const [row, image] of chosen.entries()) {
        for (const { object, type } of objectsIn(this.data, image)) {
          for (let axis = 0; axis < 3; axis++) {
            const value = this.standard[object * 3 + axis] ?? 0;
            const own = Number(read[(row * names.length + type) * 3 + axis] ?? 0);
            errors[axis] = (errors[axis] ?? 0) + (own - value) ** 2;
            squares[axis] = (squares[axis] ?? 0) + value ** 2;
          }
        }
      }
    }
    await program.release();
    return errors.map((error, axis) => 1 - error / (squares[axis] || 1));
  }
}

/** Adam's state anew, and the heads too: each phase starts them afresh. */
async function startPhase(runtime: Runtime, layout: Layout, values: ReadonlyMap<string, Float32Array>): Promise<void> {
  const size = layoutSize(layout);
  await runtime.set({
    [PRETRAINED]: floats(
      pack(layout, (name) => values.get(name) ?? new Float32Array()),
      [size],
    ),
    [`${PRETRAINED}.first`]: floats(new Float32Array(size), [size]),
    [`${PRETRAINED}.second`]: floats(new Float32Array(size), [size]),
    [`${PRETRAINED}.step`]: floats(Float32Array.of(0), []),
  });
}

async function trained(runtime: Runtime, layout: Layout): Promise<ReadonlyMap<string, Float32Array>> {
  const flat = (await runtime.get([PRETRAINED]))[PRETRAINED]?.data;
  if (!(flat instanceof Float32Array)) throw new Error("the parameters are gone");
  return unpack(layout, flat);
}

/** Trains from scratch and writes the model's directory. */
export async function pretrain(
  directory: string,
  data: LabelledImages,
  options: PretrainingOptions,
): Promise<PretrainingResult> {
  writeFiles(directory, options.size, data.names);
  const config = readClipConfig(directory);
  const { shapes } = record(clipNetwork(config).declare);
  const batches = new Batches(data, config, TextTokenizer.open(directory), directory);
  const shape = batches.shape(options.batch);
  const layout = pretrainingLayout(config, shape);
  const trainable = data.count - options.heldOut;
  const steps = options.phases.reduce((sum, phase) => sum + phase.steps, 0);
  const runtime = await startRuntime({ device: "cpu", threads: options.threads });
  try {
    let values: ReadonlyMap<string, Float32Array> = new Map();
    let done = 0;
    for (const [index, phase] of options.phases.entries()) {
      const fresh = initialValues(layout, options.seed, index);
      const isHead = (name: string): boolean => name.startsWith("head.");
      await startPhase(runtime, layout, new Map([...fresh, ...[...values].filter(([name]) => !isHead(name))]));
      const weights = { coordinates: phase.coordinates, order: ORDER_WEIGHT };
      const { model, binding } = pretrainingProgram(config, layout, shape, weights);
      const program = await runtime.load(model, binding);
      const random = Random.stream(options.seed, "batches", index);
      const next = (): Tensors => {
        const chosen = Array.from({ length: options.batch }, () => random.below(trainable));
        return batches.step(chosen, random);
      };
      let fed = next();
      for (let step = 0; step < phase.steps; step++) {
        const running = program.run({ ...fed, learningRate: floats(Float32Array.of(learningRate(phase, step)), []) });
        fed = next();
        const found = await running;
        done++;
        const losses = Object.fromEntries(Object.entries(found).map(([name, { data: own }]) => [name, Number(own[0])]));
        options.onProgress?.({ step: done, steps, losses });
      }
      await program.release();
      values = await trained(runtime, layout);
    }
    const explained = await batches.explained(runtime, layout, trainable);
    const tensors = shapes.map(({ name, shape: dims }) => {
      const value = (values.get(name) ?? new Float32Array()).slice();
      if (name === "logit_scale") value[0] = Math.min(value[0] ?? 0, LARGEST_LOG_SCALE);
      return [name, { shape: dims, data: toHalf(value) }] as const;
    });
    writeSafetensors(path.join(directory, "model.safetensors"), Object.fromEntries(tensors));
    return { explained };
  } finally {
    await runtime.close();
  }
}
