/** @file A CLIP from its directory: scoring with cached text embeddings, and fine-tuning on caption sets. */
import path from "node:path";
import { InputError } from "../../errors.js";
import { layoutSize, pack, startRuntime } from "../../graph/index.js";
import type { Program, Runtime, Tensor, Tensors } from "../../graph/runtime.js";
import { Random } from "../../random/random.js";
import { readImageProcessing } from "../files/image-processor.js";
import { TextTokenizer } from "../files/tokenizer.js";
import type {
  CaptionSet,
  FineTuneResult,
  FineTuning,
  ImageBatch,
  TrainingState,
  VisionLanguageModel,
} from "../model.js";
import type { OpenOptions } from "../open-options.js";
import { bucket, captionSetTensors, DistinctTexts, Patches, treeSize } from "../training/batches.js";
import { Programs } from "../training/program-cache.js";
import { textTree, treeTensors } from "../training/text-tree.js";
import { readAdapter, type TargetModules, writeAdapter } from "../weights/lora.js";
import {
  adapterOf,
  adapterValues,
  freshAdapter,
  fullTrainable,
  loraTrainable,
  mergeAdapter,
  type Trainable,
} from "../weights/parameters.js";
import { writeModelDirectory } from "../weights/write-directory.js";
import { type ClipParameters, readClipParameters } from "./parameters.js";
import { imageProgram, type Source, scaleProgram, stepProgram, TRAINED, textProgram } from "./programs.js";

const DEFAULT_TARGETS: TargetModules = [
  "q_proj",
  "k_proj",
  "v_proj",
  "out_proj",
  "fc1",
  "fc2",
  "visual_projection",
  "text_projection",
];
const DEFAULT_SCORING_BATCH = 64;
/** Texts that go through the tower at once when scoring. */
const TEXT_BATCH = 512;

/** Adam's state beside the trained parameters. */
const STATE = [TRAINED, `${TRAINED}.first`, `${TRAINED}.second`, `${TRAINED}.step`] as const;

const vector = (data: Float32Array): Tensor => ({ type: "float32", dims: [data.length], data });

