/** @file A model's trained parameters and its optimizer: steps, checkpoints, and the resulting adapter or weights. */
import { at } from "../../at.js";
import { InputError } from "../../errors.js";
import { allFinite } from "../../files/safetensors.js";
import { layoutSize, unpack } from "../../graph/index.js";
import type { Runtime } from "../../graph/runtime.js";
import { Random } from "../../random/random.js";
import { float32, floats, scalar, type Tensor, type Tensors } from "../../tensor.js";
import type { FineTuneResult, FineTuning, TrainingState } from "../model.js";
import { matchTargets, writeAdapter } from "../weights/lora.js";
import { adapterOf } from "../weights/parameters.js";
import { writeModelDirectory } from "../weights/write-directory.js";
import { dropoutFeeds, dropoutTables } from "./dropout.js";
import type { Input, Programs } from "./program-cache.js";
import { type Source, TRAINED } from "./source.js";
import { ACCUMULATED, type Objective, partProgram, stepProgram, type TrainedSource, updateProgram } from "./steps.js";

/** Adam's state with the trained parameters. */
const STATE = [TRAINED, `${TRAINED}.first`, `${TRAINED}.second`, `${TRAINED}.step`] as const;

const DAMAGED = "the weights or the adapter are damaged";
const WHY_NOT_FINITE = `${DAMAGED}, or fine-tuning is too fast; begin anew with a lower --learning-rate or --lora-alpha`;

const NOTHING_ASKED = "a step of fine-tuning needs at least one caption set";

/** Some or all of a step's images. */
export interface StepPart extends Objective {
  /** Parts with the same key use the same graph. */
  readonly key: string;
  readonly feeds: Tensors;
}

export class FineTuner {
  private steps = 0;

  /** `options` is null for a model that can only score. */
  constructor(
    private readonly runtime: Runtime,
    private readonly programs: Programs,
    private readonly source: Source,
    private readonly options: FineTuning | null,
  ) {}

  /** Number of trained parameters. */
  get trained(): number {
    const { trainable } = this.source;
    return this.options === null || trainable === null ? 0 : layoutSize(trainable.layout);
  }

  /** Loads the trained parameters and a fresh optimizer state into the runtime. */
  async start(trained: Float32Array): Promise<void> {
    const { trainable, parameters } = this.source;
    if (trainable === null) return;
    await this.runtime.set({ [TRAINED]: float32(trained) });
    if (this.options === null) return;
    const zeros = (): Tensor => float32(new Float32Array(trained.length));
    await this.runtime.set({ [STATE[1]]: zeros(), [STATE[2]]: zeros(), [STATE[3]]: scalar(0) });
    const { lora } = trainable;
    if (lora !== null && lora.dropout > 0) {
      const widths = matchTargets(lora.targets, parameters.modules).map(({ inputs }) => inputs);
      await this.runtime.set(dropoutTables(widths, lora.dropout, this.options.seed));
    }
  }

  /**
   * One optimizer step over `images` images. `part` builds the objective for some of them; null where nothing is asked
   * about them.
   */
  async step(images: number, part: (chosen: readonly number[]) => Promise<StepPart | null>): Promise<FineTuneResult> {
    const { source, options } = this.training();
    const warm = Math.min(1, (this.steps + 1) / Math.max(1, options.warmupSteps));
    const learningRate = scalar(options.learningRate * warm);
    const result =
      options.accumulation === 1
        ? await this.wholeStep(source, options, await part(range(0, images)), learningRate)
        : await this.stepInParts(source, options, images, part, learningRate);
    this.steps++;
    // An infinite norm clips every gradient to zero, and an infinite loss teaches nothing.
    if (Number.isFinite(result.loss) && Number.isFinite(result.gradientNorm)) return result;
    throw new InputError(
      `${source.parameters.weights.directory}: step ${this.steps} of fine-tuning has the loss ${result.loss} and the gradient norm ${result.gradientNorm}: ${WHY_NOT_FINITE}`,
    );
  }

