/** @file A contrastive model from its directory: scoring with cached text embeddings, and fine-tuning on caption sets. */
import path from "node:path";
import { at, only } from "../../at.js";
import { InputError } from "../../errors.js";
import { layoutSize, startRuntime, unpack } from "../../graph/index.js";
import type { Runtime } from "../../graph/runtime.js";
import { CAPTIONS, type Phrasing } from "../../language/index.js";
import { Random } from "../../random/random.js";
import { float32, scalar, type Tensor, type Tensors } from "../../tensor.js";
import { readImageProcessing } from "../files/image-processor.js";
import type { TextTokenizer } from "../files/tokenizer.js";
import type { FineTuneResult, ImageBatch, OpenOptions, Reply, TrainingState, VisionLanguageModel } from "../model.js";
import { dropoutFeeds, dropoutTables } from "../training/dropout.js";
import { type Input, Programs } from "../training/program-cache.js";
import { matchTargets, writeAdapter } from "../weights/lora.js";
import { adapterOf, countOf } from "../weights/parameters.js";
import { startingPoint } from "../weights/starting.js";
import { writeModelDirectory } from "../weights/write-directory.js";
import { bucket, captionSetTensors, DistinctTexts, Patches } from "./batches.js";
import { openTokenizer, readParameters } from "./directory.js";
import { type ImageRow, ImageRows } from "./image-rows.js";
import type { ContrastiveNetwork, TextBatch } from "./network.js";
import { type Captions, DEFAULT_SCORING_BATCH, planStep, type Training, textsOf, trainingOf } from "./plan.js";
import {
  ACCUMULATED,
  calibrationProgram,
  frontProgram,
  imageProgram,
  partProgram,
  type Source,
  type StepShape,
  type StepStart,
  stepProgram,
  TRAINED,
  textProgram,
  updateProgram,
} from "./programs.js";

/** Adam's state beside the trained parameters. */
const STATE = [TRAINED, `${TRAINED}.first`, `${TRAINED}.second`, `${TRAINED}.step`] as const;

