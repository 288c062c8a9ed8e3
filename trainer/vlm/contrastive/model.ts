/** @file A contrastive model from its directory: scores with cached text embeddings, and fine-tunes on caption sets. */
import { at } from "../../at.js";
import { InputError } from "../../errors.js";
import { startRuntime } from "../../graph/index.js";
import { CAPTIONS } from "../../language/index.js";
import { float32, floats, type Tensors } from "../../tensor.js";
import { type Loaded, LoadedModel } from "../loaded-model.js";
import {
  checkCounts,
  type FineTuneResult,
  type ImageBatch,
  type OpenOptions,
  type Reply,
  type VisionLanguageModel,
} from "../model.js";
import { openTokenizer, readParameters } from "../model-directory.js";
import { range, type StepPart } from "../training/fine-tuner.js";
import type { ImageFront } from "../training/image-front.js";
import { bucket } from "../training/program-cache.js";
import { startingPoint } from "../weights/starting.js";
import { captionSetTensors, DistinctTexts } from "./batches.js";
import type { ContrastiveNetwork, TextBatch } from "./network.js";
import { type Captions, DEFAULT_SCORING_BATCH, planStep, type Training, textsOf, trainingOf } from "./plan.js";
import { type ContrastiveSource, calibrationProgram, captionSetLoss, imageProgram, textProgram } from "./programs.js";

class ContrastiveModel extends LoadedModel<ContrastiveSource> {
  private readonly front: ImageFront | null;
  private embeddings = new Map<string, Float32Array>();
  private calibrated: { factor: number; bias: number } | undefined;
  /** Captions that a warning was given about. */
  private readonly told = new Set<string>();

  constructor(
    loaded: Loaded<ContrastiveSource>,
    private readonly training: Training | null,
    private readonly warn: (line: string) => void,
  ) {
    super(loaded);
    const stage = training?.image.stage ?? null;
    this.front = stage === null ? null : this.frontAt(stage);
  }

  protected async scoreNow(images: ImageBatch, captions: Captions): Promise<Float32Array[][]> {
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
      throw new InputError(`${this.directory}: its logits are no finite numbers: ${this.tuner.whyNotFinite}`);
    }
    return result;
  }

  protected async replyNow(images: ImageBatch, captions: Captions): Promise<Reply[][]> {
    const scored = await this.scoreNow(images, captions);
    return scored.map((sets) => sets.map((logits) => ({ logits, said: null })));
  }

  protected async fineTuneNow(images: ImageBatch, captions: Captions): Promise<FineTuneResult> {
    checkCounts(images, captions);
    const { training } = this;
    if (training === null) throw new Error("opened without fineTuning: it can only score");
    const sets = captions.reduce((sum, own) => sum + own.length, 0);
    const result = await this.tuner.step(images.count, (chosen) => this.part(training, images, captions, sets, chosen));
    this.forget();
    return result;
  }

  /** The part of a step with the chosen images; `sets`: caption sets in the whole step. */
  private async part(
    training: Training,
    images: ImageBatch,
    captions: Captions,
    sets: number,
    chosen: readonly number[],
  ): Promise<StepPart | null> {
    const own = chosen.map((image) => at(captions, image));
    if (own.every(({ length }) => length === 0)) return null;
    const { network } = this.source;
    const { texts, distinct, batch, shape, start } = planStep(network, this.tokenizer, training, own);
    const seen =
      this.front === null
        ? { patches: this.patches.of(images, chosen, shape.images) }
        : { front: await this.front.of(images, chosen, shape.images) };
    return {
      key: `${shape.images} ${shape.sets} ${start.textsFrozen ? batch.texts : batch.key}`,
      feeds: {
        ...seen,
        ...(start.textsFrozen ? await this.embeddedTexts(texts, distinct, batch) : batch.tensors),
        ...captionSetTensors(own, distinct, { ...shape, texts: batch.texts, count: sets }),
      },
      front: start.image,
      loss: (scope) => captionSetLoss(scope, network, batch, shape, start),
    };
  }

  /** Embeddings from a frozen text network, at the texts' numbers. */
  private async embeddedTexts(texts: readonly string[], distinct: DistinctTexts, batch: TextBatch): Promise<Tensors> {
    await this.embedTexts(texts);
    const data = new Float32Array(batch.texts * this.width);
    for (const text of texts) data.set(this.embedding(text), distinct.number(text) * this.width);
    return { text_embeddings: float32(data, [batch.texts, this.width]) };
  }

  private get width(): number {
    return this.source.network.embedding;
  }

  /** Embeddings and calibration depend on the parameters. */
  protected forget(): void {
    if (this.training === null) return;
    if (!this.training.text.whole) this.embeddings = new Map();
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

  /** Captions that differ only in the part that is cut are the same to the model; warns about each once. */
  private warnOfLong(texts: readonly string[]): void {
    const { positions } = this.source.network;
    const long = texts.filter((text) => !this.told.has(text) && this.tokenizer.encode(text).length > positions);
    for (const text of long) this.told.add(text);
    if (long.length === 0) return;
    const [count, first] = [long.length === 1 ? "a caption is" : `${long.length} captions are`, at(long, 0)];
    const shown = first.length > 60 ? `${first.slice(0, 60)}…` : first;
    this.warn(`${count} longer than the ${positions} tokens that the model reads, and cut: "${shown}"`);
  }

  /** Adds new texts to the cache, similar beginnings together. */
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

/** Opens a directory in its own worker thread. */
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
    const source: ContrastiveSource = { network, parameters, trainable };
    const scoringBatch = options.scoringBatch ?? DEFAULT_SCORING_BATCH;
    const fineTuning = training?.options ?? null;
    const baseName = options.baseName ?? directory;
    const loaded = { directory, baseName, runtime, source, tokenizer, fineTuning, phrasing, scoringBatch };
    const model = new ContrastiveModel(loaded, training, options.warn ?? silent);
    await model.start(trained);
    return model;
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
