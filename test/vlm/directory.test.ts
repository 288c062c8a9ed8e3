import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { SafetensorsFile, type WritableTensor, writeSafetensors } from "../../trainer/files/safetensors.js";
import { CLIP } from "../../trainer/vlm/clip/architecture.js";
import { readClipConfig } from "../../trainer/vlm/clip/config.js";
import { openModel } from "../../trainer/vlm/index.js";
import { inspect } from "../../trainer/vlm/inspect.js";
import { temporaryFolder } from "../temporary.js";
import { fineTuning } from "./settings.js";

const bundled = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../trainer/vlm/bundled");
const golden = path.resolve(bundled, "../../../test/golden");
const runtime = { device: "cpu", threads: 1 };
let directory = "";

beforeEach(() => {
  directory = temporaryFolder("vlm");
  cpSync(bundled, directory, { recursive: true });
});

const file = (name: string): string => path.join(directory, name);

function editJson(name: string, edit: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(file(name), "utf8")) as Record<string, unknown>;
  edit(json);
  writeFileSync(file(name), JSON.stringify(json));
}

function tensors(): Record<string, WritableTensor> {
  const weights = SafetensorsFile.open(path.join(bundled, "model.safetensors"));
  const entries = [...weights.tensors].map(([name, { shape }]) => [name, { shape, data: weights.readFloats(name) }]);
  return Object.fromEntries(entries);
}

