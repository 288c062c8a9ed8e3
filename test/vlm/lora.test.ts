import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import {
  fittedConfig,
  type LinearModule,
  type LoraConfig,
  loraScale,
  matchTargets,
  mergedWeight,
  ownTargets,
  PLAIN_LORA,
  rankOf,
  readAdapter,
  writeAdapter,
} from "../../trainer/vlm/weights/lora.js";
import { temporaryFolder } from "../temporary.js";

const golden = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../test/golden/clip-tiny/golden");
const paths = ["a.q_proj", "a.k_proj", "b.q_proj", "b.xq_proj", "visual_projection"];
const modules: LinearModule[] = paths.map((own) => ({ path: own, outputs: 6, inputs: 4 }));
const matched = (targets: string | readonly string[]): string[] =>
  matchTargets(targets, modules).map((own) => own.path);
const temporary = (): string => temporaryFolder("lora");
const base = { directory: "base", modelClass: "CLIPModel" };

describe("target_modules", () => {
  it("as a list names whole paths or their last parts, not parts of words", () => {
    expect(matched(["q_proj"])).toEqual(["a.q_proj", "b.q_proj"]);
    expect(matched(["a.q_proj", "visual_projection"])).toEqual(["a.q_proj", "visual_projection"]);
  });

  it("as a string is a regular expression over the whole path", () => {
    expect(matched("a\\..*")).toEqual(["a.q_proj", "a.k_proj"]);
    expect(matched(".*q_proj")).toEqual(["a.q_proj", "b.q_proj", "b.xq_proj"]);
    expect(matched("all-linear")).toEqual(paths);
  });

  it("that match nothing, or are no valid expression, are refused with the known names", () => {
    expect(() => matched(["o_proj"])).toThrow(/visual_projection/);
    expect(() => matched("q_proj")).toThrow(InputError);
    expect(() => matched("(")).toThrow(InputError);
  });
});

