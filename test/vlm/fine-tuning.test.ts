import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { Random } from "../../trainer/random/random.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import { architectureIn } from "../../trainer/vlm/architectures.js";
import { fineTuningOf } from "../../trainer/vlm/fine-tuning.js";
import {
  type CaptionSet,
  type FineTuning,
  type ImageBatch,
  openModel,
  type VisionLanguageModel,
} from "../../trainer/vlm/index.js";
import { readAdapter } from "../../trainer/vlm/weights/lora.js";
import { temporaryFolder } from "../temporary.js";
import { fineTuning } from "./settings.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const DIRECTORIES = {
  clip: path.join(root, "trainer/vlm/bundled"),
  siglip: path.join(root, "test/golden/siglip-tiny"),
} as const;
type Architecture = keyof typeof DIRECTORIES;
const opened: VisionLanguageModel[] = [];
afterAll(() => Promise.all(opened.map((model) => model.close())));

async function open(architecture: Architecture, options: Partial<FineTuning> = {}, adapter?: string) {
  const model = await openModel(DIRECTORIES[architecture], {
    runtime: { device: "cpu", threads: 1 },
    fineTuning: { ...fineTuning, ...options },
    ...(adapter === undefined ? {} : { adapter }),
  });
  opened.push(model);
  return model;
}

const random = new Random(4);
const images: ImageBatch = {
  count: 5,
  height: 64,
  width: 64,
  data: Uint8Array.from({ length: 5 * 64 * 64 * 3 }, () => random.below(256)),
};
const set = (a: string, b: string): CaptionSet => ({
  right: `The ${a} is to the left of the ${b}.`,
  wrong: [`The ${a} is to the right of the ${b}.`, `The ${a} is above the ${b}.`],
});
const [lamp, vase] = [set("lamp", "vase"), set("vase", "plate")];
const captions: CaptionSet[][] = [[lamp], [vase, lamp], [], [set("bottle", "lamp")], [vase]];

/** The expected loss of a step, from the logits of scoring. */
const LOSSES: Readonly<Record<Architecture, (logits: readonly number[]) => number>> = {
  clip: ([right = 0, ...wrong]) => Math.log(1 + wrong.reduce((sum, other) => sum + Math.exp(other - right), 0)),
  siglip: ([right = 0, ...wrong]) =>
    Math.log1p(Math.exp(-right)) + wrong.reduce((sum, other) => sum + Math.log1p(Math.exp(other)), 0),
};

async function impliedLoss(architecture: Architecture, model: VisionLanguageModel): Promise<number> {
  const sets = (await model.score(images, captions)).flat();
  return sets.reduce((sum, logits) => sum + LOSSES[architecture]([...logits]), 0) / sets.length;
}

const logitsOf = async (model: VisionLanguageModel): Promise<number[]> =>
  (await model.score(images, captions)).flat().flatMap((logits) => [...logits]);

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  expect(Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN))))).toBeLessThan(tolerance);
}

