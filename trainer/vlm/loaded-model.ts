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
  private readonly runtime: Runtime;

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

  abstract score(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<Float32Array[][]>;
  abstract reply(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<Reply[][]>;
  abstract fineTune(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<FineTuneResult>;
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
    return this.tuner.save(directory, { directory: this.baseName, modelClass: this.source.network.modelClass });
  }

  state(): Promise<TrainingState> {
    return this.tuner.state();
  }

  async restore(state: TrainingState): Promise<void> {
    await this.tuner.restore(state);
    this.forget();
  }

  async close(): Promise<void> {
    await this.runtime.close();
  }
}
