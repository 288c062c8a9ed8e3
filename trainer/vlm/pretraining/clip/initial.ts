/** @file The small CLIP's configuration and initial weights. */
import { sizeOf } from "../../../graph/index.js";
import type { Random } from "../../../random/random.js";

export interface ModelSize {
  readonly imageSize: number;
  readonly patch: number;
  readonly vision: TowerSize;
  readonly text: TowerSize;
  readonly positions: number;
  readonly projection: number;
}

interface TowerSize {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlp: number;
}

/**
 * The size that ships. An image takes a fraction of a millisecond forward, and one or two milliseconds in a training
 * step.
 */
export const BUNDLED_SIZE: ModelSize = {
  imageSize: 64,
  patch: 16,
  vision: { width: 128, layers: 4, heads: 4, mlp: 512 },
  text: { width: 64, layers: 2, heads: 4, mlp: 256 },
  positions: 24,
  projection: 128,
};

const MEAN = 0.5;
const DEVIATION = 0.25;
/** Initial factor of the sigmoid loss for names. */
export const INITIAL_SCALE = 14;

/** config.json of a Hugging Face CLIPModel. */
export function modelConfig(size: ModelSize, tokens: { vocabulary: number; start: number; end: number }): object {
  const tower = ({ width, layers, heads, mlp }: TowerSize): object => ({
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: mlp,
    hidden_act: "quick_gelu",
    layer_norm_eps: 1e-5,
    attention_dropout: 0,
    projection_dim: size.projection,
  });
  return {
    architectures: ["CLIPModel"],
    model_type: "clip",
    dtype: "float16",
    logit_scale_init_value: Math.log(INITIAL_SCALE),
    projection_dim: size.projection,
    text_config: {
      model_type: "clip_text_model",
      ...tower(size.text),
      max_position_embeddings: size.positions,
      vocab_size: tokens.vocabulary,
      bos_token_id: tokens.start,
      eos_token_id: tokens.end,
      pad_token_id: tokens.end,
    },
    vision_config: {
      model_type: "clip_vision_model",
      ...tower(size.vision),
      image_size: size.imageSize,
      patch_size: size.patch,
      num_channels: 3,
    },
  };
}

/** preprocessor_config.json, as for any CLIP. */
export function processorConfig(size: ModelSize): object {
  const square = { height: size.imageSize, width: size.imageSize };
  return {
    image_processor_type: "CLIPImageProcessor",
    do_convert_rgb: true,
    do_resize: true,
    size: { shortest_edge: size.imageSize },
    resample: 3,
    do_center_crop: true,
    crop_size: square,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [MEAN, MEAN, MEAN],
    image_std: [DEVIATION, DEVIATION, DEVIATION],
  };
}

/** The initial values of a parameter, by its name. */
export function start(name: string, shape: readonly number[]): (random: Random) => number {
  const [outputs = 1] = shape;
  const inputs = sizeOf(shape.slice(1));
  if (name === "logit_scale") return () => Math.log(INITIAL_SCALE);
  if (name === "sigmoid_bias") return () => -4;
  if (name.includes("norm") || name.includes("layrnorm")) return () => (name.endsWith("weight") ? 1 : 0);
  if (name.endsWith("class_embedding")) return (random) => 0.02 * random.normal();
  if (name === "vision_model.embeddings.position_embedding.weight") return (random) => 0.02 * random.normal();
  if (name.endsWith("position_embedding.weight")) return (random) => 0.05 * random.normal();
  if (name.endsWith("token_embedding.weight")) return (random) => 0.1 * random.normal();
  if (name.includes(".encoder.layers.")) {
    if (name.endsWith("bias")) return () => 0;
    const bound = Math.sqrt(6 / (inputs + outputs)); // Glorot and Bengio, 2010
    return (random) => random.uniform(-bound, bound);
  }
  if (name.endsWith("bias")) return () => 0;
  const bound = 1 / Math.sqrt(inputs);
  return (random) => random.uniform(-bound, bound);
}
