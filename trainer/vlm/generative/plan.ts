/** @file Turns a generative model's work into rows, and chooses their graphs. */
import { at } from "../../at.js";
import { InputError } from "../../errors.js";
import { layoutSize } from "../../graph/index.js";
import type { Work, WorkGraphs } from "../architecture.js";
import type { TextTokenizer } from "../files/tokenizer.js";
import type { CaptionSet, FineTuning, OpenOptions } from "../model.js";
import { openParameters, openTokenizer } from "../model-directory.js";
import { frontProgram, frozenImage } from "../training/image-front.js";
import { bucket } from "../training/program-cache.js";
import { stepProgram } from "../training/steps.js";
import type { FrozenFront } from "../weights/frozen.js";
import type { Trainable } from "../weights/parameters.js";
import { plannedTrainable } from "../weights/starting.js";
import { FEATURES, type GenerativeNetwork } from "./network.js";
import { answersLoss, type GenerativeSource, scoreProgram } from "./programs.js";
import { prefixLength, type QuestionRow, type RowShape, rowShape } from "./rows.js";

/** Number of questions in one pass when scoring. */
export const DEFAULT_SCORING_BATCH = 32;

export interface Training {
  readonly trainable: Trainable;
  readonly options: FineTuning;
  readonly image: FrozenFront;
}

/** What is trained; null where nothing is. */
export function trainingOf(
  network: GenerativeNetwork,
  trainable: Trainable | null,
  options?: FineTuning,
): Training | null {
  if (trainable === null || options === undefined) return null;
  return { trainable, options, image: frozenImage(network, trainable) };
}

/** Questions as tokens. */
export class Questions {
  private readonly described: string;

  constructor(
    private readonly network: GenerativeNetwork,
    private readonly tokenizer: TextTokenizer,
  ) {
    this.described = network.phrasing.describe ?? "";
  }

  /** `image` is the index in the batch; `answers` are those that go through the decoder. */
  row(image: number, { prompt = this.described }: CaptionSet, answers: readonly string[]): QuestionRow {
    const row = {
      image,
      ...this.network.prompt(this.tokenizer, prompt),
      answers: answers.map((answer) => this.network.answer(this.tokenizer, prompt, answer)),
    };
    const { imageToken } = this.network;
    if ([row.after, ...row.answers].some((ids) => ids.includes(imageToken))) {
      throw new InputError(
        `the prompt ${JSON.stringify(prompt.slice(0, 60))} or an answer to it has more than one <image>, the picture's own place counted: one picture is asked about`,
      );
    }
    const longest = row.answers.reduce((most, { length }) => Math.max(most, length), 0);
    const tokens = prefixLength(row, this.network.imageTokens) + longest;
    if (tokens > this.network.positions) {
      throw new InputError(
        `the prompt ${JSON.stringify(prompt.slice(0, 60))} and its answers take ${tokens} tokens: the model reads ${this.network.positions}`,
      );
    }
    return row;
  }
}

/** @throws InputError where prompts differ in the position of the image */
export function checkPlaces(rows: readonly QuestionRow[]): void {
  const [first] = rows;
  if (rows.every(({ before }) => before.join() === first?.before.join())) return;
  throw new InputError("the prompts of one call put different words before the picture: begin them alike");
}

/** Rows of a step for the chosen images, and the graph's shape. */
export interface StepPlan {
  readonly rows: readonly QuestionRow[];
  readonly shape: RowShape;
  /** The most answers to a question. */
  readonly answers: number;
}

/** Plain cross entropy of the right answer needs no wrong ones. */
export const learnedAnswers = ({ right, wrong }: CaptionSet, objective: FineTuning["objective"]): readonly string[] =>
  objective === "answer" ? [right] : [right, ...wrong];

export function planStep(
  questions: Questions,
  network: GenerativeNetwork,
  captions: readonly (readonly CaptionSet[])[],
  objective: FineTuning["objective"],
): StepPlan {
  const rows = captions.flatMap((sets, image) =>
    sets.map((set) => questions.row(image, set, learnedAnswers(set, objective))),
  );
  checkPlaces(rows);
  const images = captions.length <= 8 ? bucket(captions.length) : Math.ceil(captions.length / 16) * 16;
  return {
    rows,
    shape: rowShape(rows, images, network.imageTokens),
    answers: rows.reduce((most, { answers }) => Math.max(most, answers.length), 1),
  };
}

/** The graphs for scoring, and for a step of fine-tuning. */
export function generativeGraphs(
  directory: string,
  network: GenerativeNetwork,
  { captions }: Work,
  options: Omit<OpenOptions, "runtime">,
): WorkGraphs {
  const parameters = openParameters(directory, network);
  const trainable = plannedTrainable(parameters, options, network.defaultTargets);
  const questions = new Questions(network, openTokenizer(directory, network));
  const source: GenerativeSource = { network, parameters, trainable };
  const placement = parameters.weights.placement(parameters.shapes);
  const batch = options.scoringBatch ?? DEFAULT_SCORING_BATCH;
  const asked = captions.flatMap((sets, image) => sets.map((set) => ({ image, set }))).slice(0, batch);
  const rows = asked.map(({ image, set }) => questions.row(image, set, [set.right, ...set.wrong]));
  const score = [
    frontProgram(source, network, Math.min(bucket(captions.length), batch), FEATURES).graph,
    scoreProgram(source, rowShape(rows, rows.length, network.imageTokens)).graph,
  ];
  const training = trainingOf(network, trainable, options.fineTuning);
  if (training === null) return { score, step: null, trained: 0, placement };
  const { objective, accumulation } = training.options;
  const part = captions.slice(0, Math.ceil(captions.length / accumulation));
  const { shape, answers } = planStep(questions, network, part, objective);
  const front = training.image.stage;
  const step = stepProgram(
    { ...source, trainable: training.trainable },
    { loss: (scope) => answersLoss(scope, network, shape, answers, objective, front), front },
    training.options,
  );
  return { score, step: step.graph, trained: layoutSize(training.trainable.layout), placement };
}

/**
 * The most memory for the keys and values of rows that speak at once. A row of LLaVA 1.5 7B takes .6 GiB, one of
 * PaliGemma 3B 11 MiB.
 */
const SPEAKING_BYTES = 2 ** 30;

/** How many of the rows may speak at once, by the longest of them: at least one. */
export function speakersAtOnce(
  { decoder: { layers, groups, headSize }, imageTokens }: GenerativeNetwork,
  rows: readonly QuestionRow[],
  room: number,
): number {
  const cells = Math.max(...rows.map((row) => prefixLength(row, imageTokens))) + room;
  const bytes = 2 * layers * groups * headSize * cells * Float32Array.BYTES_PER_ELEMENT;
  return Math.max(1, Math.floor(SPEAKING_BYTES / bytes));
}

/** Indices of rows in batches of similar length, so that there is little padding. */
export function batchesByLength(rows: readonly QuestionRow[], size: number): number[][] {
  const length = (row: QuestionRow): number =>
    row.answers.reduce((sum, answer) => sum + answer.length, row.before.length + row.after.length);
  const order = rows.map((_, i) => i).sort((a, b) => length(at(rows, a)) - length(at(rows, b)) || a - b);
  return Array.from({ length: Math.ceil(order.length / size) }, (_, i) => order.slice(i * size, (i + 1) * size));
}
