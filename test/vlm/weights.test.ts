import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { SafetensorsFile, type WritableTensor, writeSafetensors } from "../../trainer/files/safetensors.js";
import { type CaptionSet, type ImageBatch, openModel } from "../../trainer/vlm/index.js";
import { SIGLIP } from "../../trainer/vlm/siglip/architecture.js";
import { canonicalKey } from "../../trainer/vlm/weights/key-layouts.js";
import { temporaryFolder } from "../temporary.js";
import { fineTuning } from "./settings.js";

const siglip = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../test/golden/siglip-tiny");
const runtime = { device: "cpu", threads: 1 };
const weightsOf = (directory: string): SafetensorsFile =>
  SafetensorsFile.open(path.join(directory, "model.safetensors"));

type Edit = (name: string, tensor: { shape: readonly number[]; data: Float32Array }) => WritableTensor;

/** A copy of the model with other weights; `type` is the header's type for half-precision arrays. */
function copyWith(edit: Edit, type = "F16"): string {
  const directory = temporaryFolder("weights");
  cpSync(siglip, directory, { recursive: true });
  rmSync(path.join(directory, "golden"), { recursive: true });
  const source = weightsOf(siglip);
  const entries = [...source.tensors.keys()].map(
    (name) => [name, edit(name, { shape: source.shape(name), data: source.readFloats(name) })] as const,
  );
  const file = path.join(directory, "model.safetensors");
  writeSafetensors(file, Object.fromEntries(entries));
  if (type === "F16") return directory;
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = bytes.toString("utf8", 8, 8 + length).replaceAll('"F16"', `"${type}"`);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  writeFileSync(file, Buffer.concat([size, Buffer.from(header), bytes.subarray(8 + length)]));
  return directory;
}

/** bfloat16: the upper half of each number. */
const upper = (data: Float32Array): Uint16Array =>
  Uint16Array.from(new Uint32Array(data.buffer, data.byteOffset, data.length), (bits) => bits >>> 16);
const widened = (halves: Uint16Array): Float32Array =>
  new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);

const images: ImageBatch = {
  count: 2,
  height: 64,
  width: 64,
  data: Uint8Array.from({ length: 2 * 64 * 64 * 3 }, (_, i) => (i * 31) % 256),
};
const captions: CaptionSet[][] = [
  [{ right: "The laptop is in front of the basket.", wrong: ["The laptop is behind the basket."] }],
  [{ right: "The teddy bear is to the left of the chair.", wrong: ["The teddy bear is to the right of the chair."] }],
];

/** Logits before and after a step of LoRA, and its loss. */
async function behaviour(directory: string): Promise<number[]> {
  const model = await openModel(directory, { runtime, fineTuning });
  try {
    const before = (await model.score(images, captions)).flat();
    const { loss } = await model.fineTune(images, captions);
    const after = (await model.score(images, captions)).flat();
    return [...before, ...after].flatMap((logits) => [...logits]).concat(loss);
  } finally {
    await model.close();
  }
}

function expectSame(actual: readonly number[], expected: readonly number[], tolerance = 1e-5): void {
  expect(actual).toHaveLength(expected.length);
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN))));
  expect(worst).toBeLessThan(tolerance);
}

