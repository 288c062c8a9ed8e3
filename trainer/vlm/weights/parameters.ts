/**
 * @file A model's parameters, whatever its architecture: read from the directory, and put into a graph as constants, as LoRA sums W + s·B·A, or as
 * pieces of the one flat vector that is trained.
 */
import { type Graph, type Layout, lowRankSum, pack, unpack, type Value, views } from "../../graph/index.js";
import type { Random } from "../../random/random.js";
import { Weights } from "../files/directory.js";
import {
  type Adapter,
  adapterKeys,
  type LinearModule,
  type LoraConfig,
  type LoraPair,
  loraScale,
  matchTargets,
  mergedWeight,
} from "./lora.js";

export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What a model is made of, from its configuration alone. */
export interface ModelShape {
  /** Every parameter, by its name in the file. */
  readonly shapes: readonly ParameterShape[];
  /** Every linear layer, in the model's order: what LoRA may target. */
  readonly modules: readonly LinearModule[];
}

export interface ModelParameters extends ModelShape {
  readonly values: ReadonlyMap<string, Float32Array>;
}

/** A parameter of a graph, by its name in the file. */
export type Parameters = (name: string) => Value;

/** Reads every weight that the shape names; what else the files hold is passed over. */
export function readValues(directory: string, { shapes }: ModelShape): ModelParameters["values"] {
  const weights = Weights.open(directory);
  return new Map(shapes.map(({ name, shape }) => [name, weights.floats(name, shape)]));
}

/** What is trained: the tensors that make up the flat vector, and whether they are LoRA's A and B or the parameters themselves. */
export interface Trainable {
  readonly layout: Layout;
  readonly lora: LoraConfig | null;
}

/** A and B of every module that the configuration targets, under their names in an adapter file. */
export function loraTrainable(parameters: ModelParameters, lora: LoraConfig): Trainable {
  const layout = matchTargets(lora.targets, parameters.modules).flatMap(({ path, inputs, outputs }) => {
    const [keyA, keyB] = adapterKeys(path);
    return [
      { name: keyA, shape: [lora.rank, inputs] },
      { name: keyB, shape: [outputs, lora.rank] },
    ];
  });
  return { layout, lora };
}

export const fullTrainable = ({ shapes }: ModelParameters): Trainable => ({ layout: shapes, lora: null });

/** Starting values: A normal with variance 1 / inputs, B zero, so that the adapter starts by changing nothing. */
export function freshAdapter({ layout }: Trainable, random: Random): Float32Array {
  const shapes = new Map(layout.map(({ name, shape }) => [name, shape]));
  return pack(layout, (name) => {
    const [rows = 1, columns = 1] = shapes.get(name) ?? [];
    const deviation = name.endsWith("lora_A.weight") ? 1 / Math.sqrt(columns) : 0;
    return Float32Array.from({ length: rows * columns }, () => (deviation === 0 ? 0 : deviation * random.normal()));
  });
}

/** An adapter's values by their names in its file. */
export function adapterValues({ pairs }: Adapter): Map<string, Float32Array> {
  return new Map(
    [...pairs].flatMap(([path, { a, b }]) => {
      const [keyA, keyB] = adapterKeys(path);
      return [[keyA, a] as const, [keyB, b] as const];
    }),
  );
}

/** The adapter that the flat vector holds. */
export function adapterOf(parameters: ModelParameters, trainable: Trainable, flat: Float32Array): Adapter {
  if (trainable.lora === null) throw new Error("full fine-tuning has no adapter");
  const values = unpack(trainable.layout, flat);
  const pairs = new Map<string, LoraPair>();
  for (const { path } of parameters.modules) {
    const [keyA, keyB] = adapterKeys(path);
    const a = values.get(keyA);
    const b = values.get(keyB);
    if (a !== undefined && b !== undefined) pairs.set(path, { a, b });
  }
  return { config: trainable.lora, pairs };
}

/** The model with the adapter added into its weights. */
export function mergeAdapter<Parameters extends ModelParameters>(parameters: Parameters, adapter: Adapter): Parameters {
  const values = new Map(parameters.values);
  for (const [path, pair] of adapter.pairs) {
    const name = `${path}.weight`;
    const weight = values.get(name);
    if (weight !== undefined) values.set(name, mergedWeight(weight, pair, adapter.config));
  }
  return { ...parameters, values };
}

/** All parameters as constants of the graph. */
export function constants(graph: Graph, { shapes, values }: ModelParameters): Parameters {
  const shapeOf = new Map(shapes.map(({ name, shape }) => [name, shape]));
  const made = new Map<string, Value>();
  return (name) => {
    let value = made.get(name);
    if (value === undefined) {
      const data = values.get(name);
      const shape = shapeOf.get(name);
      if (data === undefined || shape === undefined) throw new Error(`the model has no parameter ${name}`);
      value = graph.constant(data, shape);
      made.set(name, value);
    }
    return value;
  };
}

/** Parameters of which some come from the flat vector `flat`. */
export function trainedParameters(base: Parameters, { layout, lora }: Trainable, flat: Value): Parameters {
  const trained = views(flat, layout);
  const made = new Map<string, Value>();
  const make = (name: string): Value => {
    if (lora === null) return trained.get(name) ?? base(name);
    const [keyA, keyB] = adapterKeys(name.replace(/\.weight$/, ""));
    const a = trained.get(keyA);
    const b = trained.get(keyB);
    if (a === undefined || b === undefined || !name.endsWith(".weight")) return base(name);
    return lowRankSum(base(name), a, b, loraScale(lora));
  };
  return (name) => {
    let value = made.get(name);
    if (value === undefined) {
      value = make(name);
      made.set(name, value);
    }
    return value;
  };
}
