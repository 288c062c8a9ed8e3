/**
 * @file A model directory's weights in their files: model.safetensors, or the shards that model.safetensors.index.json
 * names. Graphs refer to these places; tensors are only read on request.
 */
import { readdirSync, realpathSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { InputError } from "../../errors.js";
import { checkFinite, SafetensorsFile, type StoredType } from "../../files/safetensors.js";
import { type Graph, type StoredWeights as Placement, sizeOf, stored, type Value } from "../../graph/index.js";
import { checkFile, readJson } from "../files/directory.js";
import { canonicalKey } from "./key-layouts.js";
import type { ParameterShape } from "./recording.js";

/** A tensor of a directory. */
interface Place {
  readonly file: SafetensorsFile;
  /** The tensor's name in the file. */
  readonly key: string;
}

/** Types that graphs read directly from the file; they are converted to float32 there. */
const IN_GRAPHS: Readonly<Partial<Record<StoredType, "float32" | "float16" | "bfloat16">>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/**
 * From this size on (as float32), weights are used in place from the mapped file. Smaller ones are copied into each
 * program, and onnxruntime packs them for its products; a process holds up to 64 programs.
 */
const IN_PLACE_FROM = 16 * 2 ** 20;

export class StoredWeights {
  /** Where each file is once links are resolved: a download cache has links, and onnxruntime refuses them and "..". */
  private readonly locations: ReadonlyMap<SafetensorsFile, string>;
  /** The folder that contains all of them. */
  private readonly folder: string;

  private constructor(
    readonly directory: string,
    private readonly places: ReadonlyMap<string, Place>,
  ) {
    const files = new Set([...places.values()].map(({ file }) => file));
    this.locations = new Map([...files].map((file) => [file, realpathSync(file.path)]));
    this.folder = [...this.locations.values()].map((file) => path.dirname(file)).reduce(commonFolder);
  }

  /** @throws InputError where weights are missing, truncated, or only in another format */
  static open(directory: string): StoredWeights {
    const places = new Map<string, Place>();
    for (const [key, file] of filesOf(directory)) places.set(canonicalKey(key), { file, key });
    if (places.size === 0) throw new InputError(`${directory}: the weights' file holds no tensor: download it again`);
    return new StoredWeights(directory, places);
  }

  typeOf(name: string): StoredType {
    const { file, key } = this.place(name);
    return file.entry(key).type;
  }

  /** The parameter's name in its file. */
  keyOf(name: string): string {
    return this.place(name).key;
  }

  /**
   * Checks that every parameter exists with its shape and a float type; reads only headers.
   * @throws InputError that names the first one that does not
   */
  check(shapes: readonly ParameterShape[]): void {
    for (const { name, shape } of shapes) {
      const place = this.places.get(name);
      if (place === undefined) {
        throw new InputError(
          `${this.directory}: the weights have no ${name} ([${shape.join(", ")}]): another architecture?`,
        );
      }
      const { file, key } = place;
      const { shape: found, type } = file.entry(key);
      if (found.length !== shape.length || found.some((size, axis) => size !== shape[axis])) {
        throw new InputError(
          `${file.path}: ${key} has shape [${found.join(", ")}] where config.json means [${shape.join(", ")}]`,
        );
      }
      if (IN_GRAPHS[type] === undefined) {
        throw new InputError(`${file.path}: ${key} is ${type}; F32, F16 and BF16 are supported`);
      }
    }
  }

  /**
   * Checks that the files have no more layers than the configuration says: they would be ignored silently.
   * @throws InputError that names the first one
   */
  refuseMoreLayers(shapes: readonly ParameterShape[]): void {
    const unnumbered = (name: string): string => name.replace(/\.layers\.\d+\./, ".layers.");
    const known = new Set(shapes.map(({ name }) => name));
    const kinds = new Set(shapes.map(({ name }) => unnumbered(name)));
    for (const [name, { file, key }] of this.places) {
      if (known.has(name) || !/\.layers\.\d+\./.test(name) || !kinds.has(unnumbered(name))) continue;
      throw new InputError(
        `${file.path}: ${key} is of a layer that config.json does not have: check num_hidden_layers`,
      );
    }
  }

  /** @throws InputError where a value is not finite */
  floats(name: string): Float32Array {
    const { file, key } = this.place(name);
    const values = file.readFloats(key);
    checkFinite(file.path, key, values);
    return values;
  }

  /** A parameter in a graph, as float32. */
  inGraph(graph: Graph, { name, shape }: ParameterShape): Value {
    const { file, key } = this.place(name);
    const { type, offset, bytes } = file.entry(key);
    const inside = IN_GRAPHS[type];
    if (inside === undefined) throw new InputError(`${file.path}: ${key} is ${type}; F32, F16 and BF16 are supported`);
    const location = path.relative(this.folder, this.locations.get(file) ?? file.path);
    return stored(graph, shape, inside, { file: location, offset, length: bytes });
  }

  /** How programs over these parameters find their files. */
  placement(shapes: readonly ParameterShape[]): Placement {
    const floats = shapes.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    return { folder: this.folder, inPlace: 4 * floats >= IN_PLACE_FROM };
  }

  private place(name: string): Place {
    const place = this.places.get(name);
    if (place === undefined) throw new InputError(`${this.directory}: the weights have no ${name}`);
    return place;
  }
}

/** The deepest folder that contains both. */
function commonFolder(one: string, other: string): string {
  let folder = one;
  while (path.relative(folder, other).startsWith("..")) folder = path.dirname(folder);
  return folder;
}

/** The directory's tensors by their names in the files. */
function filesOf(directory: string): Map<string, SafetensorsFile> {
  const single = "model.safetensors";
  const index = path.join(directory, "model.safetensors.index.json");
  const names = readdirSync(directory);
  // After an interrupted download, a link may exist without its file.
  const open = (name: string): Map<string, SafetensorsFile> => {
    checkFile(path.join(directory, name), "download it again");
    const file = SafetensorsFile.open(path.join(directory, name));
    return new Map([...file.tensors.keys(), ...file.foreign.keys()].map((key) => [key, file]));
  };
  if (names.includes(single)) return open(single);
  if (names.includes(path.basename(index))) return shardsOf(directory, index);
  const variants = names.filter((name) => /^model\.[\w-]+\.safetensors$/.test(name));
  const [variant] = variants;
  if (variant !== undefined && variants.length === 1) return open(variant);
  const pickled = names.find((name) => /^pytorch_model\.bin(?:\.index\.json)?$/.test(name));
  throw new InputError(
    pickled !== undefined
      ? `${directory} has ${pickled} only: save it again with safe_serialization=True (safetensors is what is read)`
      : variants.length > 0
        ? `${directory} has several models, ${variants.join(" and ")}: name the one that is meant model.safetensors`
        : `${directory} has neither model.safetensors nor model.safetensors.index.json: download the weights too`,
  );
}

function shardsOf(directory: string, index: string): Map<string, SafetensorsFile> {
  const { weight_map } = readJson(index, z.looseObject({ weight_map: z.record(z.string(), z.string()) }));
  const shards = new Map<string, SafetensorsFile>();
  for (const shard of new Set(Object.values(weight_map))) {
    if (path.basename(shard) !== shard) throw new InputError(`${index}: shard ${shard} lies outside the directory`);
    const location = path.join(directory, shard);
    checkFile(location, `${path.basename(index)} names it: download it too`);
    shards.set(shard, SafetensorsFile.open(location));
  }
  const files = new Map<string, SafetensorsFile>();
  for (const [key, shard] of Object.entries(weight_map)) {
    const file = shards.get(shard);
    if (file === undefined || !(file.tensors.has(key) || file.foreign.has(key))) {
      throw new InputError(`${index} says that ${key} is in ${shard}, which lacks it`);
    }
    files.set(key, file);
  }
  return files;
}
