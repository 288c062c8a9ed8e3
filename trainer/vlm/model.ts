/** @file The RLS3 loop's interface to a vision-language model, for every architecture. */
import type { RuntimeOptions } from "../graph/runtime.js";
import type { Phrasing, Vocabulary } from "../language/index.js";
import type { Tensors } from "../tensor.js";
import type { TargetModules } from "./weights/lora.js";

/** Images of one size, u8, [count, height, width, 3], C order. */
export interface ImageBatch {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

/** @throws RangeError where the numbers of caption lists and images differ, or the images' size is not as stated */
export function checkCounts({ count, height, width, data }: ImageBatch, captions: readonly unknown[]): void {
  if (count !== captions.length) throw new RangeError(`${count} images, but caption sets of ${captions.length}`);
  const bytes = count * height * width * 3;
  if (data.length !== bytes) throw new RangeError(`${data.length} bytes of images instead of ${bytes}`);
}

/** One question about an image: the true text, and false ones. */
export interface CaptionSet {
  /** The prompt that the texts answer; absent where they are captions. Models that rank captions ignore it. */
  readonly prompt?: string;
  readonly right: string;
  readonly wrong: readonly string[];
}

/** The reply to one set. */
export interface Reply {
  /** As from `score`. */
  readonly logits: Float32Array;
  /** The greedy answer to the set's prompt; null for a model that only ranks. */
  readonly said: string | null;
}

/** The loss of a step before its update, and the size of its gradient. */
export interface FineTuneResult {
  readonly loss: number;
  /** Global norm before clipping. */
  readonly gradientNorm: number;
}

/** Adapter (or full) parameters and the optimizer's state, for checkpoints. */
export interface TrainingState {
  readonly tensors: Tensors;
  readonly steps: number;
}

/** A vision-language model: it scores captions of images, answers questions, and learns. */
export interface VisionLanguageModel {
  /** Directory name and architecture, for config.json and reports. */
  readonly description: {
    readonly directory: string;
    readonly architecture: string;
    readonly parameters: number;
    readonly trainable: number;
  };
  /** The size to render images at: the vision tower's own. */
  readonly imageSize: number;
  /** How the model is asked about pairs. */
  readonly phrasing: Phrasing;
  /**
   * Logits of each image's caption sets: result[i][j] belongs to captions[i][j], the right text first, then the wrong
   * ones in order. For a model that ranks captions: their similarity. For one that answers: each text's log-likelihood,
   * summed over its tokens and the end token.
   */
  score(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<Float32Array[][]>;
  /** The same, plus what a model that answers says by itself. */
  reply(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<Reply[][]>;
  /**
   * One optimizer step. For a model that ranks: mean over all caption sets of the cross entropy of the right caption
   * against its wrong ones. For a model that answers: by FineTuning.objective.
   */
  fineTune(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<FineTuneResult>;
  /** Writes the adapter in PEFT's format (adapter_config.json, adapter_model.safetensors). */
  saveAdapter(directory: string): Promise<void>;
  /** A copy of what training has changed, for a checkpoint. */
  state(): Promise<TrainingState>;
  /** Restores a state of the same model and fine-tuning. Rejects a state with other tensors. */
  restore(state: TrainingState): Promise<void>;
  /** Frees the model's memory; do not use it afterwards. */
  close(): Promise<void>;
}

/** How a model is fine-tuned: LoRA or all weights, the objective, and the optimizer's settings. */
export interface FineTuning {
  readonly method: "lora" | "full";
  readonly rank: number;
  readonly alpha: number;
  /**
   * The modules that LoRA changes: ends of module paths, or a regular expression for whole paths; null: the
   * architecture's default.
   */
  readonly targets: TargetModules | null;
  /** Scale alpha / √rank instead of alpha / rank. */
  readonly rankStabilized: boolean;
  /** Share of a layer's inputs that A does not see in a step. */
  readonly dropout: number;
  /** Ranks and alphas of single modules, by the end of a path or a regular expression for it. */
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  /**
   * The objective of a model that answers: the mean cross entropy of the right answer's tokens, the right text against
   * the wrong ones by their log-likelihoods, or the sum of both.
   */
  readonly objective: "answer" | "ranking" | "both";
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly gradientClip: number;
  readonly warmupSteps: number;
  /** Number of parts in which a step's images go through the model: the same step in less memory. */
  readonly accumulation: number;
  readonly seed: number;
}

/** Templates that replace the architecture's own. */
export interface PhrasingChanges {
  readonly prompt?: string;
  readonly answer?: string;
  readonly vocabulary?: Vocabulary;
}

/** Options for opening a model. */
export interface OpenOptions {
  readonly runtime: RuntimeOptions;
  /** If absent, the model scores and cannot be fine-tuned. */
  readonly fineTuning?: FineTuning;
  /** An adapter in PEFT's format to start from: added to the weights, or trained further where LoRA is trained. */
  readonly adapter?: string;
  /** base_model_name_or_path of written adapters; default: the directory. */
  readonly baseName?: string;
  /** Called with a line about captions that were cut because they are longer than the model reads. */
  readonly warn?: (line: string) => void;
  readonly phrasing?: PhrasingChanges;
  /** Number of images in one pass when scoring. */
  readonly scoringBatch?: number;
}
