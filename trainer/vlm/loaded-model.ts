/** @file Shared by opened models of all families: programs in a worker thread, trained parameters, checkpoints. */
import path from "node:path";
import type { Runtime } from "../graph/runtime.js";
import type { Phrasing } from "../language/index.js";
import { readImageProcessing } from "./files/image-processor.js";
import { Patches } from "./files/patches.js";
import type { TextTokenizer } from "./files/tokenizer.js";
import type {
  CaptionSet,
  FineTuneResult,
  FineTuning,
  ImageBatch,
  Reply,
  TrainingState,
  VisionLanguageModel,
} from "./model.js";
import type { Network } from "./network.js";
import { FineTuner } from "./training/fine-tuner.js";
import { ImageFront } from "./training/image-front.js";
import { Programs } from "./training/program-cache.js";
import type { Source } from "./training/source.js";
import { countOf } from "./weights/parameters.js";

export interface Loaded<Own extends Source & { readonly network: Network }> {
  readonly directory: string;
  /** The base model's name in adapters that are written. */
  readonly baseName: string;
  readonly runtime: Runtime;
  readonly source: Own;
  readonly tokenizer: TextTokenizer;
  /** null: it can only score. */
  readonly fineTuning: FineTuning | null;
  readonly phrasing: Phrasing;
  /** Number of images or questions in one pass when scoring. */
  readonly scoringBatch: number;
}

type Captions = readonly (readonly CaptionSet[])[];

export abstract class LoadedModel<Own extends Source & { readonly network: Network }> implements VisionLanguageModel {
  readonly imageSize: number;
  readonly description: VisionLanguageModel["description"];
  readonly phrasing: Phrasing;
  protected readonly source: Own;
  protected readonly tokenizer: TextTokenizer;
  protected readonly scoringBatch: number;
  protected readonly directory: string;
  private readonly baseName: string;
  protected readonly programs: Programs;
  protected readonly patches: Patches;
  protected readonly tuner: FineTuner;
  protected readonly runtime: Runtime;

  constructor({ directory, baseName, runtime, source, tokenizer, fineTuning, phrasing, scoringBatch }: Loaded<Own>) {
    const { network, parameters } = source;
    this.directory = directory;
    this.baseName = baseName;
    this.runtime = runtime;
    this.source = source;
    this.tokenizer = tokenizer;
    this.phrasing = phrasing;
    this.scoringBatch = scoringBatch;
    this.imageSize = network.grid.imageSize;
    this.patches = new Patches(network.grid, readImageProcessing(directory));
    this.programs = new Programs(runtime, parameters.weights.placement(parameters.shapes));
    this.tuner = new FineTuner(runtime, this.programs, source, fineTuning);
    this.description = {
      directory: path.basename(path.resolve(directory)),
      architecture: network.architecture,
      parameters: countOf(parameters.shapes),
      trainable: this.tuner.trained,
    };
  }

  /** Ends when the calls so far have. They share buffers and the runtime's variables, so each waits for its turn. */
  private turn: Promise<unknown> = Promise.resolve();

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  score(images: ImageBatch, captions: Captions): Promise<Float32Array[][]> {
    return this.inTurn(() => this.scoreNow(images, captions));
  }

  reply(images: ImageBatch, captions: Captions): Promise<Reply[][]> {
    return this.inTurn(() => this.replyNow(images, captions));
  }

  fineTune(images: ImageBatch, captions: Captions): Promise<FineTuneResult> {
    return this.inTurn(() => this.fineTuneNow(images, captions));
  }

  protected abstract scoreNow(images: ImageBatch, captions: Captions): Promise<Float32Array[][]>;
  protected abstract replyNow(images: ImageBatch, captions: Captions): Promise<Reply[][]>;
  protected abstract fineTuneNow(images: ImageBatch, captions: Captions): Promise<FineTuneResult>;
  /** Called when the parameters have changed: drops everything computed from the old ones. */
  protected abstract forget(): void;

  /** The image network's values up to a stage. */
  protected frontAt(stage: string): ImageFront {
    return new ImageFront(this.programs, this.patches, this.source, this.source.network, this.scoringBatch, stage);
  }

  start(trained: Float32Array): Promise<void> {
    return this.tuner.start(trained);
  }

  saveAdapter(directory: string): Promise<void> {
    const { modelClass } = this.source.network;
    return this.inTurn(() => this.tuner.save(directory, { directory: this.baseName, modelClass }));
  }

  state(): Promise<TrainingState> {
    return this.inTurn(() => this.tuner.state());
  }

  restore(state: TrainingState): Promise<void> {
    return this.inTurn(async () => {
      await this.tuner.restore(state);
      this.forget();
    });
  }

  async close(): Promise<void> {
    await this.runtime.close();
  }
}
