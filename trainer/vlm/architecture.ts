/** @file The interface of an architecture: one folder, and one entry in the list of architectures.ts. */
import type { Graph, RuntimeOptions, StoredWeights } from "../graph/index.js";
import type { Phrasing } from "../language/index.js";
import type { CaptionSet, OpenOptions, VisionLanguageModel } from "./model.js";
import { openTokenizer, readParameters } from "./model-directory.js";
import type { Network } from "./network.js";
import type { Verification } from "./verification/comparison.js";
import type { ModelParameters } from "./weights/parameters.js";
import { type ModelShape, record } from "./weights/recording.js";

/** Images, each with its caption sets. */
export interface Work {
  readonly captions: readonly (readonly CaptionSet[])[];
}

/** The graphs that a model runs for some work, one after another. */
export interface WorkGraphs {
  readonly score: readonly Graph[];
  /** A step of fine-tuning; null without fine-tuning. */
  readonly step: Graph | null;
  /** Number of trained parameters. */
  readonly trained: number;
  readonly placement: StoredWeights;
}

/** The functions of an entry that need only the network. */
export const described = (name: string, phrasing: Phrasing, read: (directory: string) => Network) => ({
  name,
  phrasing,
  shape: (directory: string) => {
    const network = read(directory);
    return { ...record(network.declare), sizes: network.sizes };
  },
  read: (directory: string) => {
    const network = read(directory);
    // Read the files first: texts are padded to as many tokens as config.json says.
    const parameters = readParameters(directory, network);
    openTokenizer(directory, network);
    return parameters;
  },
});

export interface Architecture {
  /** config.json's model_type. */
  readonly name: string;
  /** The default phrasing of questions about pairs. */
  readonly phrasing: Phrasing;
  /** The model's parameters and layers, from config.json alone; `sizes` is for display. */
  readonly shape: (directory: string) => ModelShape & { readonly sizes: object };
  /** The same with the checked positions of its weights. */
  readonly read: (directory: string) => ModelParameters;
  /** The graphs for some work, not loaded: to predict its memory and matrix products. */
  readonly graphs: (directory: string, work: Work, options: Omit<OpenOptions, "runtime">) => WorkGraphs;
  readonly open: (directory: string, options: OpenOptions) => Promise<VisionLanguageModel>;
  /** Compares a directory with the reference numbers in its golden folder. */
  readonly verify: (directory: string, runtime: RuntimeOptions) => Promise<Verification>;
}
