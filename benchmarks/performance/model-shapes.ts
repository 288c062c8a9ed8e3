/**
 * @file Directories with the shapes of published models, without their weights: one repeated block of random numbers,
 * and norms without effect. Speed and memory of a model depend only on its shape.
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
  /** The directory that supplies its tokenizer and image processing. */
  readonly like: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly imageSize: number;
  /** Norms that multiply by their weight plus 1, as in Gemma. */
  readonly offsetNorms?: RegExp;
}

const so400m = { hidden_size: 1152, intermediate_size: 4304, num_hidden_layers: 27, num_attention_heads: 16 };

/** Tokens of test/golden's tokenizers, which have smaller vocabularies than the models. */
const PALIGEMMA = { model_type: "paligemma", image_token_index: 520, eos_token_id: 1 };
const GEMMA_NORMS = /^model\.language_model\./;

const gemma2b = {
  model_type: "gemma",
  hidden_size: 2048,
  intermediate_size: 16_384,
  num_attention_heads: 8,
  num_key_value_heads: 1,
  head_dim: 256,
};

/** From the published config.json; missing keys have the class's defaults. */
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
  // google/paligemma-3b-pt-224
  "paligemma-3b-224": {
    like: "paligemma-tiny",
    imageSize: 224,
    offsetNorms: GEMMA_NORMS,
    config: {
      ...PALIGEMMA,
      text_config: { ...gemma2b, num_hidden_layers: 18, vocab_size: 257_216 },
      vision_config: { ...so400m, image_size: 224, patch_size: 14, vision_use_head: false },
    },
  },
  // For the decoder's speed: two of Gemma 2B's layers after a negligible tower.
  "gemma-2b-2-layers": {
    like: "paligemma-tiny",
    imageSize: 224,
    offsetNorms: GEMMA_NORMS,
    config: {
      ...PALIGEMMA,
      text_config: { ...gemma2b, num_hidden_layers: 2, vocab_size: 8192 },
      vision_config: {
        hidden_size: 64,
        intermediate_size: 128,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        image_size: 224,
        patch_size: 14,
        vision_use_head: false,
      },
    },
  },
  // llava-hf/llava-1.5-7b-hf
  "llava-1.5-7b": {
    like: "llava-tiny",
    imageSize: 336,
    config: {
      model_type: "llava",
      image_token_index: 513,
      text_config: { vocab_size: 32_064, rms_norm_eps: 1e-5, max_position_embeddings: 4096 },
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
};

const BLOCK_BYTES = 64 * 2 ** 20;
const SPREAD = 0.02;

export type Precision = "F32" | "BF16";
const BYTES: Readonly<Record<Precision, number>> = { F32: 4, BF16: 2 };

/** Normally distributed numbers, in the file's type. */
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

/** Norms multiply by 1, the logits' scale and bias are small, and everything else is random. */
const constantOf = (name: string, { offsetNorms }: Shape): number | null => {
  if (/(?:norm\d?|layrnorm)\.weight$/.test(name)) return offsetNorms?.test(name) ? 0 : 1;
  return /(?:norm\d?|layrnorm)\.bias$|^logit_/.test(name) ? 0 : null;
};

const count = ({ shape }: ParameterShape): number => shape.reduce((a, b) => a * b, 1);

function writeWeights(file: string, shape: Shape, shapes: readonly ParameterShape[], precision: Precision): void {
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
      const constant = constantOf(own.name, shape);
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
 * Makes the directory of a shape inside `folder`; the caller removes it.
 * @throws InputError for an unknown shape, or a disk without enough space
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
    writeWeights(path.join(directory, "model.safetensors"), shape, shapes, precision);
    return directory;
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}
