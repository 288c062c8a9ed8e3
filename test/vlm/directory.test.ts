import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { SafetensorsFile, type WritableTensor, writeSafetensors } from "../../trainer/files/safetensors.js";
import { CLIP } from "../../trainer/vlm/clip/architecture.js";
import { openModel } from "../../trainer/vlm/index.js";
import { temporaryFolder } from "../temporary.js";

const bundled = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../trainer/vlm/bundled");
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

/** Opening fails with an InputError that names all of `parts`. */
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

  it("whose weight has another shape than the configuration is refused with both", async () => {
    editJson("config.json", (json) => {
      json["projection_dim"] = 64;
    });
    await expectRefusal("_projection.weight", "[128, ", "[64, ");
  });

  it("without a tokenizer, or with JSON that is none, is refused with the file", async () => {
    writeFileSync(file("tokenizer.json"), "{");
    await expectRefusal("tokenizer.json", "not JSON");
    rmSync(file("tokenizer.json"));
    await expectRefusal("tokenizer.json");
  });

  it("whose configuration has a wrong value is refused with the key", async () => {
    editJson("config.json", (json) => {
      json["vision_config"] = { ...(json["vision_config"] as object), hidden_act: "relu" };
    });
    await expectRefusal("config.json", "vision_config.hidden_act");
  });

  it("with pickled weights only is told how to convert", async () => {
    rmSync(file("model.safetensors"));
    writeFileSync(file("pytorch_model.bin"), "");
    await expectRefusal("pytorch_model.bin", "safe_serialization");
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
