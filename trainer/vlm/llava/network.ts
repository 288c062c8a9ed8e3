/** @file LLaVA 1.5 (Liu et al., 2024): CLIP's tower without its last block, two linear layers, and a Llama decoder. */
import { gelu, reshape, slice, type Value } from "../../graph/index.js";
import { visionTokens } from "../clip/network.js";
import { axis } from "../layers/axes.js";
import { linearLayer } from "../layers/linear.js";
import type { Scope } from "../layers/scope.js";
import type { LlavaConfig } from "./config.js";

/** The vision tower's path in the module tree. */
export const TOWER = "model.vision_tower.vision_model";
const PROJECTOR = "model.multi_modal_projector";

/** Patches [images, patches, 3 · patch²] → the decoder's input, [images · patches, width of the decoder]. */
export function imageFeatures(scope: Scope, { vision, decoder }: LlavaConfig, patches: Value): Value {
  const images = axis(patches, 0);
  const all = visionTokens(scope, vision, patches, TOWER);
  const tokens = slice(reshape(all, [images, vision.tokens, vision.width]), 1, 1, vision.tokens);
  const hidden = gelu(linearLayer(scope, `${PROJECTOR}.linear_1`, reshape(tokens, [-1, vision.width]), decoder.width));
  return scope.stage("projector", linearLayer(scope, `${PROJECTOR}.linear_2`, hidden, decoder.width));
}
