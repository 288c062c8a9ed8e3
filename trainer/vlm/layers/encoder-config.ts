/**
 * @file The part of config.json that describes a transformer encoder, under the keys that Hugging Face's classes share.
 */
import { z } from "zod";
import { InputError } from "../../errors.js";
import { ACTIVATIONS, type EncoderConfig } from "./transformer.js";

export const size = z.number().int().positive();

/** The largest edge of a picture or a patch: beyond any model's, and small enough for counting patches. */
const MOST_EDGE = 16_384;
export const edge = z.number().int().positive().max(MOST_EDGE);

/** @throws InputError where a picture is smaller than one patch */
export function checkPatches(file: string, vision: { readonly image_size: number; readonly patch_size: number }): void {
  const { image_size: image, patch_size: patch } = vision;
  if (patch <= image) return;
  throw new InputError(`${file}: vision_config.patch_size ${patch} is larger than image_size ${image}`);
}

/**
 * A network is built layer by layer before any weight is checked, so depth is limited; the deepest published ones have
 * about a hundred layers.
 */
export const layerCount = z.number().int().positive().max(1000);

/** The keys, with a class's defaults. */
export const encoderKeys = ({ width, mlp, layers, heads, activation, epsilon }: EncoderConfig) => ({
  hidden_size: size.default(width),
  intermediate_size: size.default(mlp),
  num_hidden_layers: layerCount.default(layers),
  num_attention_heads: size.default(heads),
  hidden_act: z.enum(ACTIVATIONS).default(activation),
  layer_norm_eps: z.number().positive().default(epsilon),
});

type Keys = z.infer<z.ZodObject<ReturnType<typeof encoderKeys>>>;

/**
 * `part` is the section of config.json.
 * @throws InputError where the heads do not divide the width
 */
export function encoderConfig(file: string, part: string, keys: Keys): EncoderConfig {
  const { hidden_size: width, num_attention_heads: heads } = keys;
  if (width % heads !== 0) {
    throw new InputError(`${file}: ${part}.hidden_size ${width} is not a multiple of num_attention_heads ${heads}`);
  }
  return {
    width,
    heads,
    mlp: keys.intermediate_size,
    layers: keys.num_hidden_layers,
    activation: keys.hidden_act,
    epsilon: keys.layer_norm_eps,
  };
}