function floats(tensors: Tensors, name: string): Float32Array {
  const data = tensors[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no float tensor ${name}`);
  return data;
}

interface Starting {
  readonly clip: ClipParameters;
  readonly trainable: Trainable | null;
  readonly trained: Float32Array;
}

/** What is trained and from where, by the options. */
function starting(directory: string, { fineTuning, adapter, targets }: OpenOptions): Starting {
  const clip = readClipParameters(directory);
  const loaded = adapter === undefined ? null : readAdapter(adapter, clip.modules);
  if (fineTuning?.method === "lora") {
    if (loaded !== null) {
      const trainable = loraTrainable(clip, { ...loaded.config, targets: [...loaded.pairs.keys()] });
      const values = adapterValues(loaded);
      return { clip, trainable, trained: pack(trainable.layout, (name) => values.get(name) ?? new Float32Array()) };
    }
    const { rank, alpha, seed } = fineTuning;
    const trainable = loraTrainable(clip, { rank, alpha, targets: targets ?? DEFAULT_TARGETS, rankStabilized: false });
    return { clip, trainable, trained: freshAdapter(trainable, Random.stream(seed, "adapter")) };
  }
  const whole = loaded === null ? clip : mergeAdapter(clip, loaded);
  if (fineTuning === undefined) return { clip: whole, trainable: null, trained: new Float32Array() };
  const trainable = fullTrainable(whole);
  const trained = pack(trainable.layout, (name) => whole.values.get(name) ?? new Float32Array());
  return { clip: whole, trainable, trained };
}

class ClipModel implements VisionLanguageModel {
  readonly imageSize: number;
  readonly description: VisionLanguageModel["description"];
  private readonly patches: Patches;
  private readonly programs: Programs;
  private readonly source: Source;
  private embeddings = new Map<string, Float32Array>();
  private scale: number | undefined;
  private steps = 0;

  constructor(
    private readonly directory: string,
    private readonly runtime: Runtime,
    private readonly clip: ClipParameters,
    private readonly trainable: Trainable | null,
    private readonly tokenizer: TextTokenizer,
    private readonly fineTuning: FineTuning | undefined,
    private readonly scoringBatch: number,
  ) {
    this.imageSize = clip.config.vision.imageSize;
    this.patches = new Patches(clip.config.vision, readImageProcessing(directory));
    this.programs = new Programs(runtime);
    this.source = { clip, trainable };
    let parameters = 0;
    for (const data of clip.values.values()) parameters += data.length;
    this.description = {
      directory: path.basename(path.resolve(directory)),
      architecture: "clip",
      parameters,
      trainable: trainable === null ? 0 : layoutSize(trainable.layout),
    };
  }

  /** Puts the trained parameters and a fresh optimizer state into the runtime. */
  async start(trained: Float32Array): Promise<void> {
    if (this.trainable === null) return;
    await this.runtime.set({
      [STATE[0]]: vector(trained),
      [STATE[1]]: vector(new Float32Array(trained.length)),
      [STATE[2]]: vector(new Float32Array(trained.length)),
      [STATE[3]]: { type: "float32", dims: [], data: Float32Array.of(0) },
    });
  }

  async score(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<Float32Array[][]> {
    checkCounts(images, captions);
    await this.embedTexts(captions);
    const scale = Math.exp(await this.logScale());
    const result: Float32Array[][] = [];
    for (let first = 0; first < images.count; first += this.scoringBatch) {
      const chosen = range(first, Math.min(first + this.scoringBatch, images.count));
      const embedded = await this.embedImages(images, chosen);
      for (let row = 0; row < chosen.length; row++) {
        const own = embedded.subarray(row * this.width, (row + 1) * this.width);
        const logits: Float32Array[] = [];
        for (const set of captions[first + row] ?? []) logits.push(this.logits(own, set, scale));
        result.push(logits);
      }
    }
    return result;
  }

  async fineTune(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<FineTuneResult> {
    checkCounts(images, captions);
    const { trainable, fineTuning, clip } = this;
    if (trainable === null || fineTuning === undefined) throw new Error("opened without fineTuning: it can only score");
    const count = captions.reduce((sum, sets) => sum + sets.length, 0);
    if (count === 0) throw new RangeError("a step of fine-tuning needs at least one caption set");
    const distinct = new DistinctTexts((text) => this.tokenizer.encodeTruncated(text, clip.config.text.positions));
    for (const { right, wrong } of captions.flat()) for (const text of [right, ...wrong]) distinct.number(text);
    const tree = textTree(clip.config.text, distinct.encoded);
    const shape = {
      images: imageBucket(images.count),
      sets: captions.reduce((most, sets) => Math.max(most, sets.length), 1),
      ...treeSize(clip.config.text, tree),
    };
    const program = await this.programs.get(`step ${Object.values(shape).join(" ")}`, () =>
      stepProgram(clip, trainable, shape, fineTuning),
    );
    const warm = Math.min(1, (this.steps + 1) / Math.max(1, fineTuning.warmupSteps));
    const found = await program.run({
      patches: this.patches.of(images, range(0, images.count), shape.images),
      ...treeTensors(tree, shape),
      ...captionSetTensors(captions, distinct, shape),
      learningRate: { type: "float32", dims: [], data: Float32Array.of(fineTuning.learningRate * warm) },
    });
    this.steps++;
    this.forget();
    return { loss: floats(found, "loss")[0] ?? 0, gradientNorm: floats(found, "gradientNorm")[0] ?? 0 };
  }

  async saveAdapter(directory: string): Promise<void> {
    const { trainable, clip } = this;
    if (trainable === null) throw new Error("opened without fineTuning: there is no adapter");
    const flat = floats(await this.runtime.get([TRAINED]), TRAINED);
    if (trainable.lora === null) writeModelDirectory(directory, this.directory, clip, trainable, flat);
    else {
      writeAdapter(directory, adapterOf(clip, trainable, flat), { directory: this.directory, modelClass: "CLIPModel" });
    }
  }

  async state(): Promise<TrainingState> {
    return { tensors: this.trainable === null ? {} : await this.runtime.get(STATE), steps: this.steps };
  }

  async restore({ tensors, steps }: TrainingState): Promise<void> {
    const size = this.trainable === null ? 0 : layoutSize(this.trainable.layout);
    if (size > 0 && tensors[TRAINED]?.data.length !== size) {
      throw new InputError(
        `the checkpoint trains ${tensors[TRAINED]?.data.length ?? 0} numbers, this model ${size}: another rank, method or model`,
      );
    }
    if (size > 0) await this.runtime.set(tensors);
    this.steps = steps;
    this.forget();
  }

  async close(): Promise<void> {
    await this.runtime.close();
  }

  private get width(): number {
    return this.clip.config.projection;
  }

  /** Embeddings and scale follow from the parameters, which have changed. */
  private forget(): void {
    this.embeddings = new Map();
    this.scale = undefined;
  }

  private async logScale(): Promise<number> {
    if (this.scale === undefined) {
      const program = await this.programs.get("scale", () => scaleProgram(this.source));
      this.scale = floats(await program.run({}), "scale")[0] ?? 0;
    }
    return this.scale;
  }

  private logits(image: Float32Array, { right, wrong }: CaptionSet, scale: number): Float32Array {
    const logits = new Float32Array(1 + wrong.length);
    for (let choice = 0; choice < logits.length; choice++) {
      const embedding = this.embeddings.get(choice === 0 ? right : (wrong[choice - 1] as string));
      let sum = 0;
      for (let i = 0; i < image.length; i++) sum += (image[i] ?? 0) * (embedding?.[i] ?? 0);
      logits[choice] = sum * scale;
    }
    return logits;
  }

  /** [chosen, projection], unit length. */
  private async embedImages(images: ImageBatch, chosen: readonly number[]): Promise<Float32Array> {
    const rows =
      chosen.length === this.scoringBatch ? this.scoringBatch : Math.min(bucket(chosen.length), this.scoringBatch);
    const program: Program = await this.programs.get(`images ${rows}`, () => imageProgram(this.source, rows));
    return floats(await program.run({ patches: this.patches.of(images, chosen, rows) }), "embeddings");
  }

  /** The captions that have no embedding, sorted. */
  private missing(captions: readonly (readonly CaptionSet[])[]): string[] {
    const missing = new Set<string>();
    // The same set is asked of many images.
    const seen = new Set<CaptionSet>();
    for (const sets of captions) {
      for (const set of sets) {
        if (seen.has(set)) continue;
        seen.add(set);
        if (!this.embeddings.has(set.right)) missing.add(set.right);
        for (const text of set.wrong) if (!this.embeddings.has(text)) missing.add(text);
      }
    }
    return [...missing].sort();
  }

  /** Fills the cache with captions that are not in it yet, those that begin alike together. */
  private async embedTexts(captions: readonly (readonly CaptionSet[])[]): Promise<void> {
    const { text } = this.clip.config;
    const missing = this.missing(captions);
    for (let first = 0; first < missing.length; first += TEXT_BATCH) {
      const part = missing.slice(first, first + TEXT_BATCH);
      const distinct = new DistinctTexts((own) => this.tokenizer.encodeTruncated(own, text.positions));
      const numbers = part.map((own) => distinct.number(own));
      const tree = textTree(text, distinct.encoded);
      const size = treeSize(text, tree);
      const program = await this.programs.get(`texts ${Object.values(size).join(" ")}`, () =>
        textProgram(this.source, size),
      );
      const embedded = floats(await program.run(treeTensors(tree, size)), "embeddings");
      part.forEach((own, i) => {
        const row = numbers[i] ?? 0;
        this.embeddings.set(own, embedded.slice(row * this.width, (row + 1) * this.width));
      });
    }
  }
}

/** Whole numbers from `first` to before `end`. */
function range(first: number, end: number): number[] {
  const numbers: number[] = [];
  for (let i = first; i < end; i++) numbers.push(i);
  return numbers;
}

/** Steps of fine-tuning come in one size but for an epoch's last: multiples of 16 images. */
const imageBucket = (count: number): number => (count <= 8 ? bucket(count) : Math.ceil(count / 16) * 16);

function checkCounts(images: ImageBatch, captions: readonly unknown[]): void {
  if (images.count !== captions.length) {
    throw new RangeError(`${images.count} images, but caption sets of ${captions.length}`);
  }
  const bytes = images.count * images.height * images.width * 3;
  if (images.data.length !== bytes) throw new RangeError(`${images.data.length} bytes of images instead of ${bytes}`);
}

/** Opens a CLIP directory in a worker thread of its own. */
export async function openClip(directory: string, options: OpenOptions): Promise<VisionLanguageModel> {
  const { clip, trainable, trained } = starting(directory, options);
  const tokenizer = TextTokenizer.open(directory);
  const runtime = await startRuntime(options.runtime);
  try {
    const model = new ClipModel(
      directory,
      runtime,
      clip,
      trainable,
      tokenizer,
      options.fineTuning,
      options.scoringBatch ?? DEFAULT_SCORING_BATCH,
    );
    await model.start(trained);
    return model;
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
