/** @file SigLIP as one of the contrastive architectures. */
import { InputError } from "../../errors.js";
import { exp, type Tensor } from "../../graph/index.js";
import { contrastive } from "../contrastive/architecture.js";
import { captionSetSigmoid, sigmoidLoss } from "../contrastive/losses.js";
import type { ContrastiveNetwork } from "../contrastive/network.js";
import { bucket } from "../training/program-cache.js";
import { readSiglipConfig, type SiglipConfig } from "./config.js";
import { imageFeatures, textFeatures } from "./network.js";

export function siglipNetwork(config: SiglipConfig): ContrastiveNetwork {
  const { text, vision } = config;
  return {
    architecture: "siglip",
    modelClass: "SiglipModel",
    sizes: config,
    grid: vision,
    embedding: text.projection,
    // In the pooling head, only the MLP consists of linear layers that PEFT can change.
    defaultTargets: ".*(self_attn\\.(q_proj|k_proj|v_proj|out_proj)|mlp\\.(fc1|fc2)|text_model\\.head)",
    vocabulary: text.vocabulary,
    image: (scope, patches) => imageFeatures(scope, vision, patches),
    // Every text is padded to the full length.
    textBatch: 64,
    positions: text.positions,
    encode: (tokenizer, caption) => tokenizer.encodePadded(caption, text.positions),
    checkTokenizer: (tokenizer, file) => {
      // SigLIP 2's directories have the same model_type, and a tokenizer that leaves lower-casing to its class.
      if (tokenizer.encodePadded("A", text.positions).join() === tokenizer.encodePadded("a", text.positions).join())
        return;
      throw new InputError(
        `${file}: the tokenizer beside it tells "A" from "a"; SigLIP's does not, and SigLIP 2 is not supported`,
      );
    },
    texts: (encoded) => {
      const texts = bucket(encoded.length);
      const data = new Int32Array(texts * text.positions);
      encoded.forEach((ids, row) => {
        data.set(ids, row * text.positions);
      });
      const ids: Tensor = { type: "int32", dims: [texts, text.positions], data };
      return {
        key: String(texts),
        texts,
        tensors: { ids },
        features: (scope) => textFeatures(scope, text, scope.graph.input("ids", ids.dims, "int32")),
      };
    },
    pooledToken: (ids) => ids.length - 1,
    calibration: (scope) => ({
      factor: exp(scope.parameter("logit_scale", [1])),
      bias: scope.parameter("logit_bias", [1]),
    }),
    declare: (scope) => {
      scope.parameter("logit_scale", [1]);
      scope.parameter("logit_bias", [1]);
      textFeatures(scope, text, scope.graph.input("ids", [1, text.positions], "int32"));
      imageFeatures(scope, vision, scope.graph.input("patches", [1, vision.tokens, 3 * vision.patch ** 2]));
    },
    captionSetLoss: captionSetSigmoid,
    pairLoss: sigmoidLoss,
  };
}

export const SIGLIP = contrastive("siglip", (directory) => siglipNetwork(readSiglipConfig(directory)), {
  block: 2e-4,
  features: 1e-4,
  loss: 2e-5,
});
