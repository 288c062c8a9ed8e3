import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { CODES, captionAndFlips } from "../../trainer/language/index.js";
import { Random } from "../../trainer/random/random.js";
import {
  type CaptionSet,
  type ImageBatch,
  type OpenOptions,
  openModel,
  type VisionLanguageModel,
} from "../../trainer/vlm/index.js";
import { temporaryFolder } from "../temporary.js";
import { fineTuning } from "./settings.js";

const bundled = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../trainer/vlm/bundled");
const opened: VisionLanguageModel[] = [];

async function open(options: Partial<OpenOptions> = { fineTuning }): Promise<VisionLanguageModel> {
  const model = await openModel(bundled, { runtime: { device: "cpu", threads: 1 }, ...options });
  opened.push(model);
  return model;
}

afterAll(() => Promise.all(opened.map((model) => model.close())));

function images(count: number, seed = 1): ImageBatch {
  const random = new Random(seed);
  return {
    count,
    height: 64,
    width: 64,
    data: Uint8Array.from({ length: count * 64 * 64 * 3 }, () => random.below(256)),
  };
}

/** Two pairs per image, each right caption against its flips. */
function captions(count: number, seed = 2): CaptionSet[][] {
  const random = new Random(seed);
  const names = ["vase", "plate", "purple bowl", "bottle"];
  const name = (): string => names[random.below(names.length)] ?? "";
  const code = (): number => CODES[random.below(CODES.length)] ?? 0;
  return Array.from({ length: count }, () => [0, 1].map(() => captionAndFlips(name(), name(), code())));
}

/** One image of a batch, as a batch. */
const only = ({ height, width, data }: ImageBatch, index: number): ImageBatch => {
  const bytes = height * width * 3;
  return { count: 1, height, width, data: data.slice(index * bytes, (index + 1) * bytes) };
};

const flat = (logits: readonly (readonly Float32Array[])[]): number[] =>
  logits.flatMap((own) => own.flatMap((set) => Array.from(set)));

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN))));
  expect(worst).toBeLessThan(tolerance);
}

describe("scoring", () => {
  it("gives a logit for each caption, the right one first", async () => {
    const model = await open();
    const sets = captions(3);
    const logits = await model.score(images(3), sets);
    expect(logits.map((own) => own.map((set) => set.length))).toEqual(
      sets.map((own) => own.map(({ wrong }) => 1 + wrong.length)),
    );
  });

  it("does not depend on what else is in the batch", async () => {
    const model = await open({ fineTuning, scoringBatch: 4 });
    const batch = images(7);
    const sets = captions(7);
    const together = await model.score(batch, sets);
    for (const index of [0, 5]) {
      const fresh = await open();
      const alone = await fresh.score(only(batch, index), [sets[index] ?? []]);
      expectClose(flat(alone), flat([together[index] ?? []]), 1e-4);
    }
  });

  it("does not depend on letter case or white space", async () => {
    const model = await open();
    const [[plain, other] = []] = await model.score(images(1), [
      [
        { right: "the vase is above the plate.", wrong: [] },
        { right: "The  VASE is\tabove the plate.", wrong: [] },
      ],
    ]);
    expect(plain).toEqual(other);
  });

  it("takes images of any size through the directory's own processing", async () => {
    const model = await open();
    const wide: ImageBatch = { count: 1, height: 70, width: 130, data: new Uint8Array(70 * 130 * 3).fill(90) };
    const square: ImageBatch = { count: 1, height: 64, width: 64, data: new Uint8Array(64 * 64 * 3).fill(90) };
    const sets = captions(1);
    expect(flat(await model.score(wide, sets))).toEqual(flat(await model.score(square, sets)));
  });
});

describe("fine-tuning", () => {
  for (const method of ["lora", "full"] as const) {
    it(`with method ${method} learns the given captions`, async () => {
      const learningRate = method === "lora" ? 1e-2 : 1e-3;
      const model = await open({ fineTuning: { ...fineTuning, method, learningRate } });
      const batch = images(6);
      const sets = captions(6);
      const first = await model.fineTune(batch, sets);
      let last = first;
      for (let step = 0; step < 25; step++) last = await model.fineTune(batch, sets);
      expect(last.loss).toBeLessThan(first.loss / 2);
      expect(first.gradientNorm).toBeGreaterThan(0);
    });
  }

  it("starts from the untouched model: an adapter's B is zero", async () => {
    const tuned = await open();
    const plain = await open({});
    const sets = captions(2);
    expectClose(flat(await tuned.score(images(2), sets)), flat(await plain.score(images(2), sets)), 1e-4);
  });

  it("has the loss that scoring implies, whatever the padding", async () => {
    const model = await open();
    const batch = images(5);
    const sets = captions(5).map((own, image) => own.slice(0, 1 + (image % 2)));
    const logits = (await model.score(batch, sets)).flat();
    const expected = logits.map(([right = 0, ...wrong]) =>
      Math.log(1 + wrong.reduce((sum, other) => sum + Math.exp(other - right), 0)),
    );
    const { loss } = await model.fineTune(batch, sets);
    expect(loss).toBeCloseTo(expected.reduce((a, b) => a + b, 0) / expected.length, 4);
  });

  it("repeats itself to the bit from the same state, and scores differently after each step", async () => {
    const model = await open();
    const batch = images(4);
    const sets = captions(4);
    await model.fineTune(batch, sets);
    const state = await model.state();
    const before = flat(await model.score(batch, sets));
    const step = await model.fineTune(batch, sets);
    const after = flat(await model.score(batch, sets));
    expect(after).not.toEqual(before);
    const other = await open({ fineTuning: { ...fineTuning, seed: 99 } });
    await other.restore(state);
    expect(flat(await other.score(batch, sets))).toEqual(before);
    expect(await other.fineTune(batch, sets)).toEqual(step);
    expect(flat(await other.score(batch, sets))).toEqual(after);
  });

  it("saves an adapter that gives the same scores elsewhere, merged into the weights", async () => {
    const model = await open();
    const batch = images(4);
    const sets = captions(4);
    for (let step = 0; step < 3; step++) await model.fineTune(batch, sets);
    const adapter = temporaryFolder("adapter");
    await model.saveAdapter(adapter);
    const merged = await open({ adapter });
    const continued = await open({ fineTuning, adapter });
    const expected = flat(await model.score(batch, sets));
    expectClose(flat(await merged.score(batch, sets)), expected, 1e-4);
    expect(flat(await continued.score(batch, sets))).toEqual(expected);
  });

  it("refuses a state of another rank", async () => {
    const model = await open();
    const other = await open({ fineTuning: { ...fineTuning, rank: 2 } });
    await expect(other.restore(await model.state())).rejects.toThrow(InputError);
  });
});
