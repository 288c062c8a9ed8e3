/** @file The interface of a generative architecture: an image network, a decoder, and how text becomes tokens. */
import { InputError } from "../../errors.js";
import type { Phrasing } from "../../language/index.js";
import type { TextTokenizer } from "../files/tokenizer.js";
import { type Decoder, type DecoderConfig, decode, embedTokens, nextTokenLogits } from "../layers/decoder.js";
import type { Scope } from "../layers/scope.js";
import type { Network } from "../network.js";

/** The tokens before and after the image. */
export interface PromptTokens {
  readonly before: Int32Array;
  readonly after: Int32Array;
}

export interface GenerativeNetwork extends Network {
  readonly phrasing: Phrasing;
  readonly decoder: DecoderConfig;
  /** Tokens per image; `image` returns [images · imageTokens, width of the decoder]. */
  readonly imageTokens: number;
  /** The id of an image token in the tokenizer's output. */
  readonly imageToken: number;
  /** Whether the tokens of image and prompt attend to each other both ways; otherwise each attends to earlier ones. */
  readonly prefixSeesItself: boolean;
  /** The token that ends an answer. */
  readonly endToken: number;
  /** The most tokens of image, prompt and answer together. */
  readonly positions: number;
  prompt(tokenizer: TextTokenizer, prompt: string): PromptTokens;
  /** An answer's tokens after the prompt's, with the end token. */
  answer(tokenizer: TextTokenizer, prompt: string, answer: string): Int32Array;
}

/** The parts of a configuration that show how large the model is. */
export function sizesOf({ vision, decoder }: { readonly vision: object; readonly decoder: DecoderConfig }): object {
  const { width, mlp, layers, heads, groups, headSize, vocabulary, window } = decoder;
  return {
    vision,
    decoder: { width, mlp, layers, heads, groups, headSize, vocabulary, ...(window !== null && { window }) },
  };
}

/** Declares the parameters of the decoder and its head. */
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

/**
 * @throws InputError where the tokenizer lacks the token, or has another id for it than config.json's `key` says (null:
 * any)
 */
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

/** The decoder's linear layers without the head: LoRA's default targets. */
export const DECODER_LAYERS = ".*language_model.*\\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)";

/** The decoder's path in the module tree. */
export const DECODER_PATH = "model.language_model";
/** The last stage of the image network: the decoder's input. */
export const FEATURES = "projector";
