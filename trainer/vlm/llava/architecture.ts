/** @file LLaVA 1.5 as one of the generative architectures. */
import { InputError } from "../../errors.js";
import type { Phrasing } from "../../language/index.js";
import { visionModel } from "../clip/network.js";
import { generative } from "../generative/architecture.js";
import {
  DECODER_LAYERS,
  declareDecoder,
  type GenerativeNetwork,
  requireToken,
  sizesOf,
} from "../generative/network.js";
import { patchesInput } from "../training/image-front.js";
import { type LlavaConfig, readLlavaConfig } from "./config.js";
import { imageFeatures, TOWER } from "./network.js";

const IMAGE = "<image>";

/** A prompt without a place for the image becomes a turn of the conversation that the model was trained on. */
const asTurn = (prompt: string): string => (prompt.includes(IMAGE) ? prompt : `USER: ${IMAGE}\n${prompt} ASSISTANT:`);

const PHRASING: Phrasing = {
  prompt: "Where is the {a} relative to the {b}? Answer with the relation alone.",
  answer: "{relation}",
  describe: "Describe the picture in one sentence.",
  judge: { prompt: "Is it true that {caption} Answer yes or no.", yes: "Yes", no: "No" },
};

export function llavaNetwork(config: LlavaConfig): GenerativeNetwork {
  const { vision, decoder, imageToken, endToken, positions } = config;
  const network: GenerativeNetwork = {
    architecture: "llava",
    modelClass: "LlavaForConditionalGeneration",
    sizes: sizesOf(config),
    grid: vision,
    phrasing: PHRASING,
    defaultTargets: DECODER_LAYERS,
    vocabulary: decoder.vocabulary,
    decoder,
    imageTokens: vision.tokens - 1,
    imageToken,
    prefixSeesItself: false,
    endToken,
    positions,
    image: (scope, patches) => imageFeatures(scope, config, patches),
    prompt: (tokenizer, prompt) => {
      const ids = tokenizer.encode(asTurn(prompt));
      const place = ids.indexOf(imageToken);
      return { before: ids.slice(0, place), after: ids.slice(place + 1) };
    },
    answer: (tokenizer, prompt, answer) => {
      const [asked, whole] = [tokenizer.encode(asTurn(prompt)), tokenizer.encode(`${asTurn(prompt)} ${answer}`)];
      if (asked.some((token, i) => whole[i] !== token)) {
        throw new InputError(
          `${JSON.stringify(answer)} after ${JSON.stringify(prompt.slice(-40))} is not tokenised as the prompt and an answer: end the prompt otherwise`,
        );
      }
      return Int32Array.of(...whole.slice(asked.length), endToken);
    },
    checkTokenizer: (tokenizer, file) => {
      requireToken(tokenizer, file, "image_token_index", IMAGE, imageToken);
      requireToken(tokenizer, file, "text_config.eos_token_id", "</s>", endToken);
    },
    declare: (scope) => {
      const patches = patchesInput(scope.graph, network, 1);
      // No answer depends on the last block, but the files contain it.
      visionModel(scope, vision, patches, TOWER);
      imageFeatures(scope, config, patches);
      declareDecoder(scope, network);
    },
  };
  return network;
}

export const LLAVA = generative("llava", (directory) => llavaNetwork(readLlavaConfig(directory)), PHRASING);
