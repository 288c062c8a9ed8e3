/** @file The part of config.json that describes a decoder, under the keys that Hugging Face's classes share. */
import { z } from "zod";
import { InputError } from "../../errors.js";
import { layerCount, size } from "./encoder-config.js";

/** Defaults of a class. */
export interface DecoderDefaults {
  readonly vocabulary: number;
  readonly width: number;
  readonly mlp: number;
  readonly layers: number;
  readonly heads: number;
  readonly epsilon: number;
  readonly positions: number;
}

const rope = z
  .looseObject({
    rope_theta: z.number().positive().optional(),
    rope_type: z.literal("default", { error: "positions that are scaled are not supported" }).default("default"),
  })
  .nullable();

export const decoderKeys = ({ vocabulary, width, mlp, layers, heads, epsilon, positions }: DecoderDefaults) => ({
  vocab_size: size.default(vocabulary),
  hidden_size: size.default(width),
  intermediate_size: size.default(mlp),
  num_hidden_layers: layerCount.default(layers),
  num_attention_heads: size.default(heads),
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  rms_norm_eps: z.number().positive().default(epsilon),
  rope_theta: z.number().positive().optional(),
  // Newer files have the same settings here.
  rope_parameters: rope.optional(),
  rope_scaling: z.null({ error: "positions that are scaled are not supported" }).optional(),
  max_position_embeddings: size.default(positions),
  attention_bias: z.literal(false, { error: "attention with biases is not supported" }).default(false),
});

type Keys = z.infer<z.ZodObject<ReturnType<typeof decoderKeys>>>;

const THETA = 10_000;

/**
 * `part` is the section of config.json.
 * @throws InputError where heads and groups do not fit
 */
export function decoderSizes(file: string, part: string, keys: Keys, defaults: { headSize?: number; groups?: number }) {
  const { hidden_size: width, num_attention_heads: heads } = keys;
  const groups = keys.num_key_value_heads ?? defaults.groups ?? heads;
  if (heads % groups !== 0) {
    throw new InputError(
      `${file}: ${part}.num_attention_heads ${heads} is not a multiple of num_key_value_heads ${groups}`,
    );
  }
  const headSize = keys.head_dim ?? defaults.headSize ?? width / heads;
  if (headSize % 2 !== 0) {
    throw new InputError(`${file}: ${part}: heads of ${headSize} numbers: an even number is needed`);
  }
  return {
    width,
    heads,
    groups,
    headSize,
    mlp: keys.intermediate_size,
    layers: keys.num_hidden_layers,
    vocabulary: keys.vocab_size,
    epsilon: keys.rms_norm_eps,
    theta: keys.rope_parameters?.rope_theta ?? keys.rope_theta ?? THETA,
  };
}
