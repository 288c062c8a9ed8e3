/** @file LLaVA's config.json; missing keys have the class's defaults. */
import path from "node:path";
import { z } from "zod";
import { type ClipVisionConfig, clipVision, visionEncoderKeys } from "../clip/config.js";
import { refuseOtherKeys } from "../files/config-keys.js";
import { readJson } from "../files/directory.js";
import type { DecoderConfig } from "../layers/decoder.js";
import { decoderKeys, decoderSizes } from "../layers/decoder-config.js";
import { size } from "../layers/encoder-config.js";

const textSchema = z.looseObject({
  model_type: z.literal("llama", { error: "a decoder other than Llama's is not supported" }).default("llama"),
  ...decoderKeys({
    vocabulary: 32_000,
    width: 4096,
    mlp: 11_008,
    layers: 32,
    heads: 32,
    epsilon: 1e-6,
    positions: 2048,
  }),
  hidden_act: z.literal("silu").default("silu"),
  mlp_bias: z.literal(false, { error: "an MLP with biases is not supported" }).default(false),
  // How the original was split for training; the numbers are the same.
  pretraining_tp: z.number().optional(),
  eos_token_id: z.number().int().nonnegative().default(2),
});

const visionSchema = z.looseObject({ ...visionEncoderKeys, vocab_size: size.optional() });

const schema = z.looseObject({
  text_config: textSchema.prefault({}),
  vision_config: visionSchema.prefault({}),
  image_token_index: z.number().int().nonnegative().default(32_000),
  image_seq_length: size.optional(),
  projector_hidden_act: z.literal("gelu").default("gelu"),
  multimodal_projector_bias: z.literal(true).default(true),
  vision_feature_layer: z.literal(-2, { error: "takes -2, the last layer but one" }).default(-2),
  vision_feature_select_strategy: z.literal("default", { error: 'takes "default"' }).default("default"),
  ignore_index: z.number().optional(),
  vocab_size: size.optional(),
});

export interface LlavaConfig {
  readonly vision: ClipVisionConfig;
  readonly decoder: DecoderConfig;
  readonly positions: number;
  readonly imageToken: number;
  readonly endToken: number;
}

export function readLlavaConfig(directory: string): LlavaConfig {
  const file = path.join(directory, "config.json");
  const json = readJson(file, schema);
  const { text_config: text, vision_config: vision } = json;
  refuseOtherKeys(file, "", json, schema.shape);
  refuseOtherKeys(file, "text_config", text, textSchema.shape);
  refuseOtherKeys(file, "vision_config", vision, visionSchema.shape);
  const sizes = decoderSizes(file, "text_config", text, {});
  return {
    vision: clipVision(file, vision),
    decoder: {
      ...sizes,
      activation: "silu",
      normOffset: 0,
      sandwich: false,
      queryScale: sizes.headSize ** -0.5,
      embeddingScale: 1,
      attentionCap: null,
      logitCap: null,
      window: null,
      slides: () => false,
      tied: false,
    },
    positions: text.max_position_embeddings,
    imageToken: json.image_token_index,
    endToken: text.eos_token_id,
  };
}
