/** @file PaliGemma and PaliGemma 2 as one of the generative architectures. */
import type { Phrasing } from "../../language/index.js";
import { generative } from "../generative/architecture.js";
import {
  DECODER_LAYERS,
  declareDecoder,
  type GenerativeNetwork,
  requireToken,
  sizesOf,
} from "../generative/network.js";
import { patchesInput } from "../training/image-front.js";
import { type PaliGemmaConfig, readPaliGemmaConfig } from "./config.js";
import { imageFeatures } from "./network.js";

const BOS = "<bos>";

const PHRASING: Phrasing = {
  prompt: "answer en where is the {a} relative to the {b}?",
  answer: "{relation}",
  describe: "caption en",
  judge: { prompt: "answer en is it true that {caption}", yes: "yes", no: "no" },
};

export function paligemmaNetwork(config: PaliGemmaConfig): GenerativeNetwork {
  const { vision, decoder, imageToken, endToken, positions } = config;
  const network: GenerativeNetwork = {
    architecture: "paligemma",
    modelClass: "PaliGemmaForConditionalGeneration",
    sizes: sizesOf(config),
    grid: vision,
    phrasing: PHRASING,
    defaultTargets: DECODER_LAYERS,
    vocabulary: decoder.vocabulary,
    decoder,
    imageTokens: vision.tokens,
    imageToken,
    prefixSeesItself: true,
    endToken,
    positions,
    image: (scope, patches) => imageFeatures(scope, config, patches),
    prompt: (tokenizer, prompt) => {
      const text = tokenizer.encodePlain(`${prompt}\n`);
      return { before: new Int32Array(), after: Int32Array.of(tokenizer.idOf(BOS) ?? 0, ...text) };
    },
    // Tokenized separately from the prompt, as in training.
    answer: (tokenizer, _prompt, answer) => Int32Array.of(...tokenizer.encodePlain(answer), endToken),
    checkTokenizer: (tokenizer, file) => {
      requireToken(tokenizer, file, "image_token_index", "<image>", imageToken);
      requireToken(tokenizer, file, "eos_token_id", "<eos>", endToken);
      requireToken(tokenizer, file, "bos_token_id", BOS, null);
    },
    declare: (scope) => {
      imageFeatures(scope, config, patchesInput(scope.graph, network, 1));
      declareDecoder(scope, network);
    },
  };
  return network;
}

export const PALIGEMMA = generative(
  "paligemma",
  (directory) => paligemmaNetwork(readPaliGemmaConfig(directory)),
  PHRASING,
);
