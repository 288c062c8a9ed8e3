/** @file What the RLS3 loop sees of a vision-language model, whichever architecture is behind it. */
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

/** @throws RangeError for another number of caption lists than images, or images of another size than they say */
export function checkCounts({ count, height, width, data }: ImageBatch, captions: readonly unknown[]): void {
  if (count !== captions.length) throw new RangeError(`${count} images, but caption sets of ${captions.length}`);
  const bytes = count * height * width * 3;
  if (data.length !== bytes) throw new RangeError(`${data.length} bytes of images instead of ${bytes}`);
}

/** One thing asked of an image: the text that is true of it, and texts that are not. */
export interface CaptionSet {
  /** What the texts are answers to; left out where they are captions. Models that rank captions pass it over. */
  readonly prompt?: string;
  readonly right: string;
  readonly wrong: readonly string[];
}

/** How one set was answered. */
export interface Reply {
  /** As `score` gives them. */
  readonly logits: Float32Array;
  /** The greedy answer to the set's prompt; null from a model that only ranks. */
  readonly said: string | null;
}

/** The loss of a step before its update, and how large its gradient was. */
export interface FineTuneResult {
  readonly loss: number;
  /** Global norm before clipping. */
  readonly gradientNorm: number;
}

/** Adapter (or full) parameters and the optimizer's state: what a checkpoint holds. */
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
  /** The size images should be rendered at: the vision tower's own. */
  readonly imageSize: number;
  /** How pairs are put to it. */
  readonly phrasing: Phrasing;
  /**
   * Logits of each image's caption sets: result[i][j] belongs to captions[i][j], the right text first, then the wrong ones in order.
   * Of a model that ranks captions, their similarity; of one that answers, each text's log-likelihood, its tokens and the end
   * token summed.
   */
  score(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<Float32Array[][]>;
  /** The same, and what a model that answers says by itself. */
  reply(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<Reply[][]>;
  /**
   * One optimizer step. A model that ranks: mean over all caption sets of the cross entropy of the right caption against its wrong
   * ones. A model that answers: by FineTuning.objective.
   */
  fineTune(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<FineTuneResult>;
  /** Adapter in PEFT's format (adapter_config.json, adapter_model.safetensors). */
  saveAdapter(directory: string): Promise<void>;
  /** What training has changed, copied: for a checkpoint. */
  state(): Promise<TrainingState>;
  /** Goes back to a state of the same model and fine-tuning. Rejects a state with other tensors. */
  restore(state: TrainingState): Promise<void>;
  /** Frees the model's memory; it can't be used afterwards. */
  close(): Promise<void>;
}

/** How a model is fine-tuned: LoRA or all weights, the objective, and the optimizer's settings. */
export interface FineTuning {
  readonly method: "lora" | "full";
  readonly rank: number;
  readonly alpha: number;
  /** What LoRA changes: ends of module paths, or a regular expression for whole paths; null: the architecture's own choice. */
  readonly targets: TargetModules | null;
  /** Scale alpha / √rank in place of alpha / rank. */
  readonly rankStabilized: boolean;
  /** Share of a layer's inputs that A does not see in a step. */
  readonly dropout: number;
  /** Ranks and alphas of single modules, by the end of a path or a regular expression for it. */
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  /**
   * What a model that answers is trained on: the mean over all answers' tokens of their cross entropy, the right text against the
   * wrong ones by their log-likelihoods, or the sum of both.
   */
  readonly objective: "answer" | "ranking" | "both";
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly gradientClip: number;
  readonly warmupSteps: number;
  /** Parts that a step's images go through in, one after another: the same step in less memory. */
  readonly accumulation: number;
  readonly seed: number;
}

/** Templates in place of the architecture's own. */
export interface PhrasingChanges {
  readonly prompt?: string;
  readonly answer?: string;
  readonly vocabulary?: Vocabulary;
}

/** How a model is opened. */
export interface OpenOptions {
  readonly runtime: RuntimeOptions;
  /** Left out: the model scores, and cannot be fine-tuned. */
  readonly fineTuning?: FineTuning;
  /** An adapter in PEFT's format to start from: added to the weights, or, where LoRA is trained, trained further. */
  readonly adapter?: string;
  /** base_model_name_or_path of adapters that are written; default: the directory. */
  readonly baseName?: string;
  /** Told, a line each time, of captions that were cut because they are longer than the model reads. */
  readonly warn?: (line: string) => void;
  readonly phrasing?: PhrasingChanges;
  /** Images that go through the model at once when scoring. */
  readonly scoringBatch?: number;
}
