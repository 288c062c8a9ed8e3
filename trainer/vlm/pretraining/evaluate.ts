/**
 * @file Tests a pre-trained model: names in held-out images, relations before fine-tuning (chance) and after some of
 * it.
 */
import type { RuntimeOptions } from "../../graph/runtime.js";
import { Random } from "../../random/random.js";
import { resolveConfiguration } from "../../settings/configuration.js";
import { fineTuningOf } from "../fine-tuning.js";
import type { CaptionSet, FineTuning, ImageBatch, VisionLanguageModel } from "../model.js";
import { openModel } from "../open.js";
import { captionSet, type Pair, pairsOf, plainCaption, type RelationAccuracy, relationAccuracy } from "./captions.js";
import { type LabelledImages, objectsIn } from "./labelled.js";

/** The loop's default fine-tuning. */
const FINE_TUNING = fineTuningOf(resolveConfiguration([]));
const BATCH = 48;

function imagesOf({ images, size }: LabelledImages, chosen: readonly number[]): ImageBatch {
  const bytes = size * size * 3;
  const data = new Uint8Array(chosen.length * bytes);
  chosen.forEach((image, row) => {
    data.set(images.subarray(image * bytes, (image + 1) * bytes), row * bytes);
  });
  return { count: chosen.length, height: size, width: size, data };
}

/**
 * How often an image prefers the name of an object in it to the name of one that is not; over all such pairs of names.
 */
export async function namingAccuracy(model: VisionLanguageModel, data: LabelledImages, first: number): Promise<number> {
  const chosen = Array.from({ length: data.count - first }, (_, i) => first + i);
  const captions = chosen.map((image): CaptionSet[] => {
    const types = objectsIn(data, image).map(({ type }) => type);
    const wrong = data.names.filter((_, type) => !types.includes(type)).map(plainCaption);
    return types.map((type) => ({ right: plainCaption(data.names[type] ?? ""), wrong }));
  });
  const logits = (await model.score(imagesOf(data, chosen), captions)).flat();
  const wins = logits.flatMap(([right = 0, ...wrong]) => wrong.map((other) => Number(right > other)));
  return wins.reduce((a, b) => a + b, 0) / wins.length;
}

async function accuracy(
  model: VisionLanguageModel,
  data: LabelledImages,
  first: number,
  seed: number,
): Promise<RelationAccuracy> {
  const chosen = Array.from({ length: data.count - first }, (_, i) => first + i);
  const random = Random.stream(seed, "pairs");
  const pairs = chosen.map((image) => pairsOf(data, image, random));
  const logits = await model.score(imagesOf(data, chosen), captionsOf(model, data, pairs));
  return relationAccuracy(pairs, logits);
}

/** Pairs in the form in which the model is asked about them. */
const captionsOf = (
  { phrasing }: VisionLanguageModel,
  data: LabelledImages,
  pairs: readonly (readonly Pair[])[],
): CaptionSet[][] => pairs.map((own) => own.map((pair) => captionSet(data, pair, phrasing)));

export interface Evaluation {
  /** On the kinds of pictures that it was trained on. */
  readonly naming: number;
  /** On all kinds of pictures; the same where it was trained on all. */
  readonly namingOfAll: number;
  /** Before fine-tuning: at chance. */
  readonly untrained: RelationAccuracy;
  /** By number of image passes of LoRA on random images, with every pair of an image in a step. */
  readonly trained: readonly (RelationAccuracy & { readonly imagePasses: number })[];
}

/** Requirements of a base model for RLS3: it knows names and no relation, and learns relations from random pictures. */
const GATES = { naming: 0.95, chance: [0.47, 0.53], imagePasses: 10_000, taught: 0.8 } as const;

/** Each requirement and whether it is met, for display. */
export function gateLines({ naming, untrained, trained }: Evaluation): string[] {
  const line = (what: string, value: number, wanted: string, isMet: boolean): string =>
    `gate ${isMet ? "met" : "MISSED"}: ${what} ${value.toFixed(3)}, wanted ${wanted}`;
  const [low, high] = GATES.chance;
  const isChance = untrained.oneTerm >= low && untrained.oneTerm <= high;
  const taught = trained.filter(({ imagePasses }) => imagePasses <= GATES.imagePasses).at(-1);
  return [
    line("names", naming, `${GATES.naming} or more`, naming >= GATES.naming),
    line("one-term relations before fine-tuning", untrained.oneTerm, `${low} to ${high}`, isChance),
    ...(taught === undefined
      ? []
      : [
          line(
            `one-term relations after ${taught.imagePasses} image passes`,
            taught.oneTerm,
            `${GATES.taught} or more`,
            taught.oneTerm >= GATES.taught,
          ),
        ]),
  ];
}

export interface EvaluationOptions {
  readonly runtime: RuntimeOptions;
  readonly seed: number;
  /** Images from here on are held out. */
  readonly heldOut: number;
  /** Unseen pictures of the kinds that it was trained on; absent where `data` are of those kinds. */
  readonly ofSeenKinds?: LabelledImages;
  /** Numbers of image passes at which to test, ascending. */
  readonly imagePasses: readonly number[];
  readonly fineTuning?: Partial<FineTuning>;
}

export async function evaluate(
  directory: string,
  data: LabelledImages,
  options: EvaluationOptions,
): Promise<Evaluation> {
  const { runtime, seed, heldOut } = options;
  const fineTuning = { ...FINE_TUNING, seed, ...options.fineTuning };
  const model = await openModel(directory, { runtime, fineTuning });
  try {
    const namingOfAll = await namingAccuracy(model, data, heldOut);
    const naming = options.ofSeenKinds ? await namingAccuracy(model, options.ofSeenKinds, 0) : namingOfAll;
    const untrained = await accuracy(model, data, heldOut, seed);
    const random = Random.stream(seed, "fine-tuning");
    const trained: (RelationAccuracy & { imagePasses: number })[] = [];
    let passes = 0;
    for (const goal of options.imagePasses) {
      while (passes < goal) {
        const chosen = Array.from({ length: BATCH }, () => random.below(heldOut));
        const pairs = chosen.map((image) => pairsOf(data, image, random));
        await model.fineTune(imagesOf(data, chosen), captionsOf(model, data, pairs));
        passes += BATCH;
      }
      trained.push({ imagePasses: passes, ...(await accuracy(model, data, heldOut, seed)) });
    }
    return { naming, namingOfAll, untrained, trained };
  } finally {
    await model.close();
  }
}
