/** @file CLIP as one of the contrastive architectures. */
import { InputError } from "../../errors.js";
import { exp } from "../../graph/index.js";
import { contrastive } from "../contrastive/architecture.js";
import { captionSetCrossEntropy, contrastiveLoss } from "../contrastive/losses.js";
import type { ContrastiveNetwork } from "../contrastive/network.js";
import { pooledPosition, textInputs, textTree, treeSize, treeTensors } from "../contrastive/text-tree.js";
import { type ClipConfig, readClipConfig } from "./config.js";
import { imageFeatures, logitScale, textFeatures, textModel, visionModel } from "./network.js";

export function clipNetwork(config: ClipConfig): ContrastiveNetwork {
  const { text, vision, projection } = config;
  return {
    architecture: "clip",
    modelClass: "CLIPModel",
    sizes: config,
    grid: vision,
    embedding: projection,
    defaultTargets: ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2", "visual_projection", "text_projection"],
    vocabulary: text.vocabulary,
    image: (scope, patches) => imageFeatures(scope, visionModel(scope, vision, patches).pooled, config),
    textBatch: 512,
    positions: text.positions,
    encode: (tokenizer, caption) => tokenizer.encodeTruncated(caption, text.positions),
    checkTokenizer: (tokenizer, file) => {
      // If no text contains the end token, all texts would be pooled at their first token, which they share.
      const { pooling } = text;
      const ids = tokenizer.encode("a");
      if (pooling === "largest" ? ids.length >= 3 : ids.includes(pooling)) return;
      const named = pooling === "largest" ? "" : ` ${pooling}`;
      throw new InputError(
        `${file}: text_config.eos_token_id${named} is in no text: the tokenizer ends texts with ${ids.at(-1)}; set one to the other, or take tokenizer.json with its post_processor from the model's page`,
      );
    },
    texts: (encoded) => {
      const tree = textTree(text, encoded);
      const size = treeSize(text, tree);
      return {
        key: Object.values(size).join(" "),
        texts: size.texts,
        tensors: treeTensors(tree, size),
        features: (scope) => textFeatures(scope, textModel(scope, text, textInputs(scope.graph, size)), config),
      };
    },
    pooledToken: (ids) => pooledPosition(text.pooling, ids),
    calibration: (scope) => ({ factor: exp(logitScale(scope)), bias: null }),
    declare: (scope) => {
      logitScale(scope);
      const size = { texts: 1, tokens: 1, nodes: 1, heads: text.heads };
      const pooledText = textModel(scope, text, textInputs(scope.graph, size));
      const patches = scope.graph.input("patches", [1, vision.tokens - 1, 3 * vision.patch ** 2]);
      imageFeatures(scope, visionModel(scope, vision, patches).pooled, config);
      textFeatures(scope, pooledText, config);
    },
    captionSetLoss: captionSetCrossEntropy,
    pairLoss: contrastiveLoss,
  };
}

export const CLIP = contrastive("clip", (directory, file) => clipNetwork(readClipConfig(directory, file)), {
  block: 1e-4,
  features: 1e-4,
  loss: 1e-5,
});