  /** Why the model's results may not be finite, and what to do. */
  get whyNotFinite(): string {
    return this.options === null ? DAMAGED : WHY_NOT_FINITE;
  }

  private async wholeStep(
    source: TrainedSource,
    options: FineTuning,
    part: StepPart | null,
    learningRate: Tensor,
  ): Promise<FineTuneResult> {
    if (part === null) throw new RangeError(NOTHING_ASKED);
    const { program, inputs } = await this.programs.get(`step ${part.key}`, () => stepProgram(source, part, options));
    const found = await program.run({ ...part.feeds, ...this.dropout(inputs, options, 0), learningRate });
    return { loss: at(floats(found, "loss"), 0), gradientNorm: at(floats(found, "gradientNorm"), 0) };
  }

  /** The same step with its images in parts; their gradients are added up. */
  private async stepInParts(
    source: TrainedSource,
    options: FineTuning,
    images: number,
    part: (chosen: readonly number[]) => Promise<StepPart | null>,
    learningRate: Tensor,
  ): Promise<FineTuneResult> {
    // Drop the sums of a step that failed.
    await this.runtime.set({ [ACCUMULATED]: float32(new Float32Array(layoutSize(source.trainable.layout))) });
    const size = Math.ceil(images / options.accumulation);
    let loss = 0;
    let asked = false;
    for (let first = 0; first < images; first += size) {
      const made = await part(range(first, Math.min(first + size, images)));
      if (made === null) continue;
      asked = true;
      const { program, inputs } = await this.programs.get(`part ${made.key}`, () => partProgram(source, made));
      const fed = { ...made.feeds, ...this.dropout(inputs, options, first) };
      loss += at(floats(await program.run(fed), "loss"), 0);
    }
    // Weight decay would move the parameters anyway.
    if (!asked) throw new RangeError(NOTHING_ASKED);
    const { program } = await this.programs.get("update", () => updateProgram(source, options));
    return { loss, gradientNorm: at(floats(await program.run({ learningRate }), "gradientNorm"), 0) };
  }

  /** The dropout masks differ for each step, and for each part of one; empty without dropout. */
  private dropout(inputs: readonly Input[], { seed }: FineTuning, first: number): Tensors {
    return dropoutFeeds(inputs, Random.stream(seed, "dropout", this.steps, first));
  }

  /** Writes the adapter in PEFT's format, or the whole model under full fine-tuning. */
  async save(target: string, base: { readonly directory: string; readonly modelClass: string }): Promise<void> {
    const { source } = this.training();
    const { parameters, trainable } = source;
    const flat = floats(await this.runtime.get([TRAINED]), TRAINED);
    if (!allFinite(flat)) {
      throw new InputError(`${target}: is not written: what was trained is not finite; ${WHY_NOT_FINITE}`);
    }
    if (trainable.lora === null) {
      const trained = unpack(trainable.layout, flat);
      writeModelDirectory(target, parameters, (name) => trained.get(name));
    } else {
      writeAdapter(target, adapterOf(parameters, trainable, flat), base);
    }
  }

  async state(): Promise<TrainingState> {
    return { tensors: this.options === null ? {} : await this.runtime.get(STATE), steps: this.steps };
  }

  async restore({ tensors, steps }: TrainingState): Promise<void> {
    if (this.options !== null) {
      const found = tensors[TRAINED]?.data.length;
      if (found !== this.trained) {
        throw new InputError(
          `the checkpoint trains ${found ?? "no"} numbers, this model ${this.trained}: another rank, method or model`,
        );
      }
      await this.runtime.set(tensors);
    }
    this.steps = steps;
  }

  private training(): { source: TrainedSource; options: FineTuning } {
    const { source, options } = this;
    if (options === null || source.trainable === null) throw new Error("opened without fineTuning: it can only score");
    return { source: { ...source, trainable: source.trainable }, options };
  }
}

/** Whole numbers from `first` to before `end`. */
export function range(first: number, end: number): number[] {
  const numbers: number[] = [];
  for (let i = first; i < end; i++) numbers.push(i);
  return numbers;
}
