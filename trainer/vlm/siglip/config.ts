/** @file SigLIP's config.json. Missing keys have the class's defaults, as the published files expect. */
import path from "node:path";
import { z } from "zod";
import { InputError } from "../../errors.js";
import { refuseOtherKeys } from "../files/config-keys.js";
import { readJson } from "../files/directory.js";
import { checkPatches, edge, encoderConfig, encoderKeys, size } from "../layers/encoder-config.js";
import type { EncoderConfig } from "../layers/transformer.js";

const tower = encoderKeys({
  width: 768,
  mlp: 3072,
  layers: 12,
  heads: 12,
  activation: "gelu_pytorch_tanh",
  epsilon: 1e-6,
});

const textSchema = z.looseObject({
  ...tower,
  vocab_size: size.default(32000),
  max_position_embeddings: size.default(64),
  projection_size: size.optional(),
});

/** Keys of the vision tower, which PaliGemma also has. */
export const visionTowerKeys = {
  ...tower,
  image_size: edge.default(224),
  patch_size: edge.default(16),
  num_channels: z.literal(3).default(3),
};

const visionSchema = z.looseObject({
  ...visionTowerKeys,
  vision_use_head: z
    .literal(true, { error: "a vision tower without its pooling head has no image features" })
    .default(true),
});

const schema = z.looseObject({
  text_config: textSchema.prefault({}),
  vision_config: visionSchema.prefault({}),
});

export interface SiglipTextConfig extends EncoderConfig {
  readonly positions: number;
  readonly vocabulary: number;
  readonly projection: number;
}

export interface SiglipVisionConfig extends EncoderConfig {
  readonly imageSize: number;
  readonly patch: number;
  readonly tokens: number;
}

export interface SiglipConfig {
  readonly text: SiglipTextConfig;
  readonly vision: SiglipVisionConfig;
}

export function siglipVision(file: string, vision: z.infer<z.ZodObject<typeof visionTowerKeys>>): SiglipVisionConfig {
  checkPatches(file, vision);
  return {
    ...encoderConfig(file, "vision_config", vision),
    imageSize: vision.image_size,
    patch: vision.patch_size,
    // Pixels at the right and lower edge that do not fill a patch are dropped, as in the convolution.
    tokens: Math.floor(vision.image_size / vision.patch_size) ** 2,
  };
}

export function readSiglipConfig(directory: string): SiglipConfig {
  const file = path.join(directory, "config.json");
  const json = readJson(file, schema);
  const { text_config: text, vision_config: vision } = json;
  refuseOtherKeys(file, "", json, schema.shape);
  refuseOtherKeys(file, "text_config", text, textSchema.shape);
  refuseOtherKeys(file, "vision_config", vision, visionSchema.shape);
  const projection = text.projection_size ?? text.hidden_size;
  if (projection !== vision.hidden_size) {
    throw new InputError(
      `${file}: texts have ${projection} features (text_config.projection_size), images ${vision.hidden_size} (vision_config.hidden_size): they must be as many`,
    );
  }
  return {
    text: {
      ...encoderConfig(file, "text_config", text),
      positions: text.max_position_embeddings,
      vocabulary: text.vocab_size,
      projection,
    },
    vision: siglipVision(file, vision),
  };
}
