/** @file What is trained and from where, by the options a model is opened with. */
import { pack } from "../../graph/index.js";
import { Random } from "../../random/random.js";
import type { OpenOptions } from "../model.js";
import { type LoraConfig, readAdapter, type TargetModules } from "./lora.js";
import {
  adapterValues,
  freshAdapter,
  fullTrainable,
  loraTrainable,
  type ModelParameters,
  mergedWeights,
  type Trainable,
} from "./parameters.js";

export interface Starting {
  /** null: all parameters are as they are on disk. */
  readonly trainable: Trainable | null;
  /** Starting values of what is trained, one flat vector. */
  readonly trained: Float32Array;
}

/**
 * A fresh adapter, one to train further, all parameters, or (for scoring) an adapter as it is.
 * @throws InputError for an adapter that does not fit, or targets that match nothing
 */
export function startingPoint(
  parameters: ModelParameters,
  { fineTuning, adapter }: OpenOptions,
  defaultTargets: TargetModules,
): Starting {
  const loaded = adapter === undefined ? null : readAdapter(adapter, parameters.modules);
  if (fineTuning?.method === "full") {
    const trainable = fullTrainable(parameters);
    const changed = loaded === null ? null : mergedWeights(parameters, loaded);
    const trained = pack(trainable.layout, (name) => changed?.get(name) ?? parameters.weights.floats(name));
    return { trainable, trained };
  }
  if (loaded !== null) {
    const trainable = loraTrainable(parameters, { ...loaded.config, targets: [...loaded.pairs.keys()] });
    const values = adapterValues(loaded);
    const value = (name: string): Float32Array => {
      const found = values.get(name);
      if (found === undefined) throw new Error(`the adapter has no ${name}`);
      return found;
    };
    return { trainable, trained: pack(trainable.layout, value) };
  }
  if (fineTuning === undefined) return { trainable: null, trained: new Float32Array() };
  const { rank, alpha, targets, rankStabilized, dropout, rankPattern, alphaPattern, seed } = fineTuning;
  const config: LoraConfig = {
    rank,
    alpha,
    targets: targets ?? defaultTargets,
    rankStabilized,
    dropout,
    rankPattern,
    alphaPattern,
  };
  const trainable = loraTrainable(parameters, config);
  return { trainable, trained: freshAdapter(trainable, Random.stream(seed, "adapter")) };
}
