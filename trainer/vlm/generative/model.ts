/**
 * @file A generative model from its directory: answers' log-likelihoods, greedy answers, and fine-tuning on answers.
 */
import { at } from "../../at.js";
import { InputError } from "../../errors.js";
import { startRuntime } from "../../graph/index.js";
import { floats, type Tensors } from "../../tensor.js";
import { type Loaded, LoadedModel } from "../loaded-model.js";
import {
  type CaptionSet,
  checkCounts,
  type FineTuneResult,
  type ImageBatch,
  type OpenOptions,
  type Reply,
  type VisionLanguageModel,
} from "../model.js";
import { openTokenizer, readParameters } from "../model-directory.js";
import type { StepPart } from "../training/fine-tuner.js";
import type { ImageFront } from "../training/image-front.js";
import { startingPoint } from "../weights/starting.js";
import { FEATURES, type GenerativeNetwork } from "./network.js";
import {
  batchesByLength,
  checkPlaces,
  DEFAULT_SCORING_BATCH,
  planStep,
  Questions,
  speakersAtOnce,
  type Training,
  trainingOf,
} from "./plan.js";
import {
  answersLoss,
  beginProgram,
  type GenerativeSource,
  nextProgram,
  nothingKept,
  scoreProgram,
  sightOf,
} from "./programs.js";
import {
  type Kept,
  keptOf,
  lastCells,
  lossTensors,
  nextTensors,
  type QuestionRow,
  type RowShape,
  rowShape,
  rowTensors,
  type Sight,
  type Speaking,
  stepped,
} from "./rows.js";

type Captions = readonly (readonly CaptionSet[])[];

/** The most tokens of an answer; a relation of three terms takes about fifteen. */
const ROOM = 32;

class GenerativeModel extends LoadedModel<GenerativeSource> {
  private readonly questions: Questions;
  private readonly sight: Sight;
  /** The image features for the decoder. */
  private readonly features: ImageFront;
  /** Where a step starts if that is earlier than the features; null: at the patches. */
  private readonly front: ImageFront | null;

  constructor(
    loaded: Loaded<GenerativeSource>,
    private readonly training: Training | null,
  ) {
    super(loaded);
    const { network } = loaded.source;
    this.sight = sightOf(network);
    this.questions = new Questions(network, loaded.tokenizer);
    this.features = this.frontAt(FEATURES);
    const stage = training === null ? FEATURES : training.image.stage;
    this.front = stage === null ? null : stage === FEATURES ? this.features : this.frontAt(stage);
  }

  protected async scoreNow(images: ImageBatch, captions: Captions): Promise<Float32Array[][]> {
    const replies = await this.answer(images, captions, false);
    return replies.map((own) => own.map(({ logits }) => logits));
  }

  protected async replyNow(images: ImageBatch, captions: Captions): Promise<Reply[][]> {
    const replies = await this.answer(images, captions, true);
    await this.runtime.set(nothingKept(this.source.network));
    return replies;
  }

  private async answer(images: ImageBatch, captions: Captions, aloud: boolean): Promise<Reply[][]> {
    checkCounts(images, captions);
    const rows = captions.flatMap((sets, image) =>
      sets.map((set) => this.questions.row(image, set, [set.right, ...set.wrong])),
    );
    const replies: Reply[] = new Array(rows.length);
    const { network } = this.source;
    const size = aloud ? Math.min(this.scoringBatch, speakersAtOnce(network, rows, ROOM)) : this.scoringBatch;
    for (const batch of batchesByLength(rows, size)) {
      const own = batch.map((row) => at(rows, row));
      const answered = aloud ? await this.scoreAndSpeak(images, own) : await this.scoreRows(images, own);
      answered.forEach((reply, i) => {
        replies[at(batch, i)] = reply;
      });
    }
    let next = 0;
    return captions.map((sets) => sets.map(() => at(replies, next++)));
  }

  private async scoreRows(images: ImageBatch, rows: readonly QuestionRow[]): Promise<Reply[]> {
    const { shape, feeds } = await this.feeds(images, rows);
    const { program } = await this.programs.get(`score ${keyOf(shape)}`, () => scoreProgram(this.source, shape));
    const found = await program.run(feeds);
    return this.likelihoods(rows, shape, found).map((logits) => ({ logits, said: null }));
  }

  private async scoreAndSpeak(images: ImageBatch, rows: readonly QuestionRow[]): Promise<Reply[]> {
    const { shape, feeds } = await this.feeds(images, rows);
    const speaking: Speaking = { shape, room: ROOM };
    const key = `${keyOf(shape)} ${ROOM}`;
    const { program } = await this.programs.get(`begin ${key}`, () => beginProgram(this.source, speaking));
    const found = await program.run({ ...feeds, ...lastCells(rows, shape) }, ["logLikelihoods", "token"]);
    const logits = this.likelihoods(rows, shape, found);
    const said = await this.speak(rows, speaking, found);
    return rows.map((_, i) => ({ logits: at(logits, i), said: this.tokenizer.decode(at(said, i)) }));
  }