describe.each(["clip", "siglip"] as const)("%s", (architecture) => {
  const last = architecture === "clip" ? 3 : 2;
  it.each([
    ["everything", null],
    ["the text network alone: images are embedded once", "text_model.*"],
    ["the image network alone: texts are embedded once", "vision_model.*"],
    ["the last block alone: images are taken as far as it once", `.*\\.layers\\.${last}\\..*`],
  ])("training %s, steps have the loss that scoring implies, and lower it", async (_, targets) => {
    const model = await open(architecture, { targets });
    const first = await impliedLoss(architecture, model);
    let last = first;
    for (let step = 0; step < 6; step++) {
      const { loss } = await model.fineTune(images, captions);
      expect(loss).toBeCloseTo(last, 4);
      last = await impliedLoss(architecture, model);
    }
    expect(last).toBeLessThan(first);
  });

  it("takes the same step in parts, one of them without captions", async () => {
    const whole = await open(architecture);
    const parts = await open(architecture, { accumulation: 4 });
    for (let step = 0; step < 3; step++) {
      const one = await whole.fineTune(images, captions);
      const other = await parts.fineTune(images, captions);
      expect(other.loss).toBeCloseTo(one.loss, 4);
      expect(other.gradientNorm / one.gradientNorm).toBeCloseTo(1, 3);
    }
    expectClose(await logitsOf(parts), await logitsOf(whole), 1e-2);
  });

  it("leaves out the inputs of each step's dropout: the same from the same state, others at the next", async () => {
    const [plain, barely, half] = [
      await open(architecture),
      await open(architecture, { dropout: 1e-9 }),
      await open(architecture, { dropout: 0.5 }),
    ];
    // B is zero at first, so what A sees has an effect only from the second step on.
    for (const model of [plain, barely, half]) await model.fineTune(images, captions);
    expectClose(await logitsOf(barely), await logitsOf(plain), 2e-3);
    const state = await half.state();
    const [one, two] = [await half.fineTune(images, captions), await half.fineTune(images, captions)];
    await half.restore(state);
    expect([await half.fineTune(images, captions), await half.fineTune(images, captions)]).toEqual([one, two]);
    await half.restore({ ...state, steps: state.steps + 1 });
    expect((await half.fineTune(images, captions)).loss).not.toBe(one.loss);
    // Scoring uses no dropout.
    await half.restore(state);
    expect(await impliedLoss(architecture, half)).not.toBeCloseTo(one.loss, 6);
  });

  it("trains, saves and reloads an adapter with other ranks and alphas for some layers", async () => {
    const options = { rankPattern: { fc1: 2, ".*q_proj": 3 }, alphaPattern: { fc1: 5 }, rankStabilized: true };
    const model = await open(architecture, options);
    for (let step = 0; step < 2; step++) await model.fineTune(images, captions);
    const directory = temporaryFolder("adapter");
    await model.saveAdapter(directory);
    const { modules } = architectureIn(DIRECTORIES[architecture]).shape(DIRECTORIES[architecture]);
    const { config, pairs } = readAdapter(directory, modules);
    expect(config).toMatchObject(options);
    const inputs = (module: string): number => modules.find(({ path: own }) => own === module)?.inputs ?? 0;
    for (const [module, { a }] of pairs) {
      const expected = module.endsWith("fc1") ? 2 : module.endsWith("q_proj") ? 3 : fineTuning.rank;
      expect(a.length / inputs(module)).toBe(expected);
    }
    expectClose(await logitsOf(await open(architecture, {}, directory)), await logitsOf(model), 1e-4);
  });
});

describe("settings of LoRA", () => {
  it("become PEFT's", () => {
    const given = {
      loraTargets: "q_proj,v_proj",
      loraDropout: 0.1,
      loraRankPattern: "fc1=8  .*q_proj=4",
      loraAlphaPattern: "fc1=2.5",
      accumulation: 3,
    };
    expect(fineTuningOf(resolveConfiguration([{ name: "test", values: given }]))).toMatchObject({
      targets: ["q_proj", "v_proj"],
      dropout: 0.1,
      rankPattern: { fc1: 8, ".*q_proj": 4 },
      alphaPattern: { fc1: 2.5 },
      accumulation: 3,
    });
    const targets = (loraTargets: string) =>
      fineTuningOf(resolveConfiguration([{ name: "test", values: { loraTargets } }])).targets;
    expect([targets(""), targets("all-linear"), targets(".*q_proj")]).toEqual([null, "all-linear", ".*q_proj"]);
  });

  it.each(["fc1", "fc1=", "fc1=0", "fc1=2.5", "=4", "fc1=x"])("refuse the rank pattern %j", (loraRankPattern) => {
    expect(() => resolveConfiguration([{ name: "test", values: { loraRankPattern } }])).toThrow(InputError);
  });
});
