/**
 * @file CLIP's parameters: read from the directory, and put into a graph as constants, as LoRA sums W + s·B·A, or as pieces of
 * the one flat vector that is trained.
 */
import { add, concat, type Graph, matMul, multiply, reshape, split, type Value } from "../../graph/index.js";
import type { Random } from "../../random/random.js";
import { Weights } from "../directory.js";
import {
  type Adapter,
  adapterKeys,
  type LinearModule,
  type LoraConfig,
  type LoraPair,
  loraScale,
  matchTargets,
} from "../lora.js";
import { type ClipConfig, readClipConfig } from "./config.js";
import { linearModules, type ParameterShape, parameterShapes } from "./modules.js";
import type { Parameters } from "./towers.js";

export interface ClipParameters {
  readonly config: ClipConfig;
  readonly shapes: readonly ParameterShape[];
  readonly modules: readonly LinearModule[];
  readonly values: ReadonlyMap<string, Float32Array>;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Reads config.json and every weight that CLIP has; what else the files hold (position_ids) is passed over. */
export function readClipParameters(directory: string, configFile = "config.json"): ClipParameters {
  const config = readClipConfig(directory, configFile);
  const weights = Weights.open(directory);
  const shapes = parameterShapes(config);
  const values = new Map(shapes.map(({ name, shape }) => [name, weights.floats(name, shape)]));
  return { config, shapes, modules: linearModules(config), values };
}

/** A piece of the flat vector. */
export interface Piece extends ParameterShape {
  readonly offset: number;
}

/** What is trained: its place in the flat vector, and how it changes the model. */
export interface Trainable {
  readonly pieces: readonly Piece[];
  readonly size: number;
  readonly lora: LoraConfig | null;
}

function layOut(shapes: readonly ParameterShape[], lora: LoraConfig | null): Trainable {
  let size = 0;
  const pieces = shapes.map((shape) => {
    const piece = { ...shape, offset: size };
    size += sizeOf(shape.shape);
    return piece;
  });
  return { pieces, size, lora };
}

/** A and B of every module that the configuration targets, under their names in an adapter file. */
export function loraTrainable(parameters: ClipParameters, lora: LoraConfig): Trainable {
  const shapes = matchTargets(lora.targets, parameters.modules).flatMap(({ path, inputs, outputs }) => {
    const [keyA, keyB] = adapterKeys(path);
    return [
      { name: keyA, shape: [lora.rank, inputs] },
      { name: keyB, shape: [outputs, lora.rank] },
    ];
  });
  return layOut(shapes, lora);
}

export const fullTrainable = ({ shapes }: ClipParameters): Trainable => layOut(shapes, null);

/** Starting values: A normal with variance 1 / inputs, B zero, so that the adapter starts by changing nothing. */
export function freshAdapter({ pieces, size }: Trainable, random: Random): Float32Array {
  const flat = new Float32Array(size);
  for (const { name, shape, offset } of pieces) {
    if (!name.endsWith("lora_A.weight")) continue;
    const deviation = 1 / Math.sqrt(shape[1] ?? 1);
    for (let i = 0; i < sizeOf(shape); i++) flat[offset + i] = deviation * random.normal();
  }
  return flat;
}

/** The flat vector of values by name. */
export function flatten({ pieces, size }: Trainable, values: ReadonlyMap<string, Float32Array>): Float32Array {
  const flat = new Float32Array(size);
  for (const { name, offset } of pieces) flat.set(values.get(name) ?? [], offset);
  return flat;
}

export function unflatten({ pieces }: Trainable, flat: Float32Array): Map<string, Float32Array> {
  return new Map(pieces.map(({ name, shape, offset }) => [name, flat.slice(offset, offset + sizeOf(shape))]));
}

/** An adapter's values by their names in its file. */
export function adapterValues({ pairs }: Adapter): Map<string, Float32Array> {
  return new Map(
    [...pairs].flatMap(([path, { a, b }]) => {
      const [keyA, keyB] = adapterKeys(path);
      return [
        [keyA, a] as const,
        [keyB, b] as const,
      ];
    }),
  );
}

/** The adapter that the flat vector holds. */
export function adapterOf(parameters: ClipParameters, trainable: Trainable, flat: Float32Array): Adapter {
  if (trainable.lora === null) throw new Error("full fine-tuning has no adapter");
  const values = unflatten(trainable, flat);
  const pairs = new Map<string, LoraPair>();
  for (const { path } of parameters.modules) {
    const [keyA, keyB] = adapterKeys(path);
    const a = values.get(keyA);
    const b = values.get(keyB);
    if (a !== undefined && b !== undefined) pairs.set(path, { a, b });
  }
  return { config: trainable.lora, pairs };
}

/** All parameters as constants of the graph. */
export function constants(graph: Graph, { shapes, values }: ClipParameters): Parameters {
  const shapeOf = new Map(shapes.map(({ name, shape }) => [name, shape]));
  const made = new Map<string, Value>();
  return (name) => {
    let value = made.get(name);
    if (value === undefined) {
      const data = values.get(name);
      const shape = shapeOf.get(name);
      if (data === undefined || shape === undefined) throw new Error(`CLIP has no parameter ${name}`);
      value = graph.constant(data, shape);
      made.set(name, value);
    }
    return value;
  };
}

export interface TrainedParameters {
  readonly parameters: Parameters;
  /** The trained tensors, in the order of the flat vector: what to ask gradients for. */
  readonly trained: readonly Value[];
}

/** Parameters of which some come from the flat vector `flat`. */
export function trainedParameters(base: Parameters, trainable: Trainable, flat: Value): TrainedParameters {
  const trained = split(
    flat,
    0,
    trainable.pieces.map(({ shape }) => sizeOf(shape)),
  ).map((part, i) => reshape(part, trainable.pieces[i]?.shape ?? []));
  const byName = new Map(trainable.pieces.map(({ name }, i) => [name, trained[i]]));
  const { lora } = trainable;
  const made = new Map<string, Value>();
  const make = (name: string): Value => {
    if (lora === null) return byName.get(name) ?? base(name);
    const [keyA, keyB] = adapterKeys(name.replace(/\.weight$/, ""));
    const a = byName.get(keyA);
    const b = byName.get(keyB);
    if (a === undefined || b === undefined) return base(name);
    return add(base(name), multiply(matMul(b, a), loraScale(lora)));
  };
  const parameters: Parameters = (name) => {
    let value = made.get(name);
    if (value === undefined) {
      value = make(name);
      made.set(name, value);
    }
    return value;
  };
  return { parameters, trained };
}

/** Gradients of the trained tensors as one flat vector, in its order. */
export function flatGradient(pieces: readonly Value[]): Value {
  return concat(
    pieces.map((piece) => reshape(piece, [sizeOf(piece.shape)])),
    0,
  );
}
