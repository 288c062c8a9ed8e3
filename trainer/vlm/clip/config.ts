/** @file CLIP's config.json. Missing keys have the class's defaults, as the published files expect. */
import path from "node:path";
import { z } from "zod";
import { refuseOtherKeys } from "../files/config-keys.js";
import { readJson } from "../files/directory.js";
import { checkPatches, edge, encoderConfig, encoderKeys, size } from "../layers/encoder-config.js";
import type { EncoderConfig } from "../layers/transformer.js";

const tower = { layers: 12, activation: "quick_gelu", epsilon: 1e-5 } as const;

const textSchema = z.looseObject({
  ...encoderKeys({ ...tower, width: 512, mlp: 2048, heads: 8 }),
  max_position_embeddings: size.default(77),
  vocab_size: size.default(49408),
  eos_token_id: z.number().int().nonnegative().default(49407),
});

/** Keys of the vision tower, which LLaVA also has. */
export const visionEncoderKeys = {
  ...encoderKeys({ ...tower, width: 768, mlp: 3072, heads: 12 }),
  image_size: edge.default(224),
  patch_size: edge.default(32),
  num_channels: z.literal(3).default(3),
};

const visionSchema = z.looseObject(visionEncoderKeys);

const schema = z.looseObject({
  projection_dim: size.default(512),
  text_config: textSchema.prefault({}),
  vision_config: visionSchema.prefault({}),
  // transformers lets these replace the other sections, with the class's defaults for missing keys.
  text_config_dict: textSchema.nullable().default(null),
  vision_config_dict: visionSchema.nullable().default(null),
});

export interface ClipTextConfig extends EncoderConfig {
  readonly positions: number;
  readonly vocabulary: number;
  /** The end token to pool at (its first position); "largest" for openai's legacy eos_token_id 2. */
  readonly pooling: number | "largest";
}

export interface ClipVisionConfig extends EncoderConfig {
  readonly imageSize: number;
  readonly patch: number;
  /** One for each patch, and one for the class. */
  readonly tokens: number;
}

export interface ClipConfig {
  readonly projection: number;
  readonly text: ClipTextConfig;
  readonly vision: ClipVisionConfig;
}

export function clipVision(file: string, vision: z.infer<z.ZodObject<typeof visionEncoderKeys>>): ClipVisionConfig {
  checkPatches(file, vision);
  return {
    ...encoderConfig(file, "vision_config", vision),
    imageSize: vision.image_size,
    patch: vision.patch_size,
    // Pixels at the right and lower edge that do not fill a patch are dropped, as in the convolution.
    tokens: Math.floor(vision.image_size / vision.patch_size) ** 2 + 1,
  };
}

/** openai's first configurations say eos_token_id 2; then the library pools at the largest id. */
const LEGACY_EOS = 2;

export function readClipConfig(directory: string, file = "config.json"): ClipConfig {
  const location = path.join(directory, file);
  const json = readJson(location, schema);
  const text = json.text_config_dict ?? json.text_config;
  const vision = json.vision_config_dict ?? json.vision_config;
  refuseOtherKeys(location, "", json, schema.shape);
  refuseOtherKeys(location, "text_config", text, textSchema.shape);
  refuseOtherKeys(location, "vision_config", vision, visionSchema.shape);
  return {
    projection: json.projection_dim,
    text: {
      ...encoderConfig(location, "text_config", text),
      positions: text.max_position_embeddings,
      vocabulary: text.vocab_size,
      pooling: text.eos_token_id === LEGACY_EOS ? "largest" : text.eos_token_id,
    },
    vision: clipVision(location, vision),
  };
}
