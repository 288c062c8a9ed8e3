/**
 * @file A model's parameters in a graph, for any architecture: as stored on disk, as LoRA's sums W + s·B·A, or as
 * pieces of the one flat vector that is trained.
 */
import { at } from "../../at.js";
import { type Graph, type Layout, lowRankSum, pack, sizeOf, unpack, type Value, views } from "../../graph/index.js";
import type { Random } from "../../random/random.js";
import type { ParameterSource } from "../layers/scope.js";
import {
  type Adapter,
  adapterKeys,
  type LoraConfig,
  type LoraPair,
  loraScale,
  matchTargets,
  mergedWeight,
  rankOf,
} from "./lora.js";
import type { ModelShape } from "./recording.js";
import type { StoredWeights } from "./stored-weights.js";

/** A model's parameters and layers, and the positions of its weights. */
export interface ModelParameters extends ModelShape {
  readonly weights: StoredWeights;
}

/**
 * Weights of at most this many bytes (as float32) are checked for values that are not finite when a model is opened.
 */
const LOOKED_THROUGH = 64 * 2 ** 20;

/**
 * @throws InputError for a parameter that is missing, has another shape or type, or (in a small model) is not finite
 */
export function checkParameters({ shapes, weights }: ModelParameters): void {
  weights.check(shapes);
  if (4 * countOf(shapes) <= LOOKED_THROUGH) for (const { name } of shapes) weights.floats(name);
}

/** Total number of parameters. */
export const countOf = (shapes: ModelShape["shapes"]): number =>
  shapes.reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/**
 * What is trained: the tensors in the flat vector, and whether they are LoRA's A and B or the parameters themselves.
 */
export interface Trainable {
  readonly layout: Layout;
  readonly lora: LoraConfig | null;
  /** The model's parameters that training changes. */
  readonly changes: ReadonlySet<string>;
}

/** A and B of every module that the configuration targets, under their names in an adapter file. */
export function loraTrainable({ modules }: ModelShape, lora: LoraConfig): Trainable {
  const targets = matchTargets(lora.targets, modules);
  const layout = targets.flatMap(({ path, inputs, outputs }) => {
    const [keyA, keyB] = adapterKeys(path);
    const rank = rankOf(lora, path);
    return [
      { name: keyA, shape: [rank, inputs] },
      { name: keyB, shape: [outputs, rank] },
    ];
  });
  return { layout, lora, changes: new Set(targets.map(({ path }) => `${path}.weight`)) };
}

export const fullTrainable = ({ shapes }: ModelShape): Trainable => ({
  layout: shapes,
  lora: null,
  changes: new Set(shapes.map(({ name }) => name)),
});

/** Initial values: A normal with variance 1 / inputs, B zero, so that the adapter has no effect at first. */
export function freshAdapter({ layout }: Trainable, random: Random): Float32Array {
  return pack(layout, (name, shape) => {
    const size = sizeOf(shape);
    if (!name.endsWith("lora_A.weight")) return new Float32Array(size);
    const deviation = 1 / Math.sqrt(at(shape, 1));
    return Float32Array.from({ length: size }, () => deviation * random.normal());
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

/** The adapter in the flat vector. */
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

/** A weight with an adapter added, by its name; undefined where the adapter does not change it. */
export const mergedWeightsOf =
  ({ weights }: ModelParameters, { config, pairs }: Adapter) =>
  (name: string): Float32Array | undefined => {
    const path = name.replace(/\.weight$/, "");
    const pair = path === name ? undefined : pairs.get(path);
    if (pair === undefined) return undefined;
    return mergedWeight(weights.floats(name), pair, rankOf(config, path), loraScale(config, path));
  };

/** All changed weights. */
export function mergedWeights(parameters: ModelParameters, adapter: Adapter): Map<string, Float32Array> {
  const merged = mergedWeightsOf(parameters, adapter);
  return new Map(
    [...adapter.pairs.keys()].map((path) => {
      const name = `${path}.weight`;
      const weight = merged(name);
      if (weight === undefined) throw new Error(`the adapter does not change ${name}`);
      return [name, weight];
    }),
  );
}

/** All parameters as on disk, those in `replaced` as constants instead. */
export const storedParameters =
  (
    graph: Graph,
    { weights }: ModelParameters,
    replaced: ReadonlyMap<string, Float32Array> = new Map(),
  ): ParameterSource =>
  (name, shape) => {
    const values = replaced.get(name);
    return values === undefined ? weights.inGraph(graph, { name, shape }) : graph.constant(values, shape);
  };

/** Parameters of which some come from the flat vector `flat`; with `drop`, LoRA sees a layer's inputs through it. */
export function trainedParameters(
  base: ParameterSource,
  { layout, lora }: Trainable,
  flat: Value,
  drop?: (path: string, x: Value) => Value,
): ParameterSource {
  const trained = views(flat, layout);
  return (name, shape) => {
    if (lora === null) return trained.get(name) ?? base(name, shape);
    const path = name.replace(/\.weight$/, "");
    const [keyA, keyB] = adapterKeys(path);
    const a = trained.get(keyA);
    const b = trained.get(keyB);
    if (a === undefined || b === undefined || path === name) return base(name, shape);
    return lowRankSum(base(name, shape), a, b, loraScale(lora, path), drop && ((x) => drop(path, x)));
  };
}
