/**
 * @file PaliGemma (Beyer et al., 2024): SigLIP's tower, one linear layer, and a Gemma decoder with bidirectional
 * attention over image and question.
 */
import type { Value } from "../../graph/index.js";
import type { DecoderConfig } from "../layers/decoder.js";
import { linearLayer } from "../layers/linear.js";
import type { Scope } from "../layers/scope.js";
import { visionTower } from "../siglip/network.js";
import type { PaliGemmaConfig } from "./config.js";

/** Patches [images, patches, 3 · patch²] → the decoder's input, [images · patches, width of the decoder]. */
export function imageFeatures(
  scope: Scope,
  { vision, decoder }: { vision: PaliGemmaConfig["vision"]; decoder: Pick<DecoderConfig, "width"> },
  patches: Value,
): Value {
  const tokens = visionTower(scope, vision, patches, "model.vision_tower.vision_model");
  return scope.stage("projector", linearLayer(scope, "model.multi_modal_projector.linear", tokens, decoder.width));
}