/** Opening must fail with an InputError that names all of `parts`. */
async function expectRefusal(...parts: readonly string[]): Promise<void> {
  const error: unknown = await openModel(directory, { runtime }).then(
    async (model) => {
      await model.close();
      return "opened";
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  for (const part of parts) expect((error as InputError).message).toContain(part);
}

describe("a model directory", () => {
  it("that does not exist is named", async () => {
    rmSync(directory, { recursive: true });
    await expectRefusal(directory);
  });

  it("of an unknown architecture is refused with the known ones", async () => {
    editJson("config.json", (json) => {
      json["model_type"] = "blip";
    });
    await expectRefusal("blip", "clip");
  });

  it("with truncated weights is refused with the file", async () => {
    truncateSync(file("model.safetensors"), 1_000_000);
    await expectRefusal("model.safetensors", "truncated");
  });

  it("that lacks a weight is refused with its name", async () => {
    const { "visual_projection.weight": _, ...rest } = tensors();
    writeSafetensors(file("model.safetensors"), rest);
    await expectRefusal("visual_projection.weight");
  });

  it("with a weight of another shape than configured is refused with both shapes", async () => {
    editJson("config.json", (json) => {
      json["projection_dim"] = 64;
    });
    await expectRefusal("_projection.weight", "[128, ", "[64, ");
  });

  it("without a tokenizer, or with invalid JSON, is refused with the file", async () => {
    writeFileSync(file("tokenizer.json"), "{");
    await expectRefusal("tokenizer.json", "not JSON");
    rmSync(file("tokenizer.json"));
    await expectRefusal("tokenizer.json");
  });

  it("with a wrong value in its configuration is refused with the key", async () => {
    editJson("config.json", (json) => {
      json["vision_config"] = { ...(json["vision_config"] as object), hidden_act: "relu" };
    });
    await expectRefusal("config.json", "vision_config.hidden_act");
  });

  it.each(["pytorch_model.bin", "pytorch_model.bin.index.json"])(
    "with %s only is told how to convert",
    async (name) => {
      rmSync(file("model.safetensors"));
      writeFileSync(file(name), "");
      await expectRefusal(name, "safe_serialization");
    },
  );

  it("with an unsupported key that would change the model is refused with the key", async () => {
    editJson("config.json", (json) => {
      json["quantization_config"] = { bits: 4 };
    });
    await expectRefusal("quantization_config", "not supported");
    editJson("config.json", (json) => {
      json["quantization_config"] = null;
      json["text_config"] = { ...(json["text_config"] as object), rope_scaling: 2 };
    });
    await expectRefusal("text_config.rope_scaling 2", "not supported");
  });

  it("with text_config_dict uses it, with the class's defaults, like transformers", () => {
    editJson("config.json", (json) => {
      json["text_config_dict"] = { hidden_size: 64, num_attention_heads: 2 };
    });
    expect(readClipConfig(directory).text).toMatchObject({ width: 64, heads: 2, layers: 12, vocabulary: 49408 });
  });

  it("with texts that never contain the configured end token is refused with both", async () => {
    editJson("config.json", (json) => {
      json["text_config"] = { ...(json["text_config"] as object), eos_token_id: 5 };
    });
    await expectRefusal("text_config.eos_token_id 5", "ends texts with");
  });

  it("with a tokenizer that adds no end token is refused", async () => {
    editJson("tokenizer.json", (json) => {
      json["post_processor"] = null;
    });
    await expectRefusal("text_config.eos_token_id", "post_processor");
  });

  it("with more layers than any model has is refused at once", async () => {
    editJson("config.json", (json) => {
      json["text_config"] = { ...(json["text_config"] as object), num_hidden_layers: 10 ** 8 };
    });
    await expectRefusal("text_config.num_hidden_layers", "at most 1000");
  });

  it.each([
    ["image_size", 1e9, "vision_config.image_size: takes a number of at most 16384, not 1000000000"],
    ["patch_size", 1e9, "vision_config.patch_size: takes a number of at most 16384, not 1000000000"],
    ["patch_size", 65, "vision_config.patch_size 65 is larger than image_size 64"],
  ])("with a vision_config.%s of %i is refused by the key", async (key, value, message) => {
    for (const name of ["clip", "siglip", "paligemma", "llava"]) {
      cpSync(path.join(golden, `${name}-tiny`), directory, { recursive: true });
      editJson("config.json", (json) => {
        json["vision_config"] = { ...(json["vision_config"] as object), image_size: 64, [key]: value };
      });
      await expectRefusal(`${file("config.json")}: ${message}`);
    }
  });

  it.each([
    ["image_std", 1e-300],
    ["image_mean", 1e300],
    ["rescale_factor", 1e300],
  ])("whose %s of %d makes infinite numbers of a picture is refused by the file", async (key, value) => {
    editJson("preprocessor_config.json", (json) => {
      json[key] = value;
    });
    await expectRefusal("preprocessor_config.json: rescale_factor, image_mean and image_std", "not finite");
  });

  it("with a billion tokens of text is refused by its weights, before a text is padded to that length", () => {
    cpSync(path.join(golden, "siglip-tiny"), directory, { recursive: true });
    editJson("config.json", (json) => {
      json["text_config"] = { ...(json["text_config"] as object), max_position_embeddings: 1e9 };
    });
    expect(() => inspect(directory, 1, fineTuning)).toThrow(/position_embedding.*\[64, 48\].*\[1000000000, 48\]/);
  });

  it("with fewer layers than its files contain is refused with the first extra one", async () => {
    editJson("config.json", (json) => {
      json["text_config"] = { ...(json["text_config"] as object), num_hidden_layers: 1 };
    });
    await expectRefusal("text_model.encoder.layers.1.", "num_hidden_layers");
  });

  it.each([
    ["of another type", { type: "WordLevel" }, 'model.type: takes "BPE" or "Unigram"'],
    ["that is empty", { vocab: {} }, "model.vocab: takes a vocabulary that is not empty"],
    ["with a negative id", { vocab: { a: -3 } }, "model.vocab.a"],
    ["with an id that is a text", { vocab: { a: "7" } }, "model.vocab.a"],
  ])("with a vocabulary %s is refused", async (_, change, message) => {
    editJson("tokenizer.json", (json) => {
      json["model"] = { ...(json["model"] as object), ...change };
    });
    await expectRefusal("tokenizer.json", message);
  });

  it("with a tokenizer whose token has no embedding is refused with text and token", async () => {
    editJson("tokenizer.json", (json) => {
      const model = json["model"] as { vocab: Record<string, number> };
      const lamp = Object.keys(model.vocab).find((word) => word.startsWith("lamp"));
      model.vocab[lamp ?? ""] = 99_999;
    });
    const model = await openModel(directory, { runtime });
    try {
      const image = { count: 1, height: 64, width: 64, data: new Uint8Array(64 * 64 * 3) };
      const asked = model.score(image, [[{ right: "a lamp", wrong: [] }]]);
      await expect(asked).rejects.toThrow(/"a lamp" has the token 99999, and the model's vocabulary has \d+/);
    } finally {
      await model.close();
    }
  });

  it("of PaliGemma with a head of its own is read with it, and refused where that is missing", async () => {
    rmSync(directory, { recursive: true });
    cpSync(path.join(golden, "paligemma-tiny"), directory, { recursive: true });
    editJson("config.json", (json) => {
      json["tie_word_embeddings"] = false;
    });
    await expectRefusal("the weights have no lm_head.weight");
    const weights = SafetensorsFile.open(path.join(golden, "paligemma-tiny", "model.safetensors"));
    const own = Object.fromEntries(
      [...weights.tensors].map(([name, { shape }]) => [name, { shape, data: weights.readFloats(name) }]),
    );
    const shape = weights.shape("language_model.model.embed_tokens.weight");
    const [vocabulary = 0, width = 0] = shape;
    const head = { shape, data: new Float32Array(vocabulary * width) };
    writeSafetensors(file("model.safetensors"), { ...own, "language_model.lm_head.weight": head });
    const model = await openModel(directory, { runtime });
    try {
      const images = { count: 1, height: 56, width: 56, data: new Uint8Array(56 * 56 * 3) };
      const [[scores] = []] = await model.score(images, [[{ prompt: "answer en", right: "left", wrong: ["right"] }]]);
      // A head of zeros: every token is as likely.
      for (const score of scores ?? []) expect(score % Math.log(vocabulary)).toBeCloseTo(0, 3);
      expect(scores?.[0]).toBeLessThan(-1);
    } finally {
      await model.close();
    }
  });

  it("with only a slow tokenizer is refused with a way to make a fast one", async () => {
    rmSync(file("tokenizer.json"));
    writeFileSync(file("vocab.json"), "{}");
    await expectRefusal("tokenizer.json", "vocab.json", "AutoTokenizer");
  });

  it("with weights that are a broken link is refused with advice to download again", async () => {
    rmSync(file("model.safetensors"));
    symlinkSync("../../blobs/0123", file("model.safetensors"));
    await expectRefusal("model.safetensors", "../../blobs/0123", "download");
  });

  it("with a configuration that is no regular file is refused with it, without blocking", async () => {
    rmSync(file("config.json"));
    execFileSync("mkfifo", [file("config.json")]);
    await expectRefusal("config.json", "no regular file");
  });

  it("that is a download cache's folder is refused with the model's folder in it", async () => {
    const cache = temporaryFolder("cache");
    mkdirSync(path.join(cache, "snapshots", "abc"), { recursive: true });
    directory = cache;
    await expectRefusal(path.join(cache, "snapshots", "abc"));
  });

  it("with a variant's weights only uses them", async () => {
    renameSync(file("model.safetensors"), file("model.fp16.safetensors"));
    const model = await openModel(directory, { runtime });
    await model.close();
    cpSync(file("model.fp16.safetensors"), file("model.bf16.safetensors"));
    await expectRefusal("model.bf16.safetensors", "model.fp16.safetensors");
  });

  it("in shards gives the same parameters, and names a missing shard", async () => {
    const whole = CLIP.read(directory);
    const before = new Map(whole.shapes.map(({ name }) => [name, whole.weights.floats(name)]));
    const all = Object.entries(tensors());
    const weight_map: Record<string, string> = {};
    for (const part of [0, 1]) {
      const shard = `model-0000${part + 1}-of-00002.safetensors`;
      const own = all.filter((_, i) => i % 2 === part);
      for (const [name] of own) weight_map[name] = shard;
      writeSafetensors(file(shard), Object.fromEntries(own));
    }
    rmSync(file("model.safetensors"));
    writeFileSync(file("model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map }));
    const sharded = CLIP.read(directory);
    for (const { name } of whole.shapes) expect(sharded.weights.floats(name)).toEqual(before.get(name));
    rmSync(file("model-00002-of-00002.safetensors"));
    await expectRefusal("model-00002-of-00002.safetensors");
  });

  it("in bfloat16 is read as the upper halves of float32", () => {
    mkdirSync(directory, { recursive: true });
    const weights = SafetensorsFile.open(path.join(bundled, "model.safetensors"));
    const floats = weights.readFloats("visual_projection.weight");
    const halves = Uint16Array.from(new Uint32Array(floats.buffer), (bits) => bits >>> 16);
    const target = file("bf16.safetensors");
    writeSafetensors(target, { w: { shape: weights.shape("visual_projection.weight"), data: halves } });
    const text = readFileSync(target, "latin1")
      .replace('"F16"', '"BF16"')
      .replace('{"__metadata__":{"format":"pt"},', "{");
    const header = text.slice(8, text.lastIndexOf("}}") + 2);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(target, Buffer.concat([length, Buffer.from(header), Buffer.from(halves.buffer)]));
    const read = SafetensorsFile.open(target).readFloats("w");
    const expected = Uint32Array.from(halves, (half) => half << 16);
    expect(Buffer.from(read.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
  });
});
