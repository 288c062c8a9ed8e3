/**
 * @file Models that answer: their likelihoods, greedy answers and steps do not depend on batching or on where a step
 * starts.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { SafetensorsFile } from "../../trainer/files/safetensors.js";
import type { Runtime } from "../../trainer/graph/runtime.js";
import { Random } from "../../trainer/random/random.js";
import type { GenerativeNetwork } from "../../trainer/vlm/generative/network.js";
import { speakersAtOnce } from "../../trainer/vlm/generative/plan.js";
import {
  type CaptionSet,
  type FineTuning,
  type ImageBatch,
  openModel,
  type VisionLanguageModel,
} from "../../trainer/vlm/index.js";
import { merge } from "../../trainer/vlm/merge.js";
import { temporaryFolder } from "../temporary.js";
import { fineTuning } from "./settings.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const directoryOf = (name: string): string => path.join(root, "test/golden", name);
const opened: VisionLanguageModel[] = [];
afterAll(() => Promise.all(opened.map((model) => model.close())));

async function open(name: string, options: Partial<FineTuning> = {}, adapter?: string, batch?: number) {
  const model = await openModel(directoryOf(name), {
    runtime: { device: "cpu", threads: 1 },
    fineTuning: { ...fineTuning, ...options },
    ...(adapter === undefined ? {} : { adapter }),
    ...(batch === undefined ? {} : { scoringBatch: batch }),
  });
  opened.push(model);
  return model;
}

const random = new Random(4);
const images: ImageBatch = {
  count: 4,
  height: 56,
  width: 56,
  data: Uint8Array.from({ length: 4 * 56 * 56 * 3 }, () => random.below(256)),
};
const set = (a: string, b: string): CaptionSet => ({
  prompt: `answer en where is the ${a} relative to the ${b}?`,
  right: "to the left of",
  wrong: ["to the right of", "above"],
});
const [lamp, vase] = [set("lamp", "picture frame"), set("vase", "cup")];
const captions: CaptionSet[][] = [
  [lamp],
  [vase, lamp],
  [],
  [{ ...vase, right: "behind and above", wrong: ["behind"] }],
];

const tensorsIn = (directory: string, name = "adapter_model.safetensors"): [string, readonly number[]][] => {
  const file = SafetensorsFile.open(path.join(directory, name));
  return [...file.tensors.keys()].sort().map((key) => [key, file.shape(key)]);
};

const likelihoods = async (model: VisionLanguageModel): Promise<number[]> =>
  (await model.score(images, captions)).flat().flatMap((own) => [...own]);

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  expect(Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN))))).toBeLessThan(tolerance);
}

const NAMES = ["paligemma-tiny", "paligemma2-tiny", "llava-tiny"] as const;

describe.each(NAMES)("%s", (name) => {
  it("gives an answer the same likelihood whatever else is scored with it", async () => {
    const [model, alone] = [await open(name), await open(name, {}, undefined, 1)];
    const together = await model.score(images, captions);
    expectClose(
      await likelihoods(alone),
      together.flat().flatMap((own) => [...own]),
      1e-4,
    );
    // Without the others in its row, and in their place.
    const [first] = captions[1] ?? [];
    if (first === undefined) throw new Error("no question");
    const single = { ...first, right: first.wrong[0] ?? "", wrong: [] };
    const [, own] = await model.score(images, [[], [single], [], []]);
    expect(own?.[0]?.[0]).toBeCloseTo(together[1]?.[0]?.[1] ?? Number.NaN, 3);
  });

  it("gives the same spoken answer alone and in a batch, and its likelihoods do not change by speaking", async () => {
    const model = await open(name);
    const replies = await model.reply(images, captions);
    expectClose(
      replies.flat().flatMap(({ logits }) => [...logits]),
      await likelihoods(model),
      1e-5,
    );
    const [, , , alone] = await model.reply(images, [[], [], [], captions[3] ?? []]);
    expect(alone?.[0]?.said).toBe(replies[3]?.[0]?.said);
    expect(replies.flat().every(({ said }) => typeof said === "string")).toBe(true);
  });

  it.each([
    ["the decoder alone: images are taken through the tower once", null],
    ["its last block alone", ".*language_model\\.layers\\.2\\..*"],
    ["everything: steps begin at the patches", ".*"],
    ["the tower alone", ".*vision_tower.*"],
  ])("training %s, steps have the loss that scoring implies, and lower it", async (_, targets) => {
    const model = await open(name, { targets, objective: "ranking" });
    const implied = async (): Promise<number> => {
      const sets = (await model.score(images, captions)).flat();
      const loss = ([right = 0, ...wrong]: readonly number[]): number =>
        Math.log(1 + wrong.reduce((sum, other) => sum + Math.exp(other - right), 0));
      return sets.reduce((sum, own) => sum + loss([...own]), 0) / sets.length;
    };
    const first = await implied();
    let last = first;
    for (let step = 0; step < 5; step++) {
      const { loss } = await model.fineTune(images, captions);
      expect(loss).toBeCloseTo(last, 3);
      last = await implied();
    }
    expect(last).toBeLessThan(first);
  });

  it("learns the right answer's tokens or all answers' together, or the sum of both losses", async () => {
    const [answer, ranking, both] = [
      await open(name),
      await open(name, { objective: "ranking" }),
      await open(name, { objective: "both" }),
    ];
    const before = await likelihoods(answer);
    const losses = [];
    for (const model of [answer, ranking, both]) losses.push((await model.fineTune(images, captions)).loss);
    expect(losses[2]).toBeCloseTo((losses[0] ?? 0) + (losses[1] ?? 0), 4);
    for (let step = 0; step < 5; step++) await answer.fineTune(images, captions);
    const after = await likelihoods(answer);
    const rights = [0, 3, 6, 9];
    expect(rights.every((i) => (after[i] ?? 0) > (before[i] ?? 0))).toBe(true);
  });

  it("takes the same step in parts, one of them without questions", async () => {
    const [whole, parts] = [await open(name), await open(name, { accumulation: 4 })];
    for (let step = 0; step < 3; step++) {
      const one = await whole.fineTune(images, captions);
      const other = await parts.fineTune(images, captions);
      expect(other.loss).toBeCloseTo(one.loss, 4);
      expect(other.gradientNorm / one.gradientNorm).toBeCloseTo(1, 3);
    }
  });

  it.each([1, 4])("refuses a step without a question, in %d parts, and changes nothing", async (accumulation) => {
    const model = await open(name, { accumulation });
    const before = await model.state();
    await expect(model.fineTune(images, [[], [], [], []])).rejects.toThrow("at least one caption set");
    expect(await model.state()).toEqual(before);
  });

  it("refuses a picture's token among a prompt's words or an answer's", async () => {
    const model = await open(name);
    const placed = name === "llava-tiny" ? "<image> and <image>" : "<image>answer en what?";
    for (const asked of [
      { ...lamp, prompt: placed },
      { ...lamp, wrong: ["above <image>"] },
    ]) {
      await expect(model.score(images, [[asked], [], [], []])).rejects.toThrow("more than one <image>");
    }
  });

  it("continues from a checkpoint to the bit, including dropout", async () => {
    const model = await open(name, { dropout: 0.3, targets: ".*" });
    await model.fineTune(images, captions);
    const state = await model.state();
    const first = [await model.fineTune(images, captions), await model.fineTune(images, captions)];
    const scored = await likelihoods(model);
    await model.restore(state);
    expect([await model.fineTune(images, captions), await model.fineTune(images, captions)]).toEqual(first);
    expect(await likelihoods(model)).toEqual(scored);
  });

  it("is the same from its adapter, and with the adapter merged", async () => {
    const model = await open(name);
    for (let step = 0; step < 3; step++) await model.fineTune(images, captions);
    const [adapter, merged] = [temporaryFolder("adapter"), path.join(temporaryFolder("merged"), "model")];
    await model.saveAdapter(adapter);
    // PEFT wrote the reference's tensor names and shapes.
    expect(tensorsIn(adapter)).toEqual(tensorsIn(path.join(directoryOf(name), "golden", "lora")));
    const expected = await likelihoods(model);
    expectClose(await likelihoods(await open(name, {}, adapter)), expected, 1e-4);
    merge(directoryOf(name), adapter, merged);
    // transformers before 4.52 loads the names of published files, and no others.
    expect(tensorsIn(merged, "model.safetensors")).toEqual(tensorsIn(directoryOf(name), "model.safetensors"));
    const joined = await openModel(merged, { runtime: { device: "cpu", threads: 1 } });
    opened.push(joined);
    expectClose(await likelihoods(joined), expected, 1e-3);
    // Its weights are float32, and so says config.json: transformers would round them to the type that is there.
    const types = (directory: string): string[] =>
      readFileSync(path.join(directory, "config.json"), "utf8").match(/"(?:torch_)?dtype": "\w+"/g) ?? [];
    expect(types(merged)).toHaveLength(types(directoryOf(name)).length);
    expect(types(merged).filter((type) => !type.endsWith('"float32"'))).toEqual([]);
  });
});

describe("calls at once", () => {
  it("wait for each other, and give what they give one after another", async () => {
    const model = await open("paligemma-tiny");
    const others: CaptionSet[][] = [[{ ...lamp, prompt: "list en" }], [vase], [lamp], [vase, lamp, vase]];
    const before = await model.state();
    const calls: readonly (() => Promise<unknown>)[] = [
      () => model.reply(images, captions),
      () => model.fineTune(images, captions),
      () => model.reply(images, others),
      () => model.score(images, captions),
      () => model.state(),
    ];
    const apart: unknown[] = [];
    for (const call of calls) apart.push(await call());
    await model.restore(before);
    expect(await Promise.all(calls.map((call) => call()))).toEqual(apart);
    // A call that fails holds nothing up.
    const [failed, scored] = await Promise.allSettled([model.score(images, []), model.score(images, captions)]);
    expect([failed.status, scored.status]).toEqual(["rejected", "fulfilled"]);
  });

  it("keep no keys and values once they have ended, and few rows speak at once where these are large", async () => {
    const model = await open("paligemma-tiny", {}, undefined, 1);
    const runtime = (model as unknown as { readonly runtime: Runtime }).runtime;
    await model.reply(images, captions);
    const { "prefixes' keys 0": kept } = await runtime.get(["prefixes' keys 0"]);
    expect(kept?.data.length).toBe(1);
    const row = { image: 0, before: new Int32Array(4), after: new Int32Array(16), answers: [] };
    const network = (layers: number, groups: number, headSize: number, imageTokens: number): GenerativeNetwork =>
      ({ decoder: { layers, groups, headSize }, imageTokens }) as GenerativeNetwork;
    // LLaVA 1.5 7B, PaliGemma 3B, the bundled one.
    expect(speakersAtOnce(network(32, 32, 128, 576), [row], 32)).toBe(1);
    expect(speakersAtOnce(network(18, 1, 256, 256), [row], 32)).toBeGreaterThan(32);
    expect(speakersAtOnce(network(26, 4, 256, 256), [row, { ...row, after: new Int32Array(800) }], 32)).toBe(4);
  });
});

describe("an answer", () => {
  it("that ends at once is an empty text", async () => {
    const model = await open("paligemma-tiny", { learningRate: 2e-2 });
    const silent: CaptionSet = { prompt: lamp.prompt ?? "", right: "", wrong: ["to the left", "above", "cup"] };
    for (let step = 0; step < 40; step++) await model.fineTune(images, [[silent], [silent], [silent], [silent]]);
    const [[reply] = []] = await model.reply(images, [[silent], [], [], []]);
    expect(reply?.said).toBe("");
  });
});

describe("a prompt", () => {
  it("of a conversational model may place the picture itself, at one place for all", async () => {
    const model = await open("llava-tiny");
    const placed = { ...lamp, prompt: `USER: <image>\n${lamp.prompt} ASSISTANT:` };
    const [[one], [other]] = [
      await model.score(images, [[lamp], [], [], []]),
      await model.score(images, [[placed], [], [], []]),
    ];
    expect(other).toEqual(one);
    const twice = { ...lamp, prompt: "<image> and <image>" };
    await expect(model.score(images, [[twice], [], [], []])).rejects.toThrow("more than one <image>");
    const elsewhere = { ...lamp, prompt: "Look: <image> What is it?" };
    await expect(model.score(images, [[lamp, elsewhere], [], [], []])).rejects.toThrow("begin them alike");
  });

  it("longer than the model reads is refused beforehand", async () => {
    const model = await open("llava-tiny");
    const long = { ...lamp, prompt: "where ".repeat(3000) };
    await expect(model.score(images, [[long], [], [], []])).rejects.toThrow(/take \d+ tokens: the model reads 2048/);
  });

  it("that is missing is replaced by the one for captions", async () => {
    const model = await open("paligemma-tiny");
    const { right, wrong } = lamp;
    const [[plain], [said]] = [
      await model.score(images, [[{ right, wrong }], [], [], []]),
      await model.score(images, [[{ right, wrong, prompt: "caption en" }], [], [], []]),
    ];
    expect(plain).toEqual(said);
  });
});