describe("an adapter", () => {
  it("is read back as written", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 32 }), fc.boolean(), (rank, alpha, rs) => {
        const directory = temporary();
        const pair = {
          a: Float32Array.from({ length: rank * 4 }, (_, i) => i / 7),
          b: Float32Array.from({ length: rank * 6 }, (_, i) => -i / 3),
        };
        const config = { ...PLAIN_LORA, rank, alpha, targets: ["q_proj"], rankStabilized: rs };
        writeAdapter(directory, { config, pairs: new Map([["a.q_proj", pair]]) }, base);
        expect(readAdapter(directory, modules)).toEqual({ config, pairs: new Map([["a.q_proj", pair]]) });
      }),
      { numRuns: 10 },
    );
  });

  it("scales by alpha over rank, or over its root", () => {
    const config = { ...PLAIN_LORA, rank: 4, alpha: 8, targets: [] };
    expect(loraScale(config, "a.q_proj")).toBe(2);
    expect(loraScale({ ...config, rankStabilized: true }, "a.q_proj")).toBe(4);
  });

  it("has other ranks and alphas where a pattern fits the end of a module's path, the first that does", () => {
    const config: LoraConfig = {
      ...PLAIN_LORA,
      rank: 4,
      alpha: 8,
      targets: [],
      rankPattern: { "b.q_proj": 2, "[ab]\\..*": 1 },
      alphaPattern: { q_proj: 6 },
    };
    const modules = ["a.q_proj", "b.q_proj", "b.k_proj", "deep.b.q_proj", "b.xq_proj", "c.v_proj"];
    expect(modules.map((own) => rankOf(config, own))).toEqual([1, 2, 1, 2, 1, 4]);
    expect(modules.map((own) => loraScale(config, own))).toEqual([6, 3, 8, 3, 8, 2]);
  });

  describe("of a model with a tower and a decoder", () => {
    const tower = "model.vision_tower.vision_model.encoder.layers.0.self_attn.q_proj";
    const decoder = "model.language_model.layers.0.self_attn.q_proj";
    const own = [tower, decoder].map((name) => ({ path: name, outputs: 6, inputs: 4 }));
    const config = { ...PLAIN_LORA, rank: 2, alpha: 4, targets: ["q_proj"] };
    const written = (alphaPattern: LoraConfig["alphaPattern"], targets: LoraConfig["targets"] = config.targets) => {
      const directory = temporary();
      const pair = { a: new Float32Array(8), b: new Float32Array(12) };
      writeAdapter(directory, { config: { ...config, alphaPattern, targets }, pairs: new Map([[tower, pair]]) }, base);
      return readAdapter(directory, own);
    };

    it.each([
      ["the module tree's", tower, 8],
      ["transformers 5's", "vision_tower.encoder.layers.0.self_attn.q_proj", 8],
      ["a part of transformers 5's", "model.vision_tower.encoder.*", 8],
      ["another module's", "language_model.model.layers.0.self_attn.q_proj", 2],
    ])("has the alpha of a pattern in %s names", (_, key, scale) => {
      const { config: read } = written({ [key]: 16 });
      expect(loraScale(read, tower)).toBe(scale);
      expect(loraScale(read, decoder)).toBe(scale === 8 ? 2 : 8);
    });

    it("has the number of the first of two patterns in another layout's names, as in PEFT", () => {
      const one = "language_model.model.layers.0.self_attn.q_proj";
      const all = "language_model.model.layers.*.self_attn.q_proj";
      expect(loraScale(written({ [one]: 16, [all]: 8 }).config, decoder)).toBe(8);
      expect(loraScale(written({ [all]: 8, [one]: 16 }).config, decoder)).toBe(4);
      expect(rankOf(fittedConfig({ ...config, rankPattern: { [one]: 3, [all]: 5 } }, own), decoder)).toBe(3);
    });

    it("stored in two layouts at once, or in a type that is not supported, is refused by name", () => {
      const directory = temporary();
      const pair = { a: new Float32Array(8), b: new Float32Array(12) };
      const old = "language_model.model.layers.0.self_attn.q_proj";
      const pairs = new Map([decoder, old].map((name) => [name, pair]));
      writeAdapter(directory, { config, pairs }, base);
      expect(() => readAdapter(directory, own)).toThrow(/language_model.* are the same weights in two layouts/);
      writeAdapter(directory, { config, pairs: new Map([tower, decoder].map((name) => [name, pair])) }, base);
      const file = path.join(directory, "adapter_model.safetensors");
      const halved = readFileSync(file).toString("latin1").replaceAll('"F32","shape":[2,4]', '"F8x","shape":[2,4]');
      writeFileSync(file, halved, "latin1");
      expect(() => readAdapter(directory, own)).toThrow(/q_proj\.lora_A\.weight has type F8x; known are/);
    });

    it("refuses a pattern that fits no layer where a new one is asked for", () => {
      const asked = { ...config, alphaPattern: { "language_model.model.layers.0.*": 16 } };
      expect(loraScale(fittedConfig(asked, own), decoder)).toBe(8);
      expect(() => written({ "(?P<python>.*)": 2 })).toThrow(
        /pattern "\(\?P<python>\.\*\)" is not a regular expression/,
      );
      expect(() => fittedConfig({ ...config, rankPattern: { "layers.7.*": 1 } }, own)).toThrow(
        /rank_pattern: "layers\.7\.\*" fits no linear layer; .* q_proj/,
      );
    });

    it("keeps its targets where they name its modules and no others", () => {
      expect(ownTargets(written({}, [tower]), own)).toEqual([tower]);
      expect(ownTargets(written({}, ".*vision.*"), own)).toBe(".*vision.*");
      expect(ownTargets(written({}, ["q_proj"]), own)).toEqual([tower]);
      expect(ownTargets(written({}, "(?P<python>.*)"), own)).toEqual([tower]);
    });
  });

  it("merges to W + scale · B · A", () => {
    const pair = { a: Float32Array.of(1, 2), b: Float32Array.of(10, 100) };
    expect(mergedWeight(Float32Array.of(1, 1, 1, 1), pair, 1, 2)).toEqual(Float32Array.of(21, 41, 201, 401));
  });

  it.each([
    ["init_lora_weights", "pissa"],
    ["init_lora_weights", "olora"],
    ["alora_invocation_tokens", [1, 2]],
    ["trainable_token_indices", [7]],
    ["lora_bias", true],
    ["bias", "all"],
    ["modules_to_save", ["visual_projection"]],
    ["some_new_key", 3],
  ])("with %s %j is refused by the key", (key, value) => {
    const directory = temporary();
    const json = JSON.parse(readFileSync(path.join(golden, "lora-qv/adapter_config.json"), "utf8")) as object;
    writeFileSync(path.join(directory, "adapter_config.json"), JSON.stringify({ ...json, [key]: value }));
    expect(() => readAdapter(directory, modules)).toThrow(new RegExp(`${key} .* is not supported`));
  });

  it("with a layer that PEFT cannot change is read if it has no effect there, and refused otherwise", () => {
    const directory = temporary();
    const zero = { a: new Float32Array(8).fill(1), b: new Float32Array(12) };
    const config = { ...PLAIN_LORA, rank: 2, alpha: 2, targets: ["q_proj", "head"] };
    const write = (head: typeof zero): void =>
      writeAdapter(
        directory,
        {
          config,
          pairs: new Map([
            ["a.q_proj", zero],
            ["head", head],
          ]),
        },
        base,
      );
    write(zero);
    expect([...readAdapter(directory, modules).pairs.keys()]).toEqual(["a.q_proj"]);
    write({ ...zero, b: new Float32Array(12).fill(1) });
    expect(() => readAdapter(directory, modules)).toThrow(/head\.lora_A\.weight fits no linear layer/);
  });

  it("for another model, incomplete, or of another kind is refused with the key", () => {
    const other = [{ path: "text_model.encoder.layers.0.self_attn.q_proj", outputs: 3, inputs: 3 }];
    expect(() => readAdapter(path.join(golden, "lora-qv"), other)).toThrow(/q_proj\.lora_A\.weight has shape/);
    expect(() => readAdapter(path.join(golden, "lora-qv"), modules)).toThrow(/fits no linear layer/);
    const directory = temporary();
    const json = JSON.parse(readFileSync(path.join(golden, "lora-qv/adapter_config.json"), "utf8")) as object;
    writeFileSync(path.join(directory, "adapter_config.json"), JSON.stringify({ ...json, use_dora: true }));
    expect(() => readAdapter(directory, modules)).toThrow(/use_dora true is not supported/);
  });
});
