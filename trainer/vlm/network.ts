/** @file The interface of a network of any family, for opening, inspecting, fine-tuning and saving. */
import type { TextTokenizer } from "./files/tokenizer.js";
import type { Scope } from "./layers/scope.js";
import type { ImageNetwork } from "./training/image-front.js";
import type { TargetModules } from "./weights/lora.js";

export interface Network extends ImageNetwork {
  /** config.json's model_type. */
  readonly architecture: string;
  /** transformers' class, for adapter_config.json. */
  readonly modelClass: string;
  /** For display. */
  readonly sizes: object;
  readonly defaultTargets: TargetModules;
  /** Rows of the token embedding. */
  readonly vocabulary: number;
  /**
   * `file` is config.json's name for the message.
   * @throws InputError for a tokenizer without the tokens that config.json mentions
   */
  checkTokenizer(tokenizer: TextTokenizer, file: string): void;
  /** Declares every parameter, in the order of the module tree. */
  declare(scope: Scope): void;
}
