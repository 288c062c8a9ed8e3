/** @file What is trained, and its initial values, from the options of an opened model. */
import { pack } from "../../graph/index.js";
import { Random } from "../../random/random.js";
import type { FineTuning, OpenOptions } from "../model.js";
import { type Adapter, fittedConfig, type LoraConfig, ownTargets, readAdapter, type TargetModules } from "./lora.js";
import {
  adapterValues,
  freshAdapter,
  fullTrainable,
  loraTrainable,
  type ModelParameters,
  mergedWeightsOf,
  type Trainable,
} from "./parameters.js";
import type { ModelShape } from "./recording.js";

export interface Starting {
  /** null: all parameters are as on disk. */
  readonly trainable: Trainable | null;
  /** Initial values of what is trained, one flat vector. */
  readonly trained: Float32Array;
}

/** What a fresh adapter trains. */
function freshTrainable(parameters: ModelShape, options: FineTuning, defaultTargets: TargetModules): Trainable {
  const config: LoraConfig = {
    rank: options.rank,
    alpha: options.alpha,
    targets: options.targets ?? defaultTargets,
    rankStabilized: options.rankStabilized,
    dropout: options.dropout,
    rankPattern: options.rankPattern,
    alphaPattern: options.alphaPattern,
  };
  return loraTrainable(parameters, fittedConfig(config, parameters.modules));
}

/** What would be trained, without the values. */
export function plannedTrainable(
  parameters: ModelShape,
  { fineTuning, adapter }: Pick<OpenOptions, "fineTuning" | "adapter">,
  defaultTargets: TargetModules,
): Trainable | null {
  if (fineTuning?.method === "full") return fullTrainable(parameters);
  if (adapter !== undefined) return adapterTrainable(parameters, readAdapter(adapter, parameters.modules));
  return fineTuning === undefined ? null : freshTrainable(parameters, fineTuning, defaultTargets);
}

const adapterTrainable = (parameters: ModelShape, adapter: Adapter): Trainable =>
  loraTrainable(parameters, { ...adapter.config, targets: ownTargets(adapter, parameters.modules) });

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
    const merged = loaded === null ? () => undefined : mergedWeightsOf(parameters, loaded);
    const trained = pack(trainable.layout, (name) => merged(name) ?? parameters.weights.floats(name));
    return { trainable, trained };
  }
  if (loaded !== null) {
    const trainable = adapterTrainable(parameters, loaded);
    const values = adapterValues(loaded);
    const value = (name: string): Float32Array => {
      const found = values.get(name);
      if (found === undefined) throw new Error(`the adapter has no ${name}`);
      return found;
    };
    return { trainable, trained: pack(trainable.layout, value) };
  }
  if (fineTuning === undefined) return { trainable: null, trained: new Float32Array() };
  const trainable = freshTrainable(parameters, fineTuning, defaultTargets);
  return { trainable, trained: freshAdapter(trainable, Random.stream(fineTuning.seed, "adapter")) };
}
