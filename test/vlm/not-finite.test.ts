/**
 * @file Models with numbers out of range: an error says what to do, and there are never scores, steps or files with
 * NaN.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { SafetensorsFile, type WritableTensor, writeSafetensors } from "../../trainer/files/safetensors.js";
import type { Runtime } from "../../trainer/graph/runtime.js";
import { scalar } from "../../trainer/tensor.js";
import { type FineTuning, type ImageBatch, openModel, type VisionLanguageModel } from "../../trainer/vlm/index.js";
import { merge } from "../../trainer/vlm/merge.js";
import { runPhases } from "../../trainer/vlm/pretraining/phases.js";
import type { Built } from "../../trainer/vlm/training/program-cache.js";
import { temporaryFolder } from "../temporary.js";
import { fineTuning } from "./settings.js";

const golden = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../test/golden");
const FAMILIES = ["clip-tiny", "siglip-tiny", "paligemma-tiny", "paligemma2-tiny", "llava-tiny"] as const;
const CAUSE =
  "the weights or the adapter are damaged, or fine-tuning is too fast; begin anew with a lower --learning-rate";

/** A copy of a model with weights changed by `change`. */
function changed(name: string, change: (key: string, values: Float32Array) => Float32Array): string {
  const directory = temporaryFolder("not-finite");
  cpSync(path.join(golden, name), directory, { recursive: true });
  const weights = SafetensorsFile.open(path.join(golden, name, "model.safetensors"));
  const tensors: Record<string, WritableTensor> = {};
  for (const [key, { type, shape }] of weights.tensors) {
    if (type !== "I64") tensors[key] = { shape, data: change(key, weights.readFloats(key)) };
  }
  writeSafetensors(path.join(directory, "model.safetensors"), tensors);
  return directory;
}

/** Opens, uses and closes a model. */
async function using<T>(
  directory: string,
  tuning: Partial<FineTuning> | null,
  use: (model: VisionLanguageModel, images: ImageBatch) => Promise<T>,
): Promise<T> {
  const model = await openModel(directory, {
    runtime: { device: "cpu", threads: 1 },
    ...(tuning === null ? {} : { fineTuning: { ...fineTuning, warmupSteps: 0, ...tuning } }),
  });
  const size = model.imageSize;
  const data = Uint8Array.from({ length: 2 * size * size * 3 }, (_, i) => (i * 7919) % 251);
  try {
    return await use(model, { count: 2, height: size, width: size, data });
  } finally {
    await model.close();
  }
}

const prompt = "where is the cup?";
const captions = [
  [{ prompt, right: "left of the box", wrong: ["right of the box"] }],
  [{ prompt, right: "above the box", wrong: ["below the box"] }],
];

describe.each(FAMILIES)("%s", (name) => {
  const directory = path.join(golden, name);
  const generative = !/clip|siglip/.test(name);
  const scores = generative ? "log-likelihoods" : "logits";

  it.each([1, 2])(
    "whose fine-tuning in %i parts is too fast ends it with the step, and writes no adapter",
    async (parts) => {
      const target = path.join(temporaryFolder("not-finite"), "adapter");
      await using(directory, { learningRate: 1e30, accumulation: parts }, async (model, images) => {
        const { loss, gradientNorm } = await model.fineTune(images, captions);
        expect(loss).toBeGreaterThan(0);
        expect(gradientNorm).toBeGreaterThan(0);
        await expect(model.fineTune(images, captions)).rejects.toThrow(
          `${directory}: step 2 of fine-tuning has the loss NaN and the gradient norm NaN: ${CAUSE}`,
        );
        await expect(model.score(images, captions)).rejects.toThrow(`its ${scores} are no finite numbers: ${CAUSE}`);
        await expect(model.saveAdapter(target)).rejects.toThrow(InputError);
        expect(existsSync(target)).toBe(false);
      });
    },
  );

  it("with infinite gradients is refused: they would be clipped to zero", async () => {
    await using(directory, { alpha: 1e38 }, async (model, images) => {
      await expect(model.fineTune(images, captions)).rejects.toThrow(
        /step 1 of fine-tuning has the loss [\d.]+ and the gradient norm Infinity/,
      );
    });
  });

  it("with weights out of range gives no scores, and no answer", async () => {
    const damaged = changed(name, (_, values) => values.map((value) => value * 1e30));
    await using(damaged, null, async (model, images) => {
      const refused = `${damaged}: its ${scores} are no finite numbers: the weights or the adapter are damaged`;
      await expect(model.score(images, captions)).rejects.toThrow(new InputError(refused));
      await expect(model.reply(images, captions)).rejects.toThrow(new InputError(refused));
    });
  });

  it("is not merged with an adapter that makes its weights infinite", async () => {
    const adapter = path.join(temporaryFolder("not-finite"), "adapter");
    await using(directory, {}, async (model, images) => {
      await model.fineTune(images, captions);
      await model.saveAdapter(adapter);
    });
    const file = path.join(adapter, "adapter_config.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"lora_alpha": 8', '"lora_alpha": 1e308'));
    const target = temporaryFolder("not-finite");
    expect(() => merge(directory, adapter, target)).toThrow(
      /adapter: added to .*-tiny, it makes .*weight infinite: lora_alpha/,
    );
    expect(readdirSync(target)).toEqual([]);
  });
});

describe("a model that compares", () => {
  it.each([
    ["clip-tiny", "logit_scale is 1000", (key: string) => /logit_scale/.test(key), 1000],
    ["siglip-tiny", "logit_scale is 1000", (key: string) => /logit_scale/.test(key), 1000],
    ["clip-tiny", "projection is zero", (key: string) => /visual_projection/.test(key), 0],
    ["clip-tiny", "weights are all zero", () => true, 0],
    ["siglip-tiny", "weights are all zero", () => true, 0],
  ] as const)("(%s) whose %s gives no scores", async (name, _, picks, value) => {
    const damaged = changed(name, (key, values) => (picks(key) ? values.fill(value) : values));
    await using(damaged, null, async (model, images) => {
      await expect(model.score(images, captions)).rejects.toThrow("its logits are no finite numbers");
    });
  });
});

it("pre-training with a loss that is not finite ends at that step, naming the loss", async () => {
  const runtime = {
    set: async () => undefined,
    load: async () => ({ run: async () => ({ names: scalar(0.5), places: scalar(Number.NaN) }) }),
  } as unknown as Runtime;
  const phase = {
    ...{ steps: 2, learningRate: 1, layout: [{ name: "w", shape: [1] }], batch: () => ({}) },
    program: () => ({}) as Built,
  };
  const trained = runPhases(runtime, [phase], { seed: 0, start: () => () => 0, keeps: () => true });
  await expect(trained).rejects.toThrow(
    new InputError("pre-training: places is NaN at step 1 of 2: it cannot go on; try another --seed"),
  );
});
