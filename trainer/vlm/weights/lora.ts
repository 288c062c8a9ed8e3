/** @file LoRA in PEFT's terms: which modules an adapter changes, its scale, and its files on disk. */

import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { InputError } from "../../errors.js";
import { writeDurably } from "../../files/durable-file.js";
import { checkFinite, SafetensorsFile, type WritableTensor, writeSafetensors } from "../../files/safetensors.js";
import { readJson } from "../files/directory.js";

/** Names of modules (whole, or the end of a path after a dot), or one regular expression over the whole path. */
export type TargetModules = readonly string[] | string;

export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: TargetModules;
  /** alpha / √rank in place of alpha / rank. */
  readonly rankStabilized: boolean;
}

/** A linear layer of the model: weight [outputs, inputs], at `path`.weight. */
export interface LinearModule {
  readonly path: string;
  readonly outputs: number;
  readonly inputs: number;
}

export interface LoraPair {
  /** [rank, inputs] */
  readonly a: Float32Array;
  /** [outputs, rank] */
  readonly b: Float32Array;
}

export interface Adapter {
  readonly config: LoraConfig;
  /** By the path of the module. */
  readonly pairs: ReadonlyMap<string, LoraPair>;
}

const ALL_LINEAR = "all-linear";
const PREFIX = "base_model.model.";

/** W′ = W + scale · B · A */
export const loraScale = ({ rank, alpha, rankStabilized }: LoraConfig): number =>
  alpha / (rankStabilized ? Math.sqrt(rank) : rank);

/** The modules that `targets` names, in the model's order. */
export function matchTargets(targets: TargetModules, modules: readonly LinearModule[]): LinearModule[] {
  const found = modules.filter(({ path: name }) => matches(targets, name));
  if (found.length === 0) {
    const kinds = [...new Set(modules.map(({ path: name }) => name.slice(name.lastIndexOf(".") + 1)))];
    throw new InputError(
      `target_modules ${JSON.stringify(targets)} matches no linear layer; the last parts of their names are ${kinds.join(", ")}`,
    );
  }
  return found;
}

