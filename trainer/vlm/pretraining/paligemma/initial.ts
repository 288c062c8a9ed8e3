/** @file The small PaliGemma's configuration and initial weights. */
import { sizeOf } from "../../../graph/index.js";
import type { Random } from "../../../random/random.js";
import type { TokenizerFiles } from "./tokenizer-file.js";

export interface ModelSize {
  readonly imageSize: number;
  readonly patch: number;
  readonly vision: { readonly width: number; readonly layers: number; readonly heads: number; readonly mlp: number };
  readonly decoder: {
    readonly width: number;
    readonly layers: number;
    readonly heads: number;
    readonly groups: number;
    readonly headSize: number;
    readonly mlp: number;
  };
}

/** The size that ships. */
export const BUNDLED_SIZE: ModelSize = {
  imageSize: 64,
  patch: 16,
  vision: { width: 128, layers: 4, heads: 4, mlp: 512 },
  decoder: { width: 128, layers: 4, heads: 4, groups: 1, headSize: 32, mlp: 384 },
};

const MIDDLE = 0.5;

const tokensOf = ({ imageSize, patch }: ModelSize): number => Math.floor(imageSize / patch) ** 2;

/** config.json of a Hugging Face PaliGemmaForConditionalGeneration, under the keys of google/paligemma's. */
export function modelConfig(size: ModelSize, tokens: TokenizerFiles): object {
  const { vision, decoder } = size;
  return {
    architectures: ["PaliGemmaForConditionalGeneration"],
    model_type: "paligemma",
    bos_token_id: tokens.start,
    eos_token_id: tokens.end,
    pad_token_id: tokens.pad,
    image_token_index: tokens.image,
    hidden_size: decoder.width,
    projection_dim: decoder.width,
    vocab_size: tokens.vocabulary,
    torch_dtype: "float16",
    text_config: {
      model_type: "gemma",
      hidden_size: decoder.width,
      intermediate_size: decoder.mlp,
      num_hidden_layers: decoder.layers,
      num_attention_heads: decoder.heads,
      num_key_value_heads: decoder.groups,
      head_dim: decoder.headSize,
      num_image_tokens: tokensOf(size),
      vocab_size: tokens.vocabulary,
      torch_dtype: "float16",
    },
    vision_config: {
      model_type: "siglip_vision_model",
      hidden_size: vision.width,
      intermediate_size: vision.mlp,
      num_hidden_layers: vision.layers,
      num_attention_heads: vision.heads,
      image_size: size.imageSize,
      patch_size: size.patch,
      projection_dim: decoder.width,
      vision_use_head: false,
    },
  };
}

/** preprocessor_config.json, as for any PaliGemma. */
export function processorConfig(size: ModelSize): object {
  return {
    image_processor_type: "SiglipImageProcessor",
    processor_class: "PaliGemmaProcessor",
    image_seq_length: tokensOf(size),
    do_convert_rgb: null,
    do_resize: true,
    size: { height: size.imageSize, width: size.imageSize },
    resample: 3,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [MIDDLE, MIDDLE, MIDDLE],
    image_std: [MIDDLE, MIDDLE, MIDDLE],
  };
}

/** The initial values of a parameter, by its name. Norms of the decoder store their weight minus one. */
export function start(name: string, shape: readonly number[]): (random: Random) => number {
  const [outputs = 1] = shape;
  const inputs = sizeOf(shape.slice(1));
  if (name.endsWith("bias")) return () => 0;
  if (shape.length === 1) return () => (name.includes("vision_tower") ? 1 : 0);
  if (name.endsWith("position_embedding.weight")) return (random) => 0.02 * random.normal();
  if (name.endsWith("patch_embedding.weight")) return (random) => random.normal() / Math.sqrt(outputs);
  if (name.endsWith("embed_tokens.weight")) return (random) => random.normal() / Math.sqrt(inputs);
  const bound = Math.sqrt(6 / (inputs + outputs)); // Glorot and Bengio, 2010
  return (random) => random.uniform(-bound, bound);
}
