/** @file What an architecture is to the rest: one folder, and one entry in the list of architectures.ts. */
import type { RuntimeOptions } from "../graph/index.js";
import type { OpenOptions, VisionLanguageModel } from "./model.js";
import type { Verification } from "./verification/comparison.js";
import type { ModelParameters } from "./weights/parameters.js";
import type { ModelShape } from "./weights/recording.js";

export interface Architecture {
  /** config.json's model_type. */
  readonly name: string;
  /** What the model is made of, from config.json alone; `sizes` are for people. */
  readonly shape: (directory: string) => ModelShape & { readonly sizes: object };
  /** The same with where its weights lie, checked. */
  readonly read: (directory: string) => ModelParameters;
  readonly open: (directory: string, options: OpenOptions) => Promise<VisionLanguageModel>;
  /** Compares a directory with the reference numbers in its golden folder. */
  readonly verify: (directory: string, runtime: RuntimeOptions) => Promise<Verification>;
}
