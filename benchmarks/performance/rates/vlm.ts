/**
 * @file Vision-language models: scoring images, and steps of LoRA. The floor of each is exactly its own matrix products
 * as plain MatMuls.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { labelledImages } from "../../../trainer/cli/labelled-images.js";
import type { Graph } from "../../../trainer/graph/index.js";
import { matMulFloor } from "../../../trainer/graph/matmul-floor.js";
import { Random } from "../../../trainer/random/random.js";
import { loadCatalog } from "../../../trainer/rooms/index.js";
import { resolveConfiguration } from "../../../trainer/settings/configuration.js";
import { architectureIn } from "../../../trainer/vlm/architectures.js";
import { fineTuningOf } from "../../../trainer/vlm/fine-tuning.js";
import { type CaptionSet, type ImageBatch, openModel, type VisionLanguageModel } from "../../../trainer/vlm/index.js";
import { captionSet, pairsOf } from "../../../trainer/vlm/pretraining/captions.js";
import { makeModel } from "../model-shapes.js";
import { type Benchmark, bestPair, type Measurement } from "./benchmark.js";

/** The models that ship with the package. */
const MODELS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../../trainer/vlm");

/** Where a model is timed. */
export interface Place {
  readonly device: string;
  readonly threads: number;
}

const HERE: Place = { device: "cpu", threads: 2 };

interface Subject {
  readonly name: string;
  /** A bundled model's folder, or a shape of model-shapes.ts with random weights. */
  readonly model: { readonly bundled: string } | { readonly shape: string };
  /** Images per step, and per pass when scoring. */
  readonly images: number;
  readonly rank: number;
  readonly repetitions: number;
}

/** The rank of the loop for the bundled models; PEFT's default for published ones. */
const SUBJECTS: readonly Subject[] = [
  { name: "small", model: { bundled: "bundled" }, images: 48, rank: 16, repetitions: 9 },
  { name: "small-paligemma", model: { bundled: "bundled-paligemma" }, images: 48, rank: 16, repetitions: 9 },
  { name: "clip-b32", model: { shape: "clip-vit-b-32" }, images: 16, rank: 8, repetitions: 5 },
  { name: "siglip-base", model: { shape: "siglip-base-16-224" }, images: 4, rank: 8, repetitions: 3 },
];

/**
 * Short repetitions, many where a step is short: a step waits for two threads hundreds of times, and each may be
 * delayed.
 */
const SECONDS = 0.4;

/** Random scenes in pictures of the model's size; for every pair of objects, the right caption against its flips. */
function examples(count: number, size: number): { images: ImageBatch; captions: CaptionSet[][] } {
  const data = labelledImages([loadCatalog("rooms")], { count, size, patch: 16, seed: 1, floorOnly: false });
  const random = new Random(2);
  const captions = Array.from({ length: count }, (_, image) =>
    pairsOf(data, image, random).map((pair) => captionSet(data, pair)),
  );
  return { images: { count, height: data.size, width: data.size, data: data.images }, captions };
}

/** Runs `work` with a model of the subject's shape and the graphs that it uses. */
async function withModel<Result>(
  { model: which, images, rank }: Subject,
  { device, threads }: Place,
  use: (
    model: VisionLanguageModel,
    work: ReturnType<typeof examples>,
    graphs: { score: readonly Graph[]; step: Graph },
  ) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(path.join(tmpdir(), "rls3-bench-"));
  try {
    const directory = "bundled" in which ? path.join(MODELS, which.bundled) : makeModel(folder, which.shape, "F32");
    const fineTuning = { ...fineTuningOf(resolveConfiguration([])), rank, alpha: 2 * rank };
    const options = { fineTuning, scoringBatch: images };
    const model = await openModel(directory, { runtime: { device, threads }, ...options });
    try {
      const work = examples(images, model.imageSize);
      const { score, step } = architectureIn(directory).graphs(directory, work, options);
      if (step === null) throw new Error("options with fine-tuning have a step");
      return await use(model, work, { score, step });
    } finally {
      await model.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A rate of images, and that of the graphs' matrix products alone. */
async function beside(
  graphs: readonly Graph[],
  { images, repetitions }: Subject,
  { device, threads }: Place,
  work: () => Promise<void>,
  note: string,
): Promise<Measurement> {
  const floor = await matMulFloor(
    graphs.flatMap((graph) => graph.products()),
    threads,
    device,
  );
  const counted = (run: () => Promise<void>) => async () => {
    await run();
    return images;
  };
  try {
    await work();
    const pair = await bestPair(counted(work), counted(floor.run), SECONDS, repetitions);
    return { ...pair, note: `${note}; ${floor.gigaFlop.toFixed(2)} GFLOP`, shapes: floor.shapes };
  } finally {
    await floor.close();
  }
}

const captionsIn = (captions: readonly (readonly CaptionSet[])[]): number =>
  new Set(captions.flat().flatMap(({ right, wrong }) => [right, ...wrong])).size;

export const vlmBenchmarks = (place: Place): Benchmark[] =>
  SUBJECTS.flatMap((subject): Benchmark[] => [
    {
      name: `vlm.${subject.name}.score`,
      counts: "images",
      measure: () =>
        withModel(subject, place, async (model, { images, captions }, { score }) => {
          const state = await model.state();
          const work = async (): Promise<void> => {
            // As after a step of fine-tuning: no text embedding is cached.
            await model.restore(state);
            await model.score(images, captions);
          };
          const note = `${images.count} images, ${captionsIn(captions)} captions encoded again`;
          return beside(score, subject, place, work, note);
        }),
    },
    {
      name: `vlm.${subject.name}.step`,
      counts: "images",
      measure: () =>
        withModel(subject, place, async (model, { images, captions }, { step }) => {
          const work = async (): Promise<void> => {
            await model.fineTune(images, captions);
          };
          const note = `${images.count} images, ${captionsIn(captions)} captions, rank ${subject.rank}`;
          return beside([step], subject, place, work, note);
        }),
    },
  ]);

export const benchmarks: readonly Benchmark[] = vlmBenchmarks(HERE);
