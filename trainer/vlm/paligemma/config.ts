/** @file PaliGemma's config.json, with Gemma's decoder or Gemma 2's; missing keys have the class's defaults. */
import path from "node:path";
import { z } from "zod";
import { InputError } from "../../errors.js";
import { refuseOtherKeys } from "../files/config-keys.js";
import { readJson } from "../files/directory.js";
import type { DecoderConfig } from "../layers/decoder.js";
import { decoderKeys, decoderSizes } from "../layers/decoder-config.js";
import { size } from "../layers/encoder-config.js";
import { type SiglipVisionConfig, siglipVision, visionTowerKeys } from "../siglip/config.js";

/** Gemma's "gelu" also means the tanh form: its first files used that name by mistake. */
const activation = z
  .enum(["gelu_pytorch_tanh", "gelu"], { error: 'takes "gelu_pytorch_tanh"' })
  .nullable()
  .default("gelu_pytorch_tanh");

/** Keys of both decoders. */
const shared = {
  hidden_act: activation,
  hidden_activation: activation,
  // Repeats the tower's value, and PaliGemma's kind of mask.
  num_image_tokens: size.optional(),
  use_bidirectional_attention: z.boolean().nullable().optional(),
  tie_word_embeddings: z.boolean().optional(),
};

const gemmaSchema = z.looseObject({
  model_type: z.literal("gemma"),
  ...shared,
  ...decoderKeys({
    vocabulary: 256_000,
    width: 3072,
    mlp: 24_576,
    layers: 28,
    heads: 16,
    epsilon: 1e-6,
    positions: 8192,
  }),
});

const cap = z.number().positive().nullable();

const gemma2Schema = z.looseObject({
  model_type: z.literal("gemma2"),
  ...shared,
  ...decoderKeys({
    vocabulary: 256_000,
    width: 2304,
    mlp: 9216,
    layers: 26,
    heads: 8,
    epsilon: 1e-6,
    positions: 8192,
  }),
  query_pre_attn_scalar: z.number().positive().default(256),
  sliding_window: size.nullable().default(4096),
  attn_logit_softcapping: cap.default(50),
  final_logit_softcapping: cap.default(30),
  layer_types: z.array(z.enum(["sliding_attention", "full_attention"])).optional(),
});

const visionSchema = z.looseObject({
  ...visionTowerKeys,
  vision_use_head: z.boolean().optional(),
  num_image_tokens: size.optional(),
  projector_hidden_act: z.string().optional(),
  vocab_size: size.optional(),
  // PaliGemma 2's repeats what follows from image_size and patch_size.
  num_positions: size.optional(),
});

const schema = z.looseObject({
  text_config: z.discriminatedUnion("model_type", [gemmaSchema, gemma2Schema], {
    error: 'takes "gemma" or "gemma2"',
  }),
  vision_config: visionSchema.prefault({}),
  image_token_index: z.number().int().nonnegative().default(256_000),
  hidden_size: size.optional(),
  tie_word_embeddings: z.boolean().optional(),
  vocab_size: size.optional(),
  _vocab_size: size.optional(),
  ignore_index: z.number().optional(),
  // PaliGemma 2's repeats the decoder's, for generation.
  num_hidden_layers: size.optional(),
  eos_token_id: z.number().int().nonnegative().nullish(),
});

export interface PaliGemmaConfig {
  readonly vision: SiglipVisionConfig;
  readonly decoder: DecoderConfig;
  readonly positions: number;
  readonly imageToken: number;
  readonly endToken: number;
}

const END = 1;

type Json = z.infer<typeof schema>;

function decoderConfig(file: string, text: Json["text_config"], isTied = true): DecoderConfig {
  const sizes = decoderSizes(file, "text_config", text, {
    headSize: 256,
    ...(text.model_type === "gemma2" ? { groups: 4 } : {}),
  });
  const gemma = {
    ...sizes,
    activation: "gelu_pytorch_tanh",
    normOffset: 1,
    embeddingScale: Math.fround(Math.sqrt(sizes.width)),
    // The decoder's own key counts first.
    tied: text.tie_word_embeddings ?? isTied,
  } as const;
  if (text.model_type === "gemma") {
    return {
      ...gemma,
      sandwich: false,
      queryScale: sizes.headSize ** -0.5,
      attentionCap: null,
      logitCap: null,
      window: null,
      slides: () => false,
    };
  }
  const kinds = text.layer_types;
  if (kinds !== undefined && kinds.length !== sizes.layers) {
    throw new InputError(`${file}: text_config.layer_types names ${kinds.length} layers of ${sizes.layers}`);
  }
  return {
    ...gemma,
    sandwich: true,
    queryScale: text.query_pre_attn_scalar ** -0.5,
    attentionCap: text.attn_logit_softcapping,
    logitCap: text.final_logit_softcapping,
    window: text.sliding_window,
    slides: (layer) => (kinds === undefined ? layer % 2 === 0 : kinds[layer] === "sliding_attention"),
  };
}

export function readPaliGemmaConfig(directory: string): PaliGemmaConfig {
  const file = path.join(directory, "config.json");
  const json = readJson(file, schema);
  const { text_config: text, vision_config: vision } = json;
  refuseOtherKeys(file, "", json, schema.shape);
  refuseOtherKeys(file, "text_config", text, (text.model_type === "gemma" ? gemmaSchema : gemma2Schema).shape);
  refuseOtherKeys(file, "vision_config", vision, visionSchema.shape);
  return {
    vision: siglipVision(file, vision),
    decoder: decoderConfig(file, text, json.tie_word_embeddings),
    positions: text.max_position_embeddings,
    imageToken: json.image_token_index,
    endToken: json.eos_token_id ?? END,
  };
}
