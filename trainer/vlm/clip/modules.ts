/** @file The names and shapes of CLIP's parameters in a Hugging Face file. */
import type { LinearModule } from "../weights/lora.js";
import type { ModelShape, ParameterShape } from "../weights/parameters.js";
import type { ClipConfig, TowerConfig } from "./config.js";

export type Tower = "text_model" | "vision_model";

const layer = (tower: Tower, index: number): string => `${tower}.encoder.layers.${index}`;

function towerLinears(tower: Tower, { layers, width, mlp }: TowerConfig): LinearModule[] {
  return Array.from({ length: layers }, (_, index) => [
    ...["q_proj", "k_proj", "v_proj", "out_proj"].map((name) => ({
      path: `${layer(tower, index)}.self_attn.${name}`,
      outputs: width,
      inputs: width,
    })),
    { path: `${layer(tower, index)}.mlp.fc1`, outputs: mlp, inputs: width },
    { path: `${layer(tower, index)}.mlp.fc2`, outputs: width, inputs: mlp },
  ]).flat();
}

/** Every linear layer, in the model's order: what LoRA may target. */
function linearModules({ text, vision, projection }: ClipConfig): LinearModule[] {
  return [
    ...towerLinears("text_model", text),
    ...towerLinears("vision_model", vision),
    { path: "visual_projection", outputs: projection, inputs: vision.width },
    { path: "text_projection", outputs: projection, inputs: text.width },
  ];
}

/** Every parameter, as `CLIPModel.named_parameters()` has them. */
function parameterShapes(config: ClipConfig): ParameterShape[] {
  const { text, vision } = config;
  const norm = (name: string, width: number): ParameterShape[] => [
    { name: `${name}.weight`, shape: [width] },
    { name: `${name}.bias`, shape: [width] },
  ];
  const norms = (tower: Tower, { layers, width }: TowerConfig): ParameterShape[] =>
    Array.from({ length: layers }, (_, index) => [
      ...norm(`${layer(tower, index)}.layer_norm1`, width),
      ...norm(`${layer(tower, index)}.layer_norm2`, width),
    ]).flat();
  return [
    { name: "logit_scale", shape: [] },
    { name: "text_model.embeddings.token_embedding.weight", shape: [text.vocabulary, text.width] },
    { name: "text_model.embeddings.position_embedding.weight", shape: [text.positions, text.width] },
    ...norms("text_model", text),
    ...norm("text_model.final_layer_norm", text.width),
    { name: "vision_model.embeddings.class_embedding", shape: [vision.width] },
    { name: "vision_model.embeddings.patch_embedding.weight", shape: [vision.width, 3, vision.patch, vision.patch] },
    { name: "vision_model.embeddings.position_embedding.weight", shape: [vision.tokens, vision.width] },
    ...norm("vision_model.pre_layrnorm", vision.width),
    ...norms("vision_model", vision),
    ...norm("vision_model.post_layernorm", vision.width),
    ...linearModules(config).flatMap(({ path, outputs, inputs }) => [
      { name: `${path}.weight`, shape: [outputs, inputs] },
      ...(path.endsWith("_projection") ? [] : [{ name: `${path}.bias`, shape: [outputs] }]),
    ]),
  ];
}

export const shapeOf = (config: ClipConfig): ModelShape => ({
  shapes: parameterShapes(config),
  modules: linearModules(config),
});