function matches(targets: TargetModules, name: string): boolean {
  if (typeof targets !== "string") return targets.some((target) => name === target || name.endsWith(`.${target}`));
  if (targets === ALL_LINEAR) return true;
  try {
    return new RegExp(`^(?:${targets})$`, "u").test(name);
  } catch (error) {
    throw new InputError(
      `target_modules ${JSON.stringify(targets)} is not a regular expression: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

const configSchema = z.looseObject({
  peft_type: z.literal("LORA"),
  r: z.number().int().positive(),
  lora_alpha: z.number().positive(),
  target_modules: z.union([z.string(), z.array(z.string())]),
  use_rslora: z.boolean().default(false),
  use_dora: z.literal(false, { error: "DoRA adapters are not supported" }).default(false),
  fan_in_fan_out: z.literal(false, { error: "fan_in_fan_out is not supported" }).default(false),
  bias: z.literal("none", { error: 'only "none" is supported' }).default("none"),
  modules_to_save: z
    .union([z.null(), z.array(z.string()).max(0, { error: "modules_to_save is not supported" })])
    .default(null),
  rank_pattern: z.record(z.string(), z.number()).default({}),
  alpha_pattern: z.record(z.string(), z.number()).default({}),
});

/**
 * Reads adapter_config.json and adapter_model.safetensors. The pairs of `modules` that the file has are what counts, as in PEFT;
 * a key that fits none of them is an error.
 */
export function readAdapter(directory: string, modules: readonly LinearModule[]): Adapter {
  const file = path.join(directory, "adapter_config.json");
  if (!existsSync(file)) {
    throw new InputError(
      `no adapter ${directory}: give a folder with adapter_config.json and adapter_model.safetensors`,
    );
  }
  const json = readJson(file, configSchema);
  if (Object.keys(json.rank_pattern).length + Object.keys(json.alpha_pattern).length > 0) {
    throw new InputError(`${file}: rank_pattern and alpha_pattern are not supported: one rank for all modules is`);
  }
  const config: LoraConfig = {
    rank: json.r,
    alpha: json.lora_alpha,
    targets: json.target_modules,
    rankStabilized: json.use_rslora,
  };
  const weights = SafetensorsFile.open(path.join(directory, "adapter_model.safetensors"));
  const left = new Set(weights.tensors.keys());
  const pairs = new Map<string, LoraPair>();
  for (const { path: name, inputs, outputs } of modules) {
    const [keyA, keyB] = adapterKeys(name);
    if (!left.has(keyA) && !left.has(keyB)) continue;
    const half = (key: string, shape: readonly number[]): Float32Array => {
      if (!left.delete(key)) throw new InputError(`${weights.path} lacks ${key}: the adapter is incomplete`);
      if (weights.shape(key).join() !== shape.join()) {
        throw new InputError(
          `${weights.path}: ${key} has shape [${weights.shape(key).join(", ")}], not [${shape.join(", ")}]: made for another model?`,
        );
      }
      const values = weights.readFloats(key);
      checkFinite(weights.path, key, values);
      return values;
    };
    pairs.set(name, { a: half(keyA, [config.rank, inputs]), b: half(keyB, [outputs, config.rank]) });
  }
  const [unknown] = left;
  if (unknown !== undefined) throw new InputError(`${weights.path}: ${unknown} fits no linear layer of the model`);
  if (pairs.size === 0) throw new InputError(`${weights.path} holds no LoRA weights`);
  return { config, pairs };
}

/** The keys of adapter_model.safetensors for a module: A, B. */
export function adapterKeys(module: string): [string, string] {
  return [`${PREFIX}${module}.lora_A.weight`, `${PREFIX}${module}.lora_B.weight`];
}

/** Writes what PEFT's `PeftModel.from_pretrained` reads. */
export function writeAdapter(
  directory: string,
  adapter: Adapter,
  base: { directory: string; modelClass: string },
): void {
  mkdirSync(directory, { recursive: true });
  const tensors: Record<string, WritableTensor> = {};
  for (const [name, { a, b }] of adapter.pairs) {
    const [keyA, keyB] = adapterKeys(name);
    const { rank } = adapter.config;
    tensors[keyA] = { shape: [rank, a.length / rank], data: a };
    tensors[keyB] = { shape: [b.length / rank, rank], data: b };
  }
  const { rank, alpha, targets, rankStabilized } = adapter.config;
  const config = {
    peft_type: "LORA",
    task_type: null,
    auto_mapping: { base_model_class: base.modelClass, parent_library: "transformers" },
    base_model_name_or_path: base.directory,
    revision: null,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    target_modules: targets,
    use_rslora: rankStabilized,
    use_dora: false,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: null,
    rank_pattern: {},
    alpha_pattern: {},
  };
  writeSafetensors(path.join(directory, "adapter_model.safetensors"), tensors);
  writeDurably(path.join(directory, "adapter_config.json"), `${JSON.stringify(config, null, 2)}\n`);
}

/** W + scale · B · A, summed in double. */
export function mergedWeight(weight: Float32Array, pair: LoraPair, config: LoraConfig): Float32Array {
  const scale = loraScale(config);
  const { rank } = config;
  const outputs = pair.b.length / rank;
  const inputs = pair.a.length / rank;
  const merged = new Float32Array(weight.length);
  const row = new Float64Array(inputs);
  for (let i = 0; i < outputs; i++) {
    row.fill(0);
    for (let k = 0; k < rank; k++) {
      const b = scale * (pair.b[i * rank + k] ?? 0);
      for (let j = 0; j < inputs; j++) row[j] = (row[j] ?? 0) + b * (pair.a[k * inputs + j] ?? 0);
    }
    for (let j = 0; j < inputs; j++) merged[i * inputs + j] = (weight[i * inputs + j] ?? 0) + (row[j] ?? 0);
  }
  return merged;
}
