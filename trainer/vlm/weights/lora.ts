/** @file LoRA in PEFT's terms: the modules that an adapter changes, its scale, and its files on disk. */

import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { at } from "../../at.js";
import { InputError } from "../../errors.js";
import { writeDurably } from "../../files/durable-file.js";
import { checkFinite, SafetensorsFile, type WritableTensor, writeSafetensors } from "../../files/safetensors.js";
import { readJson } from "../files/directory.js";
import { canonicalKey, otherNames } from "./key-layouts.js";

/** Names of modules (whole, or the end of a path after a dot), or one regular expression for the whole path. */
export type TargetModules = readonly string[] | string;

export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: TargetModules;
  /** alpha / √rank instead of alpha / rank. */
  readonly rankStabilized: boolean;
  /** Share of a layer's inputs that A does not see in a training step. */
  readonly dropout: number;
  /** Ranks and alphas of single modules: the end of a path, or a regular expression for it → the number, as in PEFT. */
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
}

/** LoraConfig's keys at PEFT's defaults. */
export const PLAIN_LORA = { rankStabilized: false, dropout: 0, rankPattern: {}, alphaPattern: {} } as const;

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
  /** By module path. */
  readonly pairs: ReadonlyMap<string, LoraPair>;
}

/** PEFT's word for every linear layer. */
export const ALL_LINEAR = "all-linear";
const PREFIX = "base_model.model.";

type Pattern = LoraConfig["rankPattern"];

const fits = (key: string, module: string): boolean => expression("pattern", key, "(?:.*\\.)?").test(module);

/**
 * For a whole path, which may begin with `before`.
 * @throws InputError
 */