describe("weights on disk", () => {
  it("in bfloat16 give the same results as the same numbers in float32", async () => {
    const halves = copyWith((_, { shape, data }) => ({ shape, data: upper(data) }), "BF16");
    const whole = copyWith((_, { shape, data }) => ({ shape, data: widened(upper(data)) }));
    expectSame(await behaviour(halves), await behaviour(whole));
  });

  it("used in place give the same results as copied ones", async () => {
    // Vocabulary rows that no text uses make the model too large to be copied.
    const rows = 100_000;
    const grown = copyWith((name, { shape, data }) => {
      if (name !== "text_model.embeddings.token_embedding.weight") return { shape, data };
      const table = new Float32Array(rows * (shape[1] ?? 0));
      table.set(data);
      return { shape: [rows, shape[1] ?? 0], data: table };
    });
    const config = path.join(grown, "config.json");
    const json = JSON.parse(readFileSync(config, "utf8")) as { text_config: object };
    writeFileSync(config, JSON.stringify({ ...json, text_config: { ...json.text_config, vocab_size: rows } }));
    const { shapes, weights } = SIGLIP.read(grown);
    expect(weights.placement(shapes).inPlace).toBe(true);
    const small = SIGLIP.read(siglip);
    expect(small.weights.placement(small.shapes).inPlace).toBe(false);
    expectSame(await behaviour(grown), await behaviour(siglip));
  });

  it("in shards behind a download cache's links are found", async () => {
    const cache = temporaryFolder("cache");
    const [blobs, snapshot] = [path.join(cache, "blobs"), path.join(cache, "snapshots", "1")];
    mkdirSync(blobs, { recursive: true });
    mkdirSync(path.dirname(snapshot), { recursive: true });
    cpSync(siglip, snapshot, { recursive: true });
    const source = weightsOf(siglip);
    const names = [...source.tensors.keys()];
    const weight_map: Record<string, string> = {};
    for (const part of [0, 1]) {
      const shard = `model-0000${part + 1}-of-00002.safetensors`;
      const chosen = names.filter((_, i) => i % 2 === part);
      for (const name of chosen) weight_map[name] = shard;
      const tensors = chosen.map((name) => [name, { shape: source.shape(name), data: source.readFloats(name) }]);
      writeSafetensors(path.join(blobs, `blob${part}`), Object.fromEntries(tensors) as Record<string, WritableTensor>);
      symlinkSync(path.join("..", "..", "blobs", `blob${part}`), path.join(snapshot, shard));
    }
    rmSync(path.join(snapshot, "model.safetensors"));
    writeFileSync(path.join(snapshot, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map }));
    renameSync(path.join(snapshot, "config.json"), path.join(blobs, "blob2"));
    symlinkSync(path.join("..", "..", "blobs", "blob2"), path.join(snapshot, "config.json"));
    expectSame(await behaviour(snapshot), await behaviour(siglip), 1e-30 + Number.EPSILON);
  });

  it("of SigLIP beside a case-sensitive tokenizer are refused: SigLIP 2 is another model", async () => {
    const directory = copyWith((_, { shape, data }) => ({ shape, data }));
    const file = path.join(directory, "tokenizer.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"Lowercase"', '"NFC"'));
    await expect(openModel(directory, { runtime })).rejects.toThrow(/tells "A" from "a"/);
  });

  it("of a type that is no float are refused with the tensor's name", async () => {
    const directory = copyWith((name, { shape, data }) =>
      name === "vision_model.post_layernorm.bias" ? { shape, data: Int32Array.from(data) } : { shape, data },
    );
    await expect(openModel(directory, { runtime })).rejects.toThrow(/post_layernorm\.bias is I32; F32, F16 and BF16/);
  });

  it("that are not finite are refused with the tensor's name", async () => {
    const directory = copyWith((name, { shape, data }) => {
      if (name === "text_model.head.bias") data[3] = Number.NaN;
      return { shape, data };
    });
    await expect(openModel(directory, { runtime })).rejects.toThrow(/text_model\.head\.bias holds values/);
  });
});

describe("the names of parameters", () => {
  const layer = "layers.0.self_attn.q_proj.weight";
  const layouts = {
    hub: [
      `language_model.model.${layer}`,
      `vision_tower.vision_model.encoder.${layer}`,
      "multi_modal_projector.linear.weight",
      "language_model.lm_head.weight",
    ],
    tree: [
      `model.language_model.${layer}`,
      `model.vision_tower.vision_model.encoder.${layer}`,
      "model.multi_modal_projector.linear.weight",
      "lm_head.weight",
    ],
    v5: [
      `language_model.model.${layer}`,
      `vision_tower.encoder.${layer}`,
      "multi_modal_projector.linear.weight",
      "language_model.lm_head.weight",
    ],
  };
  for (const [layout, keys] of Object.entries(layouts)) {
    it(`of the ${layout} layout are the module tree's`, () => {
      expect(keys.map(canonicalKey)).toEqual(layouts.tree);
    });
  }

  it("of models without a decoder stay as they are", () => {
    const { shapes } = SIGLIP.read(siglip);
    for (const { name } of shapes) expect(canonicalKey(name)).toBe(name);
  });
});
