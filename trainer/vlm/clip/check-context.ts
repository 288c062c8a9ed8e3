/** @file What the comparisons of a CLIP with its reference numbers share: the model, the reference's inputs, and running graphs once. */
import { z } from "zod";
import type { SafetensorsFile } from "../../files/safetensors.js";
import { Graph, type Runtime, slice, type Tensor, type Tensors } from "../../graph/index.js";
import { treeSize } from "../training/batches.js";
import { logitsPerImage } from "../training/losses.js";
import { type TreeSize, textTree, treeTensors } from "../training/text-tree.js";
import type { Comparison } from "../verification/comparison.js";
import type { Parameters } from "../weights/parameters.js";
import type { ClipConfig } from "./config.js";
import type { ClipParameters } from "./parameters.js";
import { patchesInput, textInputs } from "./programs.js";
import { imageFeatures, textFeatures, unit } from "./towers.js";

export const metaSchema = z.looseObject({
  texts: z.array(z.string()),
  negatives: z.array(z.string()),
  input_ids: z.array(z.array(z.number().int())),
  adamw: z.looseObject({
    lr: z.number(),
    betas: z.tuple([z.number(), z.number()]),
    eps: z.number(),
    weight_decay: z.number(),
  }),
  lora: z.record(z.string(), z.looseObject({ losses: z.array(z.number()), negclip_loss: z.number() })),
});
export type Meta = z.infer<typeof metaSchema>;

export interface Context {
  readonly golden: string;
  readonly clip: ClipParameters;
  readonly runtime: Runtime;
  readonly comparison: Comparison;
  readonly meta: Meta;
  readonly patches: Tensor;
}

export const rowsOf = (file: SafetensorsFile, name: string): Int32Array[] => {
  const [rows = 0, columns = 0] = file.shape(name);
  const ids = file.readIntegers(name);
  return Array.from({ length: rows }, (_, row) => ids.slice(row * columns, (row + 1) * columns));
};

export interface Texts {
  readonly size: TreeSize;
  readonly tensors: Tensors;
}

export function textsOf(config: ClipConfig["text"], rows: readonly Int32Array[]): Texts {
  const tree = textTree(config, rows);
  const size = treeSize(config, tree);
  return { size, tensors: treeTensors(tree, size) };
}

/** Builds a graph, runs it once, and drops it. */
export async function runOnce(runtime: Runtime, build: (graph: Graph) => void, feeds: Tensors): Promise<Tensors> {
  const graph = new Graph();
  build(graph);
  const program = await runtime.load({ bytes: graph.serialize() }, graph.binding);
  try {
    return await program.run(feeds);
  } finally {
    await program.release();
  }
}

export const numbers = (tensors: Tensors, name: string): Float32Array => {
  const data = tensors[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no float output ${name}`);
  return data;
};

/** What a comparison of images and texts is fed. */
export interface Batch {
  readonly images: number;
  /** Rows of texts; the graph may have more, as padding. */
  readonly texts: number;
  readonly size: TreeSize;
  readonly feeds: Tensors;
}

export function batchOf({ clip, patches }: Context, rows: readonly Int32Array[]): Batch {
  const { size, tensors } = textsOf(clip.config.text, rows);
  return { images: patches.dims[0] ?? 0, texts: rows.length, size, feeds: { patches, ...tensors } };
}

/** Embeddings and logits [images, texts] of a batch. */
export function logitsGraph(
  graph: Graph,
  clip: ClipParameters,
  parameters: Parameters,
  { images, texts, size }: Batch,
) {
  const image = unit(imageFeatures(parameters, clip.config, patchesInput(graph, clip, images)).features);
  const all = unit(textFeatures(parameters, clip.config, textInputs(graph, size)));
  const text = slice(all, 0, 0, texts);
  return { image, text, logits: logitsPerImage(image, text, parameters("logit_scale")) };
}
