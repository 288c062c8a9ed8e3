/** @file What a network of any family is to opening, inspecting, tuning and saving it. */
import type { TextTokenizer } from "./files/tokenizer.js";
import type { Scope } from "./layers/scope.js";
import type { ImageNetwork } from "./training/image-front.js";
import type { TargetModules } from "./weights/lora.js";

export interface Network extends ImageNetwork {
  /** config.json's model_type. */
  readonly architecture: string;
  /** transformers' class, for adapter_config.json. */
  readonly modelClass: string;
  /** For people. */
  readonly sizes: object;
  readonly defaultTargets: TargetModules;
  /** Rows of the embedding of tokens. */
  readonly vocabulary: number;
  /** @throws InputError for a tokenizer that does not have the tokens that config.json speaks of; `file` is config.json's name for the message */
  checkTokenizer(tokenizer: TextTokenizer, file: string): void;
  /** Declares every parameter, in the order of the module tree. */
  declare(scope: Scope): void;
}
