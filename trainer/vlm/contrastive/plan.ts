/** @file Chooses the graphs for some work: a step's inputs, trained parameters, starting point and size. */

import { layoutSize, type Value } from "../../graph/index.js";
import type { Work, WorkGraphs } from "../architecture.js";
import type { TextTokenizer } from "../files/tokenizer.js";
import type { Scope } from "../layers/scope.js";
import type { CaptionSet, FineTuning, OpenOptions } from "../model.js";
import { openParameters, openTokenizer } from "../model-directory.js";
import { frozenImage } from "../training/image-front.js";
import { bucket } from "../training/program-cache.js";
import { stepProgram } from "../training/steps.js";
import { type FrozenFront, frozenFront } from "../weights/frozen.js";
import type { Trainable } from "../weights/parameters.js";
import { record } from "../weights/recording.js";
import { plannedTrainable } from "../weights/starting.js";
import { DistinctTexts } from "./batches.js";
import type { ContrastiveNetwork, TextBatch } from "./network.js";
import {
  type ContrastiveSource,
  captionSetLoss,
  imageProgram,
  type StepShape,
  type StepStart,
  textProgram,
} from "./programs.js";

export const DEFAULT_SCORING_BATCH = 64;

export type Captions = readonly (readonly CaptionSet[])[];

export interface Training {
  readonly trainable: Trainable;
  readonly options: FineTuning;
  readonly image: FrozenFront;
  readonly text: FrozenFront;
}

/** What is trained, and in which networks; null where nothing is. */
export function trainingOf(
  network: ContrastiveNetwork,
  trainable: Trainable | null,
  options?: FineTuning,
): Training | null {
  if (trainable === null || options === undefined) return null;
  const text = record((scope) => network.texts([new Int32Array(1)]).features(scope));
  return { trainable, options, image: frozenImage(network, trainable), text: frozenFront(text, trainable) };
}

/** The distinct texts of all sets, in order of first use. */
export function textsOf(captions: Captions): string[] {
  const texts = new Set<string>();
  // Many images share one set.
  for (const set of new Set(captions.flat())) for (const text of [set.right, ...set.wrong]) texts.add(text);
  return [...texts];
}

/** Steps of fine-tuning have one size, except an epoch's last: multiples of 16 images. */
const imageBucket = (count: number): number => (count <= 8 ? bucket(count) : Math.ceil(count / 16) * 16);

/** The shape of a step's graph. */
export function planStep(
  network: ContrastiveNetwork,
  tokenizer: TextTokenizer,
  training: Training,
  captions: Captions,
): { texts: string[]; distinct: DistinctTexts; batch: TextBatch; shape: StepShape; start: StepStart } {
  const distinct = new DistinctTexts((text) => network.encode(tokenizer, text));
  const texts = textsOf(captions);
  for (const text of texts) distinct.number(text);
  const shape = {
    images: imageBucket(captions.length),
    sets: captions.reduce((most, { length }) => Math.max(most, length), 1),
  };
  const start = { image: training.image.stage, textsFrozen: training.text.whole };
  return { texts, distinct, batch: network.texts(distinct.encoded), shape, start };
}

/** The graphs for scoring, and for a step of fine-tuning. */
export function contrastiveGraphs(
  directory: string,
  network: ContrastiveNetwork,
  { captions }: Work,
  options: Omit<OpenOptions, "runtime">,
): WorkGraphs {
  const parameters = openParameters(directory, network);
  const trainable = plannedTrainable(parameters, options, network.defaultTargets);
  const tokenizer = openTokenizer(directory, network);
  const source: ContrastiveSource = { network, parameters, trainable };
  const placement = parameters.weights.placement(parameters.shapes);
  const rows = Math.min(bucket(captions.length), options.scoringBatch ?? DEFAULT_SCORING_BATCH);
  const texts = textsOf(captions).sort().slice(0, network.textBatch);
  const batch = network.texts(texts.map((text) => network.encode(tokenizer, text)));
  const score = [imageProgram(source, rows).graph, textProgram(source, batch).graph];
  const training = trainingOf(network, trainable, options.fineTuning);
  if (training === null) return { score, step: null, trained: 0, placement };
  const plan = planStep(network, tokenizer, training, captions);
  const { trainable: trained, options: fineTuning } = training;
  const loss = (scope: Scope): Value => captionSetLoss(scope, network, plan.batch, plan.shape, plan.start);
  const step = stepProgram({ ...source, trainable: trained }, { loss, front: plan.start.image }, fineTuning);
  return { score, step: step.graph, trained: layoutSize(trained.layout), placement };
}
