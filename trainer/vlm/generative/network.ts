/** @file What a generative architecture is to the model, its programs and its comparisons: an image network, a decoder, and how text becomes tokens. */
import { InputError } from "../../errors.js";
import type { Phrasing } from "../../language/index.js";
import type { TextTokenizer } from "../files/tokenizer.js";
import { type Decoder, type DecoderConfig, decode, embedTokens, nextTokenLogits } from "../layers/decoder.js";
import type { Scope } from "../layers/scope.js";
import type { Network } from "../network.js";

/** What is before and after the image's tokens. */
export interface PromptTokens {
  readonly before: Int32Array;
  readonly after: Int32Array;
}

export interface GenerativeNetwork extends Network {
  readonly phrasing: Phrasing;
  readonly decoder: DecoderConfig;
  /** Tokens that an image becomes; `image` gives [images · imageTokens, width of the decoder]. */
  readonly imageTokens: number;
  /** The id that stands for each of them in a tokenizer's output. */
  readonly imageToken: number;
  /** Whether the tokens of image and prompt see each other both ways; else each sees those before it. */
  readonly prefixSeesItself: boolean;
  /** The token that ends an answer. */
  readonly endToken: number;
  /** The most tokens that image, prompt and answer may have together. */
  readonly positions: number;
  prompt(tokenizer: TextTokenizer, prompt: string): PromptTokens;
  /** An answer's tokens as they follow the prompt's, the end token included. */
  answer(tokenizer: TextTokenizer, prompt: string, answer: string): Int32Array;
}

/** Of a configuration, what tells people how large the model is. */
export function sizesOf({ vision, decoder }: { readonly vision: object; readonly decoder: DecoderConfig }): object {
  const { width, mlp, layers, heads, groups, headSize, vocabulary, window } = decoder;
  return {
    vision,
    decoder: { width, mlp, layers, heads, groups, headSize, vocabulary, ...(window !== null && { window }) },
  };
}

/** The decoder's parameters, and the head's. */
export function declareDecoder(scope: Scope, { decoder: config }: GenerativeNetwork): void {
  const { graph } = scope;
  const decoder: Decoder = { scope, config, path: DECODER_PATH };
  const mask = graph.input("mask", [1, 1, 1, 1]);
  const cells = {
    rows: 1,
    positions: graph.input("positions", [1, 1], "int32"),
    mask,
    slidingMask: mask,
    positionsEnd: 1,
  };
  const x = embedTokens(decoder, graph.input("ids", [1], "int32"));
  nextTokenLogits(decoder, decode(decoder, x, cells));
}

/** @throws InputError where the tokenizer has no such token, or another id for it than config.json's `key` says (null: any) */
export function requireToken(
  tokenizer: TextTokenizer,
  file: string,
  key: string,
  token: string,
  id: number | null,
): void {
  const found = tokenizer.idOf(token);
  if (found !== undefined && (id === null || found === id)) return;
  throw new InputError(
    `${file}: ${key}${id === null ? "" : ` ${id}`} is ${token}, which the tokenizer beside it ${found === undefined ? "does not have" : `knows as ${found}`}`,
  );
}

/** The decoder's linear layers, the head left out: what LoRA changes where the user does not say otherwise. */
export const DECODER_LAYERS = ".*language_model.*\\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)";

/** Where the decoder lies in the module tree. */
export const DECODER_PATH = "model.language_model";
/** The last stage of the image network: what the decoder takes of an image. */
export const FEATURES = "projector";
