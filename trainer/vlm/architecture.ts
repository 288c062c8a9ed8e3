/** @file What an architecture is to the rest: one folder, and one entry in the list of architectures.ts. */
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

/** What a model runs for some work, one after another. */
export interface WorkGraphs {
  readonly score: readonly Graph[];
  /** A step of fine-tuning; null where the options have none. */
  readonly step: Graph | null;
  /** Numbers that are trained. */
  readonly trained: number;
  readonly placement: StoredWeights;
}

/** What every architecture does by its network alone. */
export const described = (name: string, phrasing: Phrasing, read: (directory: string) => Network) => ({
  name,
  phrasing,
  shape: (directory: string) => {
    const network = read(directory);
    return { ...record(network.declare), sizes: network.sizes };
  },
  read: (directory: string) => {
    const network = read(directory);
    // First what its files hold: texts are filled up to as many tokens as config.json says.
    const parameters = readParameters(directory, network);
    openTokenizer(directory, network);
    return parameters;
  },
});

export interface Architecture {
  /** config.json's model_type. */
  readonly name: string;
  /** How pairs are put to it, where the user does not say otherwise. */
  readonly phrasing: Phrasing;
  /** What the model is made of, from config.json alone; `sizes` are for people. */
  readonly shape: (directory: string) => ModelShape & { readonly sizes: object };
  /** The same with where its weights lie, checked. */
  readonly read: (directory: string) => ModelParameters;
  /** The graphs that some work goes through, unloaded: what it takes of memory and of matrix products. */
  readonly graphs: (directory: string, work: Work, options: Omit<OpenOptions, "runtime">) => WorkGraphs;
  readonly open: (directory: string, options: OpenOptions) => Promise<VisionLanguageModel>;
  /** Compares a directory with the reference numbers in its golden folder. */
  readonly verify: (directory: string, runtime: RuntimeOptions) => Promise<Verification>;
}
