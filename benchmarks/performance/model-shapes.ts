/**
 * @file Directories of published models' shapes, without their weights: one block of random numbers repeated, norms that change nothing. How fast
 * a model is and what memory it takes depends on its shape alone.
 */
import { closeSync, copyFileSync, mkdirSync, openSync, rmSync, statfsSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../../trainer/errors.js";
import { Random } from "../../trainer/random/random.js";
import { architectureIn } from "../../trainer/vlm/architectures.js";
import type { ParameterShape } from "../../trainer/vlm/weights/recording.js";

const golden = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../test/golden");

interface Shape {
  /** The directory whose tokenizer and image processor it takes. */
  readonly like: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly imageSize: number;
}

const so400m = { hidden_size: 1152, intermediate_size: 4304, num_hidden_layers: 27, num_attention_heads: 16 };

/** After openai/clip-vit-…'s and google/siglip-…'s config.json; what is left out has the class's default. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  "clip-vit-b-32": { like: "clip-tiny", imageSize: 224, config: { model_type: "clip" } },
  "clip-vit-l-14-336": {
    like: "clip-tiny",
    imageSize: 336,
    config: {
      model_type: "clip",
      projection_dim: 768,
      text_config: { hidden_size: 768, intermediate_size: 3072, num_attention_heads: 12 },
      vision_config: {
        hidden_size: 1024,
        intermediate_size: 4096,
        num_hidden_layers: 24,
        num_attention_heads: 16,
        image_size: 336,
        patch_size: 14,
      },
    },
  },
  "siglip-base-16-224": { like: "siglip-tiny", imageSize: 224, config: { model_type: "siglip" } },
  "siglip-so400m-14-384": {
    like: "siglip-tiny",
    imageSize: 384,
    config: {
      model_type: "siglip",
      text_config: so400m,
      vision_config: { ...so400m, image_size: 384, patch_size: 14 },
    },
  },
};

const BLOCK_BYTES = 64 * 2 ** 20;
const SPREAD = 0.02;

export type Precision = "F32" | "BF16";
const BYTES: Readonly<Record<Precision, number>> = { F32: 4, BF16: 2 };

/** Normal numbers, as the file holds them. */
function randomBlock(precision: Precision): Uint8Array {
  const random = new Random(1);
  const values = Float32Array.from({ length: BLOCK_BYTES / BYTES[precision] }, () => SPREAD * random.normal());
  return bytesOf(values, precision);
}

function bytesOf(values: Float32Array, precision: Precision): Uint8Array {
  if (precision === "F32") return new Uint8Array(values.buffer);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return new Uint8Array(Uint16Array.from(bits, (word) => word >>> 16).buffer);
}

/** Norms multiply by 1; a scale and a bias of logits are small numbers; everything else is random. */
const constantOf = (name: string): number | null => {
  if (/(?:norm\d?|layrnorm)\.weight$/.test(name)) return 1;
  return /(?:norm\d?|layrnorm)\.bias$|^logit_/.test(name) ? 0 : null;
};

const count = ({ shape }: ParameterShape): number => shape.reduce((a, b) => a * b, 1);

function writeWeights(file: string, shapes: readonly ParameterShape[], precision: Precision): void {
  const size = BYTES[precision];
  let end = 0;
  const entries = shapes.map((own) => {
    const start = end;
    end += count(own) * size;
    return [own.name, { dtype: precision, shape: own.shape, data_offsets: [start, end] }];
  });
  const json = JSON.stringify(Object.fromEntries(entries));
  const header = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const block = randomBlock(precision);
  const descriptor = openSync(file, "w");
  try {
    writeSync(descriptor, length);
    writeSync(descriptor, header);
    for (const own of shapes) {
      const constant = constantOf(own.name);
      if (constant !== null) {
        writeSync(descriptor, bytesOf(new Float32Array(count(own)).fill(constant), precision));
        continue;
      }
      for (let left = count(own) * size; left > 0; left -= block.length) {
        writeSync(descriptor, block.subarray(0, Math.min(left, block.length)));
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes the directory of a shape's name inside `folder`; the caller removes it.
 * @throws InputError for a shape that is not in the list, or a disk that is too full
 */
export function makeModel(folder: string, name: string, precision: Precision): string {
  const shape = SHAPES[name];
  if (shape === undefined) throw new InputError(`no shape ${name}: there are ${Object.keys(SHAPES).join(", ")}`);
  const directory = path.join(folder, `${name}-${precision.toLowerCase()}`);
  mkdirSync(directory, { recursive: true });
  try {
    for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
      copyFileSync(path.join(golden, shape.like, file), path.join(directory, file));
    }
    writeFileSync(path.join(directory, "config.json"), JSON.stringify(shape.config));
    const side = { height: shape.imageSize, width: shape.imageSize };
    const half = [0.5, 0.5, 0.5];
    writeFileSync(
      path.join(directory, "preprocessor_config.json"),
      JSON.stringify({ size: side, do_center_crop: false, resample: 3, image_mean: half, image_std: half }),
    );
    const { shapes } = architectureIn(directory).shape(directory);
    const bytes = shapes.reduce((sum, own) => sum + count(own), 0) * BYTES[precision];
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < bytes * 1.1) {
      const free = ((bavail * bsize) / 2 ** 30).toFixed(1);
      throw new InputError(`${folder}: ${name} takes ${(bytes / 2 ** 30).toFixed(1)} GiB, and ${free} are free there`);
    }
    writeWeights(path.join(directory, "model.safetensors"), shapes, precision);
    return directory;
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}
