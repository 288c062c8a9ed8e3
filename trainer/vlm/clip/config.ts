/** @file CLIP's config.json; keys that are left out have the class's defaults, as the published files rely on. */
import path from "node:path";
import { z } from "zod";
import { InputError } from "../../errors.js";
import { readJson } from "../files/directory.js";

const activation = z.enum(["quick_gelu", "gelu"]);
const size = z.number().int().positive();

const textSchema = z.looseObject({
  hidden_size: size.default(512),
  intermediate_size: size.default(2048),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(8),
  max_position_embeddings: size.default(77),
  vocab_size: size.default(49408),
  hidden_act: activation.default("quick_gelu"),
  layer_norm_eps: z.number().positive().default(1e-5),
  eos_token_id: z.number().int().nonnegative().default(49407),
});

const visionSchema = z.looseObject({
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  image_size: size.default(224),
  patch_size: size.default(32),
  num_channels: z.literal(3).default(3),
  hidden_act: activation.default("quick_gelu"),
  layer_norm_eps: z.number().positive().default(1e-5),
});

const schema = z.looseObject({
  projection_dim: size.default(512),
  text_config: textSchema.prefault({}),
  vision_config: visionSchema.prefault({}),
});

export interface TowerConfig {
  readonly width: number;
  readonly mlp: number;
  readonly layers: number;
  readonly heads: number;
  readonly activation: "quick_gelu" | "gelu";
  readonly epsilon: number;
}

export interface ClipConfig {
  readonly projection: number;
  readonly text: TowerConfig & {
    readonly positions: number;
    readonly vocabulary: number;
    /** The end token whose first place is pooled; "largest" where the configuration has openai's legacy eos_token_id 2. */
    readonly pooling: number | "largest";
  };
  readonly vision: TowerConfig & { readonly imageSize: number; readonly patch: number; readonly tokens: number };
}

/** openai's first configurations say eos_token_id 2; the library then pools at the largest id. */
const LEGACY_EOS = 2;

export function readClipConfig(directory: string, file = "config.json"): ClipConfig {
  const location = path.join(directory, file);
  const { projection_dim, text_config: text, vision_config: vision } = readJson(location, schema);
  for (const [name, tower] of Object.entries({ text_config: text, vision_config: vision })) {
    if (tower.hidden_size % tower.num_attention_heads !== 0) {
      throw new InputError(
        `${location}: ${name}.hidden_size ${tower.hidden_size} is not a multiple of num_attention_heads ${tower.num_attention_heads}`,
      );
    }
  }
  if (vision.image_size % vision.patch_size !== 0) {
    throw new InputError(
      `${location}: vision_config.image_size ${vision.image_size} is not a multiple of patch_size ${vision.patch_size}`,
    );
  }
  const common = (tower: typeof text | typeof vision): TowerConfig => ({
    width: tower.hidden_size,
    mlp: tower.intermediate_size,
    layers: tower.num_hidden_layers,
    heads: tower.num_attention_heads,
    activation: tower.hidden_act,
    epsilon: tower.layer_norm_eps,
  });
  return {
    projection: projection_dim,
    text: {
      ...common(text),
      positions: text.max_position_embeddings,
      vocabulary: text.vocab_size,
      pooling: text.eos_token_id === LEGACY_EOS ? "largest" : text.eos_token_id,
    },
    vision: {
      ...common(vision),
      imageSize: vision.image_size,
      patch: vision.patch_size,
      tokens: (vision.image_size / vision.patch_size) ** 2 + 1,
    },
  };
}