function expression(what: string, source: string, before = ""): RegExp {
  try {
    return new RegExp(`^${before}(?:${source})$`, "u");
  } catch (error) {
    throw new InputError(
      `${what} ${JSON.stringify(source)} is not a regular expression: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** A pattern's number for a module, or the general one. */
function patternOf(pattern: Pattern, module: string, usual: number): number {
  const key = Object.keys(pattern).find((own) => fits(own, module));
  return key === undefined ? usual : (pattern[key] ?? usual);
}

/**
 * A pattern in this model's names: a key written for another layout becomes the paths of the modules it means. As in
 * PEFT, the first key that means a module counts.
 */
function translated(pattern: Pattern, modules: readonly LinearModule[]): Pattern {
  const paths = modules.map(({ path: name }) => name);
  const entries = Object.entries(pattern).flatMap(([key, number]) => {
    if (paths.some((name) => fits(key, name))) return [[key, number]] as const;
    const meant = paths.filter((name) => otherNames(name).some((other) => fits(key, other)));
    return meant.map((name) => [name, number] as const);
  });
  const first = new Map<string, number>();
  for (const [key, number] of entries) if (!first.has(key)) first.set(key, number);
  return Object.fromEntries(first);
}

/**
 * A fresh adapter's configuration in this model's names.
 * @throws InputError for a pattern that fits no layer
 */
export function fittedConfig(config: LoraConfig, modules: readonly LinearModule[]): LoraConfig {
  const fitted = (name: string, pattern: Pattern): Pattern => {
    for (const [key, number] of Object.entries(pattern)) {
      if (Object.keys(translated({ [key]: number }, modules)).length > 0) continue;
      const kinds = kindsOf(modules);
      throw new InputError(
        `${name}: ${JSON.stringify(key)} fits no linear layer; the last parts of their names are ${kinds}`,
      );
    }
    return translated(pattern, modules);
  };
  return {
    ...config,
    rankPattern: fitted("rank_pattern", config.rankPattern),
    alphaPattern: fitted("alpha_pattern", config.alphaPattern),
  };
}

const kindsOf = (modules: readonly LinearModule[]): string =>
  [...new Set(modules.map(({ path: name }) => name.slice(name.lastIndexOf(".") + 1)))].join(", ");

export const rankOf = ({ rank, rankPattern }: LoraConfig, module: string): number =>
  patternOf(rankPattern, module, rank);

/** W′ = W + scale · B · A */
export function loraScale(config: LoraConfig, module: string): number {
  const rank = rankOf(config, module);
  return patternOf(config.alphaPattern, module, config.alpha) / (config.rankStabilized ? Math.sqrt(rank) : rank);
}

/** The modules that `targets` names, in the model's order. */
export function matchTargets(targets: TargetModules, modules: readonly LinearModule[]): LinearModule[] {
  const found = modules.filter(({ path: name }) => matches(targets, name));
  if (found.length === 0) {
    throw new InputError(
      `target_modules ${JSON.stringify(targets)} matches no linear layer; the last parts of their names are ${kindsOf(modules)}`,
    );
  }
  return found;
}

function matches(targets: TargetModules, name: string): boolean {
  if (typeof targets !== "string") return targets.some((target) => name === target || name.endsWith(`.${target}`));
  if (targets === ALL_LINEAR) return true;
  return expression("target_modules", targets).test(name);
}

/** An adapter's own targets where they name exactly its modules, else the modules' paths. */
export function ownTargets({ config, pairs }: Adapter, modules: readonly LinearModule[]): TargetModules {
  try {
    const named = modules.filter(({ path: name }) => matches(config.targets, name));
    if (named.length === pairs.size && named.every(({ path: name }) => pairs.has(name))) return config.targets;
  } catch (error) {
    // A regular expression of Python's that JavaScript does not know.
    if (!(error instanceof InputError)) throw error;
  }
  return [...pairs.keys()];
}

const pattern = z.record(z.string(), z.number().positive()).default({});

const configSchema = z.looseObject({
  peft_type: z.literal("LORA"),
  r: z.number().int().positive(),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  target_modules: z.union([z.string(), z.array(z.string())]),
  use_rslora: z.boolean().default(false),
  rank_pattern: pattern,
  alpha_pattern: pattern,
});

/** Keys that do not change an existing adapter: where it comes from, and how it was initialized. */
const HARMLESS: ReadonlySet<string> = new Set([
  "auto_mapping",
  "base_model_name_or_path",
  "ensure_weight_tying",
  "exclude_modules",
  "inference_mode",
  "layers_pattern",
  "layers_to_transform",
  "megatron_core",
  "peft_version",
  "qalora_group_size",
  "revision",
  "task_type",
]);

/**
 * Values of init_lora_weights that start from the unchanged base weights. PiSSA, OLoRA, CorDA, LoftQ and EVA derive A
 * and B from the base model.
 */
const PLAIN_STARTS: ReadonlySet<unknown> = new Set([true, false, null, "gaussian", "orthogonal"]);

/** Whether a key's value is PEFT's for "not used". */
function isUnused(key: string, value: unknown): boolean {
  if (key === "bias") return value === "none";
  if (key === "init_lora_weights") return PLAIN_STARTS.has(value);
  if (value === null || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** @throws InputError for the first unsupported key that would change what the adapter computes */
function refuseOthers(file: string, json: z.infer<typeof configSchema>): void {
  for (const [key, value] of Object.entries(json)) {
    if (key in configSchema.shape || HARMLESS.has(key) || isUnused(key, value)) continue;
    throw new InputError(`${file}: ${key} ${JSON.stringify(value)} is not supported`);
  }
}

/**
 * Reads adapter_config.json and adapter_model.safetensors. As in PEFT, the adapter consists of the pairs of `modules`
 * in the file; a key that fits no module is an error.
 */
export function readAdapter(directory: string, modules: readonly LinearModule[]): Adapter {
  const file = path.join(directory, "adapter_config.json");
  if (!existsSync(file)) {
    throw new InputError(
      `no adapter ${directory}: give a folder with adapter_config.json and adapter_model.safetensors`,
    );
  }
  const json = readJson(file, configSchema);
  refuseOthers(file, json);
  const config: LoraConfig = {
    rank: json.r,
    alpha: json.lora_alpha,
    targets: json.target_modules,
    rankStabilized: json.use_rslora,
    dropout: json.lora_dropout,
    rankPattern: translated(json.rank_pattern, modules),
    alphaPattern: translated(json.alpha_pattern, modules),
  };
  const weights = SafetensorsFile.open(path.join(directory, "adapter_model.safetensors"));
  const left = storedKeys(weights);
  const half = (key: string, shape: readonly number[]): Float32Array => {
    const stored = left.get(key);
    if (stored === undefined) throw new InputError(`${weights.path} lacks ${key}: the adapter is incomplete`);
    left.delete(key);
    const found = weights.entry(stored).shape;
    if (found.join() !== shape.join()) {
      throw new InputError(
        `${weights.path}: ${stored} has shape [${found.join(", ")}], not [${shape.join(", ")}]: made for another model?`,
      );
    }
    const values = weights.readFloats(stored);
    checkFinite(weights.path, stored, values);
    return values;
  };
  const pairs = new Map<string, LoraPair>();
  for (const { path: name, inputs, outputs } of modules) {
    const [keyA, keyB] = adapterKeys(name);
    if (!left.has(keyA) && !left.has(keyB)) continue;
    const rank = rankOf(config, name);
    pairs.set(name, { a: half(keyA, [rank, inputs]), b: half(keyB, [outputs, rank]) });
  }
  refuseLeft(weights, left);
  if (pairs.size === 0) throw new InputError(`${weights.path} holds no LoRA weights`);
  return { config, pairs };
}

/**
 * Keys in the module tree's names → those in the file.
 * @throws InputError for a tensor whose type is not supported, and for two that mean the same one
 */
function storedKeys(weights: SafetensorsFile): Map<string, string> {
  for (const name of weights.foreign.keys()) weights.entry(name);
  const keys = new Map<string, string>();
  for (const stored of weights.tensors.keys()) {
    const key = canonicalAdapterKey(stored);
    const twin = keys.get(key);
    if (twin !== undefined) {
      throw new InputError(`${weights.path}: ${twin} and ${stored} are the same weights in two layouts: remove one`);
    }
    keys.set(key, stored);
  }
  return keys;
}

/**
 * Refuses pairs that fit no layer, except pairs without effect: PEFT writes one with B = 0 for layers whose weight
 * torch reads without calling the module (SigLIP's pooling head).
 */
function refuseLeft(weights: SafetensorsFile, left: ReadonlyMap<string, string>): void {
  for (const [key, stored] of left) {
    const b = left.get(key.replace(/lora_A\.weight$/, "lora_B.weight"));
    if (b !== undefined && weights.readFloats(b).every((value) => value === 0)) continue;
    throw new InputError(`${weights.path}: ${stored} fits no linear layer of the model`);
  }
}

/** Before 4.52, transformers named the modules of models with a decoder differently in adapters. */
const canonicalAdapterKey = (key: string): string =>
  key.startsWith(PREFIX) ? `${PREFIX}${canonicalKey(key.slice(PREFIX.length))}` : key;

/** The keys of adapter_model.safetensors for a module: A, B. */
export function adapterKeys(module: string): [string, string] {
  return [`${PREFIX}${module}.lora_A.weight`, `${PREFIX}${module}.lora_B.weight`];
}

/** Writes an adapter for PEFT's `PeftModel.from_pretrained`. */
export function writeAdapter(
  directory: string,
  adapter: Adapter,
  base: { directory: string; modelClass: string },
): void {
  mkdirSync(directory, { recursive: true });
  const tensors: Record<string, WritableTensor> = {};
  for (const [name, { a, b }] of adapter.pairs) {
    const [keyA, keyB] = adapterKeys(name);
    const rank = rankOf(adapter.config, name);
    tensors[keyA] = { shape: [rank, a.length / rank], data: a };
    tensors[keyB] = { shape: [b.length / rank, rank], data: b };
  }
  const { rank, alpha, targets, rankStabilized, dropout, rankPattern, alphaPattern } = adapter.config;
  const config = {
    peft_type: "LORA",
    task_type: null,
    auto_mapping: { base_model_class: base.modelClass, parent_library: "transformers" },
    base_model_name_or_path: base.directory,
    revision: null,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: dropout,
    target_modules: targets,
    use_rslora: rankStabilized,
    use_dora: false,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: null,
    rank_pattern: rankPattern,
    alpha_pattern: alphaPattern,
  };
  writeSafetensors(path.join(directory, "adapter_model.safetensors"), tensors);
  writeDurably(path.join(directory, "adapter_config.json"), `${JSON.stringify(config, null, 2)}\n`);
}

/** W + scale · B · A, summed in double. */
export function mergedWeight(weight: Float32Array, { a, b }: LoraPair, rank: number, scale: number): Float32Array {
  const outputs = b.length / rank;
  const inputs = a.length / rank;
  const merged = new Float32Array(weight.length);
  const row = new Float64Array(inputs);
  for (let i = 0; i < outputs; i++) {
    row.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = scale * at(b, i * rank + k);
      for (let j = 0; j < inputs; j++) row[j] = at(row, j) + factor * at(a, k * inputs + j);
    }
    for (let j = 0; j < inputs; j++) merged[i * inputs + j] = at(weight, i * inputs + j) + at(row, j);
  }
  return merged;
}
