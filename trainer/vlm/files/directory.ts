/**
 * @file A Hugging Face model directory on disk: its JSON files parsed at the border, and its weights found in model.safetensors
 * or in the shards that model.safetensors.index.json names.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { InputError } from "../../errors.js";
import { checkFinite, SafetensorsFile } from "../../files/safetensors.js";

/** Reads a JSON file and checks it; the message names the file and the first offending key. */
export function readJson<T>(file: string, schema: z.ZodType<T>): T {
  if (!existsSync(file)) throw new InputError(`no file ${file}: is this a Hugging Face model directory?`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new InputError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new InputError(`${file}: ${issue?.path.join(".") || "(top level)"}: ${issue?.message ?? "malformed"}`);
}

/** The directory itself, or an InputError. */
function checkDirectory(directory: string): void {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    throw new InputError(`no model directory ${directory}: give a folder with config.json and *.safetensors`);
  }
}

/** config.json's model_type, if it is one of those that are known. */
export function modelType(directory: string, known: readonly string[]): string {
  checkDirectory(directory);
  const file = path.join(directory, "config.json");
  const { model_type } = readJson(file, z.looseObject({ model_type: z.string() }));
  if (known.includes(model_type)) return model_type;
  throw new InputError(`${file}: model_type "${model_type}" is not supported; supported are ${known.join(", ")}`);
}

export interface WeightInfo {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: string;
}

/** All tensors of a directory by name, wherever they are stored. */
export class Weights {
  private constructor(
    private readonly directory: string,
    private readonly files: ReadonlyMap<string, SafetensorsFile>,
  ) {}

  /** @throws InputError when weights are missing, truncated, or only in another format. */
  static open(directory: string): Weights {
    const single = path.join(directory, "model.safetensors");
    const index = path.join(directory, "model.safetensors.index.json");
    const files = new Map<string, SafetensorsFile>();
    if (existsSync(single)) {
      const file = SafetensorsFile.open(single);
      for (const name of file.tensors.keys()) files.set(name, file);
    } else if (existsSync(index)) {
      const { weight_map } = readJson(index, z.object({ weight_map: z.record(z.string(), z.string()) }));
      const shards = new Map<string, SafetensorsFile>();
      for (const [name, shard] of Object.entries(weight_map)) {
        if (path.basename(shard) !== shard) throw new InputError(`${index}: shard ${shard} lies outside the directory`);
        let file = shards.get(shard);
        if (file === undefined) {
          const location = path.join(directory, shard);
          if (!existsSync(location)) throw new InputError(`${index} names ${shard}, which is missing: download it too`);
          file = SafetensorsFile.open(location);
          shards.set(shard, file);
        }
        if (!file.tensors.has(name)) throw new InputError(`${index} says that ${name} is in ${shard}, which lacks it`);
        files.set(name, file);
      }
    } else {
      const pickled = existsSync(path.join(directory, "pytorch_model.bin"));
      throw new InputError(
        pickled
          ? `${directory} has pytorch_model.bin only: save it again with safe_serialization=True (safetensors is what is read)`
          : `${directory} has neither model.safetensors nor model.safetensors.index.json`,
      );
    }
    return new Weights(directory, files);
  }

  list(): WeightInfo[] {
    return [...this.files].map(([name, file]) => {
      const tensor = file.tensors.get(name);
      return { name, shape: tensor?.shape ?? [], type: tensor?.type ?? "F32" };
    });
  }

  has(name: string): boolean {
    return this.files.has(name);
  }

  /**
   * A weight as float32.
   * @throws InputError when it is missing or has another shape than the configuration says.
   */
  floats(name: string, shape: readonly number[]): Float32Array {
    const file = this.files.get(name);
    if (file === undefined) {
      throw new InputError(
        `${this.directory}: the weights have no ${name} ([${shape.join(", ")}]): another architecture?`,
      );
    }
    const stored = file.shape(name);
    if (stored.length !== shape.length || stored.some((size, axis) => size !== shape[axis])) {
      throw new InputError(
        `${file.path}: ${name} has shape [${stored.join(", ")}] where config.json means [${shape.join(", ")}]`,
      );
    }
    const values = file.readFloats(name);
    checkFinite(file.path, name, values);
    return values;
  }
}
