/**
 * @file Shared by the comparisons of a contrastive model with its reference numbers: the model and the reference's
 * inputs.
 */
import { z } from "zod";
import { at } from "../../at.js";
import { type Graph, slice, l2Normalize as unit, type Value } from "../../graph/index.js";
import type { Tensor, Tensors } from "../../tensor.js";
import { type ParameterSource, scopeOf } from "../layers/scope.js";
import { patchesInput } from "../training/image-front.js";
import { adamwSchema } from "../verification/adapter-run.js";
import type { Comparison } from "../verification/comparison.js";
import type { Bench } from "../verification/run-once.js";
import type { Tolerances } from "../verification/tolerances.js";
import { logitsPerImage } from "./losses.js";
import type { ContrastiveNetwork, TextBatch } from "./network.js";

export const metaSchema = z.looseObject({
  texts: z.array(z.string()),
  negatives: z.array(z.string()),
  input_ids: z.array(z.array(z.number().int())),
  adamw: adamwSchema,
  lora: z.record(
    z.string(),
    z
      .looseObject({
        losses: z.array(z.number()),
        negclip_loss: z.number().optional(),
        hard_negative_loss: z.number().optional(),
      })
      .transform((run, context) => {
        const hard = run.negclip_loss ?? run.hard_negative_loss;
        if (hard === undefined) context.addIssue("neither negclip_loss nor hard_negative_loss");
        return { losses: run.losses, hardLoss: hard ?? Number.NaN };
      }),
  ),
});
export type Meta = z.infer<typeof metaSchema>;

export interface Context extends Bench {
  readonly golden: string;
  readonly network: ContrastiveNetwork;
  readonly comparison: Comparison;
  readonly tolerance: Tolerances;
  readonly meta: Meta;
  readonly patches: Tensor;
}

/** The inputs of a comparison of images and texts. */
export interface Batch {
  readonly images: number;
  /** Rows of texts; the graph may have more rows, as padding. */
  readonly count: number;
  readonly texts: TextBatch;
  readonly feeds: Tensors;
}

export function batchOf({ network, patches }: Context, rows: readonly Int32Array[]): Batch {
  const texts = network.texts(rows);
  return { images: at(patches.dims, 0), count: rows.length, texts, feeds: { patches, ...texts.tensors } };
}

export interface Forward {
  /** Not normalized. */
  readonly imageFeatures: Value;
  readonly textFeatures: Value;
  readonly image: Value;
  readonly text: Value;
  /** [images, texts] */
  readonly logits: Value;
}

/** Features, embeddings and logits of a batch. */
export function forward(
  graph: Graph,
  network: ContrastiveNetwork,
  source: ParameterSource,
  { images, count, texts }: Batch,
): Forward {
  const scope = scopeOf(graph, source);
  const imageFeatures = network.image(scope, patchesInput(graph, network, images));
  const textFeatures = slice(texts.features(scope), 0, 0, count);
  const [image, text] = [unit(imageFeatures), unit(textFeatures)];
  return { imageFeatures, textFeatures, image, text, logits: logitsPerImage(image, text, network.calibration(scope)) };
}
