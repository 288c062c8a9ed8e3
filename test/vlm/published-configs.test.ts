/** @file The sparse config.json files of published models that answer give the sizes of the models. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { architectureIn } from "../../trainer/vlm/architectures.js";
import { countOf } from "../../trainer/vlm/weights/parameters.js";
import { temporaryFolder } from "../temporary.js";

const so400m = {
  hidden_size: 1152,
  intermediate_size: 4304,
  model_type: "siglip_vision_model",
  num_attention_heads: 16,
  num_hidden_layers: 27,
  num_image_tokens: 256,
  patch_size: 14,
  projection_dim: 2048,
  projector_hidden_act: "gelu_fast",
  vision_use_head: false,
};
const paligemma = {
  _vocab_size: 257152,
  architectures: ["PaliGemmaForConditionalGeneration"],
  bos_token_id: 2,
  eos_token_id: 1,
  hidden_size: 2048,
  ignore_index: -100,
  image_token_index: 257152,
  model_type: "paligemma",
  pad_token_id: 0,
  projection_dim: 2048,
  text_config: {
    hidden_size: 2048,
    intermediate_size: 16384,
    model_type: "gemma",
    num_attention_heads: 8,
    num_hidden_layers: 18,
    num_image_tokens: 256,
    num_key_value_heads: 1,
    torch_dtype: "float32",
    vocab_size: 257216,
  },
  torch_dtype: "bfloat16",
  transformers_version: "4.42.0.dev0",
  vision_config: so400m,
};
const paligemma2 = {
  ...paligemma,
  hidden_size: 2304,
  num_hidden_layers: 26,
  projection_dim: 2304,
  text_config: {
    architectures: ["Gemma2ForCausalLM"],
    cache_implementation: "hybrid",
    hidden_size: 2304,
    intermediate_size: 9216,
    model_type: "gemma2",
    num_attention_heads: 8,
    num_hidden_layers: 26,
    num_image_tokens: 256,
    num_key_value_heads: 4,
    query_pre_attn_scalar: 256,
    torch_dtype: "bfloat16",
    vocab_size: 257216,
  },
  vision_config: { ...so400m, num_positions: 256, projection_dim: 2304 },
};
const llava = {
  architectures: ["LlavaForConditionalGeneration"],
  ignore_index: -100,
  image_token_index: 32000,
  model_type: "llava",
  pad_token_id: 32001,
  projector_hidden_act: "gelu",
  text_config: {
    _name_or_path: "lmsys/vicuna-7b-v1.5",
    architectures: ["LlamaForCausalLM"],
    max_position_embeddings: 4096,
    model_type: "llama",
    rms_norm_eps: 1e-5,
    torch_dtype: "float16",
    vocab_size: 32064,
  },
  tie_word_embeddings: false,
  torch_dtype: "float16",
  vision_config: {
    hidden_size: 1024,
    image_size: 336,
    intermediate_size: 4096,
    model_type: "clip_vision_model",
    num_attention_heads: 16,
    num_hidden_layers: 24,
    patch_size: 14,
    projection_dim: 768,
    vocab_size: 32000,
  },
  vision_feature_layer: -2,
  vision_feature_select_strategy: "default",
};

function shapeOf(config: object) {
  const directory = temporaryFolder("config");
  writeFileSync(path.join(directory, "config.json"), JSON.stringify(config));
  return architectureIn(directory).shape(directory);
}

describe("a published config.json", () => {
  it.each([
    ["PaliGemma 3B at 224", paligemma, 2_923_466_480],
    ["PaliGemma 2 3B at 224", paligemma2, 3_032_242_416],
    ["LLaVA 1.5 7B", llava, 7_063_427_072],
  ])("of %s has the parameters that the model has", (_, config, parameters) => {
    expect(countOf(shapeOf(config).shapes)).toBe(parameters);
  });

  it.each([
    [
      "another decoder",
      { ...llava, text_config: { ...llava.text_config, model_type: "mistral" } },
      "text_config.model_type",
    ],
    [
      "scaled positions",
      { ...llava, text_config: { ...llava.text_config, rope_scaling: { factor: 2 } } },
      "rope_scaling",
    ],
    ["features of another layer", { ...llava, vision_feature_layer: -1 }, "vision_feature_layer"],
    ["the class token kept", { ...llava, vision_feature_select_strategy: "full" }, "vision_feature_select_strategy"],
    [
      "an unknown key",
      { ...paligemma, text_config: { ...paligemma.text_config, router_size: 4 } },
      "text_config.router_size",
    ],
    [
      "layers that are not all named",
      { ...paligemma2, text_config: { ...paligemma2.text_config, layer_types: ["full_attention"] } },
      "layer_types",
    ],
  ])("with %s is refused by name", (_, config, name) => {
    expect(() => shapeOf(config)).toThrow(InputError);
    expect(() => shapeOf(config)).toThrow(name);
  });
});