  /** Greedy decoding: the most likely token, one after another, until every row has ended or is full. */
  private async speak(rows: readonly QuestionRow[], speaking: Speaking, begun: Tensors): Promise<number[][]> {
    const { endToken } = this.source.network;
    const kept = keptOf(speaking);
    const said: number[][] = rows.map(() => []);
    const open = new Set(rows.keys());
    let last = tokensOf(begun);
    for (let spoken = 1; ; spoken++) {
      for (const row of open) {
        const token = at(last, row);
        if (token === endToken) open.delete(row);
        else at(said, row).push(token);
      }
      if (open.size === 0 || spoken === speaking.room) return said;
      const { program } = await this.programs.get(`next ${keyOf(kept)}`, () => nextProgram(this.source, kept));
      last = tokensOf(await program.run(nextTensors(rows, speaking, this.sight, last, spoken), ["token"]));
    }
  }

  /** The graph for the rows, and its inputs. */
  private async feeds(images: ImageBatch, rows: readonly QuestionRow[]): Promise<{ shape: RowShape; feeds: Tensors }> {
    checkPlaces(rows);
    const chosen = [...new Set(rows.map(({ image }) => image))];
    const place = new Map(chosen.map((image, i) => [image, i]));
    const own = rows.map((row) => ({ ...row, image: place.get(row.image) ?? 0 }));
    const shape = rowShape(own, stepped(own.length), this.source.network.imageTokens);
    const features = await this.features.of(images, chosen, shape.images);
    return { shape, feeds: { features, ...rowTensors(own, shape, this.sight) } };
  }

  /** For each row, the summed log-likelihoods of each answer's tokens. */
  private likelihoods(rows: readonly QuestionRow[], { targets }: RowShape, found: Tensors): Float32Array[] {
    const all = floats(found, "logLikelihoods");
    return rows.map(({ answers }, row) => {
      let place = row * targets;
      const sums = Float32Array.from(answers, ({ length }) => {
        let sum = 0;
        for (const end = place + length; place < end; place++) sum += at(all, place);
        return sum;
      });
      if (sums.every(Number.isFinite)) return sums;
      throw new InputError(`${this.directory}: its log-likelihoods are no finite numbers: ${this.tuner.whyNotFinite}`);
    });
  }

  protected async fineTuneNow(images: ImageBatch, captions: Captions): Promise<FineTuneResult> {
    checkCounts(images, captions);
    const { training } = this;
    if (training === null) throw new Error("opened without fineTuning: it can only score");
    const sets = captions.flat();
    const tokens = sets.reduce((sum, set) => sum + at(this.questions.row(0, set, [set.right]).answers, 0).length, 0);
    const whole = { tokens, questions: sets.length };
    const result = await this.tuner.step(images.count, (chosen) =>
      this.part(training, images, captions, whole, chosen),
    );
    this.forget();
    return result;
  }

  /** The part of a step with the chosen images. */
  private async part(
    { options, image: { stage } }: Training,
    images: ImageBatch,
    captions: Captions,
    whole: { readonly tokens: number; readonly questions: number },
    chosen: readonly number[],
  ): Promise<StepPart | null> {
    const own = chosen.map((image) => at(captions, image));
    if (own.every(({ length }) => length === 0)) return null;
    const { network } = this.source;
    const { objective } = options;
    const { rows, shape, answers } = planStep(this.questions, network, own, objective);
    const { tokenWeights, questionWeights, members, absent } = lossTensors(rows, shape, answers, whole);
    return {
      key: `${keyOf(shape)} ${answers}`,
      feeds: {
        ...(this.front === null
          ? { patches: this.patches.of(images, chosen, shape.images) }
          : { front: await this.front.of(images, chosen, shape.images) }),
        ...rowTensors(rows, shape, this.sight),
        ...(objective === "ranking" ? {} : { tokenWeights }),
        ...(objective === "answer" ? {} : { questionWeights, members, absent }),
      },
      front: stage,
      loss: (scope) => answersLoss(scope, network, shape, answers, objective, stage),
    };
  }

  /** The image features change with the tower. */
  protected forget(): void {
    if (this.training !== null && this.training.image.stage !== FEATURES) this.features.forget();
  }
}

const keyOf = (shape: RowShape | Kept): string => Object.values(shape).join(" ");

function tokensOf(found: Tensors): Int32Array {
  const data = found["token"]?.data;
  if (!(data instanceof Int32Array)) throw new Error("no tokens");
  return data;
}

/** Opens a directory in its own worker thread. */
export async function openGenerative(
  directory: string,
  network: GenerativeNetwork,
  options: OpenOptions,
): Promise<VisionLanguageModel> {
  const parameters = readParameters(directory, network);
  const { trainable, trained } = startingPoint(parameters, options, network.defaultTargets);
  const tokenizer = openTokenizer(directory, network);
  const training = trainingOf(network, trainable, options.fineTuning);
  const runtime = await startRuntime(options.runtime);
  try {
    const source: GenerativeSource = { network, parameters, trainable };
    const scoringBatch = options.scoringBatch ?? DEFAULT_SCORING_BATCH;
    const phrasing = { ...network.phrasing, ...options.phrasing };
    const fineTuning = training?.options ?? null;
    const baseName = options.baseName ?? directory;
    const loaded = { directory, baseName, runtime, source, tokenizer, fineTuning, phrasing, scoringBatch };
    const model = new GenerativeModel(loaded, training);
    await model.start(trained);
    return model;
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