function floats(tensors: Tensors, name: string): Float32Array {
  const data = tensors[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no float tensor ${name}`);
  return data;
}

/** A step of fine-tuning. */
interface StepWork {
  readonly training: Training;
  readonly images: ImageBatch;
  readonly captions: Captions;
  /** Caption sets of all images. */
  readonly sets: number;
  readonly learningRate: Tensor;
}

class ContrastiveModel implements VisionLanguageModel {
  readonly imageSize: number;
  readonly description: VisionLanguageModel["description"];
  private readonly patches: Patches;
  private readonly programs: Programs;
  private readonly front = new ImageRows();
  private embeddings = new Map<string, Float32Array>();
  private calibrated: { factor: number; bias: number } | undefined;
  /** Captions that a warning was given of. */
  private readonly told = new Set<string>();
  private steps = 0;

  constructor(
    private readonly directory: string,
    private readonly runtime: Runtime,
    private readonly source: Source,
    private readonly tokenizer: TextTokenizer,
    private readonly training: Training | null,
    private readonly scoringBatch: number,
    readonly phrasing: Phrasing,
    private readonly warn: (line: string) => void,
  ) {
    const { network, parameters } = source;
    this.imageSize = network.grid.imageSize;
    this.patches = new Patches(network.grid, readImageProcessing(directory));
    this.programs = new Programs(runtime, parameters.weights.placement(parameters.shapes));
    this.description = {
      directory: path.basename(path.resolve(directory)),
      architecture: network.architecture,
      parameters: countOf(parameters.shapes),
      trainable: training === null ? 0 : layoutSize(training.trainable.layout),
    };
  }

  /** Puts the trained parameters and a fresh optimizer state into the runtime. */
  async start(trained: Float32Array): Promise<void> {
    if (this.source.trainable === null) return;
    await this.runtime.set({ [TRAINED]: float32(trained) });
    if (this.training === null) return;
    const zeros = (): Tensor => float32(new Float32Array(trained.length));
    await this.runtime.set({ [STATE[1]]: zeros(), [STATE[2]]: zeros(), [STATE[3]]: scalar(0) });
    const { lora } = this.training.trainable;
    if (lora !== null && lora.dropout > 0) {
      const widths = matchTargets(lora.targets, this.source.parameters.modules).map(({ inputs }) => inputs);
      await this.runtime.set(dropoutTables(widths, lora.dropout, this.training.options.seed));
    }
  }

  async score(images: ImageBatch, captions: Captions): Promise<Float32Array[][]> {
    checkCounts(images, captions);
    await this.embedTexts(textsOf(captions));
    const { factor, bias } = await this.calibration();
    const result: Float32Array[][] = [];
    for (let first = 0; first < images.count; first += this.scoringBatch) {
      const chosen = range(first, Math.min(first + this.scoringBatch, images.count));
      const embedded = await this.embedImages(images, chosen);
      for (const [row, image] of chosen.entries()) {
        const own = embedded.subarray(row * this.width, (row + 1) * this.width);
        result.push(
          at(captions, image).map(({ right, wrong }) =>
            Float32Array.from([right, ...wrong], (text) => factor * dot(own, this.embedding(text)) + bias),
          ),
        );
      }
    }
    if (result.flat().some((logits) => !logits.every(Number.isFinite))) {
      throw new InputError(
        `${this.directory}: its logits are no finite numbers: the weights or the adapter are damaged`,
      );
    }
    return result;
  }

  async reply(images: ImageBatch, captions: Captions): Promise<Reply[][]> {
    const scored = await this.score(images, captions);
    return scored.map((sets) => sets.map((logits) => ({ logits, said: null })));
  }

  async fineTune(images: ImageBatch, captions: Captions): Promise<FineTuneResult> {
    checkCounts(images, captions);
    const { training } = this;
    if (training === null) throw new Error("opened without fineTuning: it can only score");
    const sets = captions.reduce((sum, own) => sum + own.length, 0);
    if (sets === 0) throw new RangeError("a step of fine-tuning needs at least one caption set");
    const { options } = training;
    const warm = Math.min(1, (this.steps + 1) / Math.max(1, options.warmupSteps));
    const learningRate = scalar(options.learningRate * warm);
    const result =
      options.accumulation === 1
        ? await this.wholeStep({ training, images, captions, sets, learningRate })
        : await this.stepInParts({ training, images, captions, sets, learningRate });
    this.steps++;
    this.forget(training);
    return result;
  }

  private async wholeStep(work: StepWork): Promise<FineTuneResult> {
    const { training, learningRate } = work;
    const { key, batch, shape, start, feeds } = await this.stepFeeds(work, range(0, work.images.count));
    const { program, inputs } = await this.programs.get(`step ${key}`, () =>
      stepProgram({ ...this.source, trainable: training.trainable }, batch, shape, start, training.options),
    );
    const found = await program.run({ ...feeds, ...this.dropout(inputs, training, 0), learningRate });
    return { loss: at(floats(found, "loss"), 0), gradientNorm: at(floats(found, "gradientNorm"), 0) };
  }

  /** The same step with its images in parts, whose gradients are added up. */
  private async stepInParts(work: StepWork): Promise<FineTuneResult> {
    const { training, images, captions, learningRate } = work;
    // What a step that failed has added up is not part of this one.
    await this.runtime.set({ [ACCUMULATED]: float32(new Float32Array(layoutSize(training.trainable.layout))) });
    const source = { ...this.source, trainable: training.trainable };
    const size = Math.ceil(images.count / training.options.accumulation);
    let loss = 0;
    for (let first = 0; first < images.count; first += size) {
      const chosen = range(first, Math.min(first + size, images.count));
      if (chosen.every((image) => at(captions, image).length === 0)) continue;
      const { key, batch, shape, start, feeds } = await this.stepFeeds(work, chosen);
      const part = await this.programs.get(`part ${key}`, () => partProgram(source, batch, shape, start));
      const fed = { ...feeds, ...this.dropout(part.inputs, training, first) };
      loss += at(floats(await part.program.run(fed), "loss"), 0);
    }
    const update = await this.programs.get("update", () => updateProgram(source, training.options));
    return { loss, gradientNorm: at(floats(await update.program.run({ learningRate }), "gradientNorm"), 0) };
  }

  /** Other masks at each step, and in each part of one; none where there is no dropout. */
  private dropout(inputs: readonly Input[], { options }: Training, first: number): Tensors {
    return dropoutFeeds(inputs, Random.stream(options.seed, "dropout", this.steps, first));
  }

  /** What a step over the chosen images is fed, and the graph's shape that it goes through. */
  private async stepFeeds(
    { training, images, captions, sets }: StepWork,
    chosen: readonly number[],
  ): Promise<{ key: string; batch: TextBatch; shape: StepShape; start: StepStart; feeds: Tensors }> {
    const own = chosen.map((image) => at(captions, image));
    const { texts, distinct, batch, shape, start } = planStep(this.source.network, this.tokenizer, training, own);
    const feeds = {
      ...(await this.imageFeeds(images, chosen, shape.images, start.image)),
      ...(start.textsFrozen ? await this.embeddedTexts(texts, distinct, batch) : batch.tensors),
      ...captionSetTensors(own, distinct, { ...shape, texts: batch.texts, count: sets }),
    };
    const key = `${shape.images} ${shape.sets} ${start.textsFrozen ? batch.texts : batch.key}`;
    return { key, batch, shape, start, feeds };
  }

  /** Patches of the chosen images; or what the frozen front makes of them, computed where it is not known. */
  private async imageFeeds(
    images: ImageBatch,
    chosen: readonly number[],
    rows: number,
    stage: string | null,
  ): Promise<Tensors> {
    if (stage === null) return { patches: this.patches.of(images, chosen, rows) };
    const keys = ImageRows.keys(images, chosen);
    const known = keys.map((key) => this.front.get(key));
    const missing = chosen.filter((_, row) => known[row] === undefined);
    const made = missing.length === 0 ? [] : await this.frontRows(images, missing, stage);
    const all = known.map((row) => row ?? at(made.splice(0, 1), 0));
    keys.forEach((key, row) => {
      this.front.set(key, at(all, row));
    });
    const { data: first, width } = at(all, 0);
    const data = new Float32Array(rows * first.length);
    // Padding is an image like any other: features that are all zero have no direction.
    for (let row = 0; row < rows; row++) data.set(at(all, Math.min(row, all.length - 1)).data, row * first.length);
    return { front: float32(data, [data.length / width, width]) };
  }

  private async frontRows(images: ImageBatch, chosen: readonly number[], stage: string): Promise<ImageRow[]> {
    const rows: ImageRow[] = [];
    for (let first = 0; first < chosen.length; first += this.scoringBatch) {
      const part = chosen.slice(first, first + this.scoringBatch);
      const count = Math.min(bucket(part.length), this.scoringBatch);
      const { program } = await this.programs.get(`front ${count}`, () => frontProgram(this.source, count, stage));
      const found = await program.run({ patches: this.patches.of(images, part, count) });
      const front = floats(found, "front");
      const width = at(only(Object.values(found)).dims, 1);
      const length = front.length / count;
      for (const row of part.keys()) rows.push({ data: front.slice(row * length, (row + 1) * length), width });
    }
    return rows;
  }

  /** Embeddings of a frozen text network, at the numbers that the texts have. */
  private async embeddedTexts(texts: readonly string[], distinct: DistinctTexts, batch: TextBatch): Promise<Tensors> {
    await this.embedTexts(texts);
    const data = new Float32Array(batch.texts * this.width);
    for (const text of texts) data.set(this.embedding(text), distinct.number(text) * this.width);
    return { text_embeddings: float32(data, [batch.texts, this.width]) };
  }

  async saveAdapter(directory: string): Promise<void> {
    const { training } = this;
    if (training === null) throw new Error("opened without fineTuning: there is no adapter");
    const { network, parameters } = this.source;
    const flat = floats(await this.runtime.get([TRAINED]), TRAINED);
    if (training.trainable.lora === null) {
      const trained = unpack(training.trainable.layout, flat);
      writeModelDirectory(directory, parameters, (name) => trained.get(name));
    } else {
      const base = { directory: this.directory, modelClass: network.modelClass };
      writeAdapter(directory, adapterOf(parameters, training.trainable, flat), base);
    }
  }

  async state(): Promise<TrainingState> {
    return { tensors: this.training === null ? {} : await this.runtime.get(STATE), steps: this.steps };
  }

  async restore({ tensors, steps }: TrainingState): Promise<void> {
    const { training } = this;
    if (training !== null) {
      const size = layoutSize(training.trainable.layout);
      const found = tensors[TRAINED]?.data.length;
      if (found !== size) {
        throw new InputError(
          `the checkpoint trains ${found ?? "no"} numbers, this model ${size}: another rank, method or model`,
        );
      }
      await this.runtime.set(tensors);
      this.forget(training);
    }
    this.steps = steps;
  }

  async close(): Promise<void> {
    await this.runtime.close();
  }

  private get width(): number {
    return this.source.network.embedding;
  }

  /** Embeddings and calibration follow from the parameters, which have changed. */
  private forget({ text }: Training): void {
    if (!text.whole) this.embeddings = new Map();
    this.calibrated = undefined;
  }

  private async calibration(): Promise<{ factor: number; bias: number }> {
    if (this.calibrated === undefined) {
      const { program } = await this.programs.get("calibration", () => calibrationProgram(this.source));
      const found = await program.run({});
      this.calibrated = {
        factor: at(floats(found, "factor"), 0),
        bias: found["bias"] === undefined ? 0 : at(floats(found, "bias"), 0),
      };
    }
    return this.calibrated;
  }

  private embedding(text: string): Float32Array {
    const embedding = this.embeddings.get(text);
    if (embedding === undefined) throw new Error(`no embedding of "${text}"`);
    return embedding;
  }

  /** [chosen, embedding], unit length. */
  private async embedImages(images: ImageBatch, chosen: readonly number[]): Promise<Float32Array> {
    const rows =
      chosen.length === this.scoringBatch ? this.scoringBatch : Math.min(bucket(chosen.length), this.scoringBatch);
    const { program } = await this.programs.get(`images ${rows}`, () => imageProgram(this.source, rows));
    return floats(await program.run({ patches: this.patches.of(images, chosen, rows) }), "embeddings");
  }

  /** Two captions that differ only in what is cut are one to the model: each is told of once. */
  private warnOfLong(texts: readonly string[]): void {
    const { positions } = this.source.network;
    const long = texts.filter((text) => !this.told.has(text) && this.tokenizer.encode(text).length > positions);
    for (const text of long) this.told.add(text);
    if (long.length === 0) return;
    const [count, first] = [long.length === 1 ? "a caption is" : `${long.length} captions are`, at(long, 0)];
    const shown = first.length > 60 ? `${first.slice(0, 60)}…` : first;
    this.warn(`${count} longer than the ${positions} tokens that the model reads, and cut: "${shown}"`);
  }

  /** Fills the cache with texts that are not in it yet, those that begin alike together. */
  private async embedTexts(texts: readonly string[]): Promise<void> {
    const { network } = this.source;
    const missing = texts.filter((text) => !this.embeddings.has(text)).sort();
    this.warnOfLong(missing);
    for (let first = 0; first < missing.length; first += network.textBatch) {
      const part = missing.slice(first, first + network.textBatch);
      const distinct = new DistinctTexts((text) => network.encode(this.tokenizer, text));
      const numbers = part.map((text) => distinct.number(text));
      const batch = network.texts(distinct.encoded);
      const { program } = await this.programs.get(`texts ${batch.key}`, () => textProgram(this.source, batch));
      const embedded = floats(await program.run(batch.tensors), "embeddings");
      part.forEach((text, i) => {
        const row = at(numbers, i);
        this.embeddings.set(text, embedded.slice(row * this.width, (row + 1) * this.width));
      });
    }
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

const silent = (): void => undefined;

/** Whole numbers from `first` to before `end`. */
function range(first: number, end: number): number[] {
  const numbers: number[] = [];
  for (let i = first; i < end; i++) numbers.push(i);
  return numbers;
}

function checkCounts(images: ImageBatch, captions: readonly unknown[]): void {
  if (images.count !== captions.length) {
    throw new RangeError(`${images.count} images, but caption sets of ${captions.length}`);
  }
  const bytes = images.count * images.height * images.width * 3;
  if (images.data.length !== bytes) throw new RangeError(`${images.data.length} bytes of images instead of ${bytes}`);
}

/** Opens a directory in a worker thread of its own. */
export async function openContrastive(
  directory: string,
  network: ContrastiveNetwork,
  options: OpenOptions,
): Promise<VisionLanguageModel> {
  if (options.phrasing?.prompt !== undefined) {
    throw new InputError(`${directory}: a ${network.architecture} model ranks captions and is asked no prompt`);
  }
  const phrasing = { ...CAPTIONS, ...options.phrasing };
  const parameters = readParameters(directory, network);
  const { trainable, trained } = startingPoint(parameters, options, network.defaultTargets);
  const tokenizer = openTokenizer(directory, network);
  const training = trainingOf(network, trainable, options.fineTuning);
  const runtime = await startRuntime(options.runtime);
  try {
    const source: Source = { network, parameters, trainable };
    const batch = options.scoringBatch ?? DEFAULT_SCORING_BATCH;
    const warn = options.warn ?? silent;
    const model = new ContrastiveModel(directory, runtime, source, tokenizer, training, batch, phrasing, warn);
    await model.start(trained);
    return model;
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
