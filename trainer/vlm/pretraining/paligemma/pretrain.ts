/**
 * @file Pre-trains the small PaliGemma over labelled images, first its vision tower, then all of it, and writes a
 * Hugging Face directory.
 */
import { at } from "../../../at.js";
import { startRuntime } from "../../../graph/index.js";
import type { Runtime } from "../../../graph/runtime.js";
import { Random } from "../../../random/random.js";
import { float32, floats, int32, type Tensor, type Tensors } from "../../../tensor.js";
import { readImageProcessing } from "../../files/image-processor.js";
import { Patches, patchShape } from "../../files/patches.js";
import { TextTokenizer } from "../../files/tokenizer.js";
import type { GenerativeNetwork, PromptTokens } from "../../generative/network.js";
import { sightOf } from "../../generative/programs.js";
import { cellsOf, type QuestionRow, type RowShape, rowShape, rowTensors } from "../../generative/rows.js";
import { paligemmaNetwork } from "../../paligemma/architecture.js";
import { readPaliGemmaConfig } from "../../paligemma/config.js";
import { publishedKey } from "../../weights/key-layouts.js";
import { record } from "../../weights/recording.js";
import type { LabelledImages } from "../labelled.js";
import { Explained, labelsOf, standardised } from "../labels.js";
import { type OnProgress, type Phase, runPhases, type Schedule } from "../phases.js";
import { writeJsonFiles, writeWeights } from "../written.js";
import { jointPhase, readingProgram, towerPhase } from "./graph.js";
import { type ModelSize, modelConfig, processorConfig, start } from "./initial.js";
import { type Example, Examples, type PairExample, wordsFor } from "./prompts.js";
import { tokenizerFiles } from "./tokenizer-file.js";

export interface BatchSchedule extends Schedule {
  /** Images per step. */
  readonly batch: number;
}

/** Phases of the bundled model: a few minutes of one thread. A model of several worlds takes as many steps for each. */
export const phases = (worlds: number): { readonly tower: BatchSchedule; readonly joint: BatchSchedule } => ({
  tower: { steps: 300 * worlds, learningRate: 1e-3, batch: 128 },
  joint: { steps: 350 * worlds, learningRate: 1e-3, batch: 48 },
});

/** For the models that `rls3 vlm pretrain` makes; `images` is per world. */
export const RECIPE = { images: 50_000, floorOnlyImages: 30_000, heldOut: 1000 } as const;

export interface PretrainingOptions {
  readonly seed: number;
  readonly threads: number;
  readonly size: ModelSize;
  readonly tower: BatchSchedule;
  readonly joint: BatchSchedule;
  /** Images at the end that are not trained on. */
  readonly heldOut: number;
  readonly onProgress?: OnProgress;
}

export interface PretrainingResult {
  /**
   * Share of the variance of held-out coordinates (right, up, toward) that the temporary head explains, reading at the
   * names in a question.
   */
  readonly explained: readonly number[];
}

/** Writes configuration and tokenizer: everything in the directory before training. */
function writeFiles(directory: string, size: ModelSize, names: readonly string[]): void {
  const files = tokenizerFiles(wordsFor(names));
  writeJsonFiles(directory, {
    "config.json": modelConfig(size, files),
    "preprocessor_config.json": processorConfig(size),
    "tokenizer.json": files.tokenizer,
    "tokenizer_config.json": files.config,
  });
}

/** Assembles the inputs of steps. */
class Batches {
  private readonly standard: Float32Array;
  private readonly examples: Examples;
  private readonly patches: Patches;
  private readonly prompts = new Map<string, PromptTokens>();
  /** Large enough for any row, so that one graph serves all steps. */
  private readonly most: Pick<RowShape, "after" | "answerCells" | "targets">;

  constructor(
    private readonly data: LabelledImages,
    private readonly network: GenerativeNetwork,
    private readonly tokenizer: TextTokenizer,
    directory: string,
  ) {
    this.standard = standardised(data);
    this.examples = new Examples(data, this.standard, network.phrasing);
    this.patches = new Patches(network.grid, readImageProcessing(directory));
    const length = (name: string): number => tokenizer.encodePlain(` ${name}`).length;
    const byLength = [...data.names].sort((a, b) => length(b) - length(a));
    this.most = rowShape(
      this.examples.longest(byLength).map((example) => this.row(0, example)),
      1,
      network.imageTokens,
    );
  }

  private row(image: number, { prompt, answer }: Example): QuestionRow {
    const known = this.prompts.get(prompt) ?? this.network.prompt(this.tokenizer, prompt);
    this.prompts.set(prompt, known);
    return { image, ...known, answers: [this.network.answer(this.tokenizer, prompt, answer)] };
  }

  /** The shape for this many rows about this many images, with answers. */
  shape(images: number, rows: number): RowShape {
    const { after, answerCells, targets } = this.most;
    return { images, rows, before: 0, imageTokens: this.network.imageTokens, after, answerCells, targets };
  }

  private seen(chosen: readonly number[]): Tensor {
    const { images, count, size } = this.data;
    return this.patches.of({ count, height: size, width: size, data: images }, chosen, chosen.length);
  }

  tower(chosen: readonly number[]): Tensors {
    const [patches] = patchShape(this.network.grid);
    const { coordinates, covered } = labelsOf(this.data, this.standard, patches, chosen);
    return { patches: this.seen(chosen), coordinates, covered };
  }

  joint(chosen: readonly number[], random: Random): Tensors {
    const asked = chosen.map((image) => this.examples.relation(image, random));
    const facts = chosen.map((image) => this.examples.fact(image, random));
    const rows = [...asked, ...facts].map((example, row) => this.row(row % chosen.length, example));
    const shape = this.shape(chosen.length, rows.length);
    return {
      ...this.tower(chosen),
      ...rowTensors(rows, shape, sightOf(this.network)),
      ...this.names(asked, shape),
      namePlaces: float32(this.places(asked), [2 * asked.length, 3]),
      tokenWeights: tokenWeights(rows, shape),
    };
  }

  /** The cells of the last words of both names in each question. */
  private names(asked: readonly PairExample[], shape: RowShape): Tensors {
    const cells = asked.flatMap(({ upTo }, row) =>
      // As many tokens precede it as the text has without the token at the prompt's beginning.
      upTo.map((text) => row * cellsOf(shape) + shape.imageTokens + this.tokenizer.encodePlain(text).length),
    );
    return { nameCells: int32(Int32Array.from(cells)) };
  }

  private places(asked: readonly PairExample[]): Float32Array {
    const numbers = asked.flatMap(({ objects }) =>
      objects.flatMap((object) => [...this.standard.subarray(object * 3, object * 3 + 3)]),
    );
    return Float32Array.from(numbers);
  }

  /** Share of the held-out coordinates' variance that is read at the names of questions, per axis. */
  async explained(runtime: Runtime, layout: Phase["layout"], first: number, seed: number): Promise<number[]> {
    const random = Random.stream(seed, "explained");
    const count = Math.min(this.data.count - first, 128);
    const rowShape = { ...this.shape(count, count), answerCells: 0, targets: 0 };
    const { model, binding } = readingProgram(this.network, layout, rowShape);
    const program = await runtime.load(model, binding);
    const explained = new Explained();
    for (let from = first; from + count <= this.data.count; from += count) {
      const chosen = Array.from({ length: count }, (_, i) => from + i);
      const asked = chosen.map((image) => this.examples.relation(image, random));
      const rows = asked.map((example, row) => ({ ...this.row(row, example), answers: [] }));
      const fed = { patches: this.seen(chosen), ...rowTensors(rows, rowShape, sightOf(this.network)) };
      const read = floats(await program.run({ ...fed, ...this.names(asked, rowShape) }), "read");
      const places = this.places(asked);
      for (let i = 0; i < places.length; i += 3) explained.note(read.subarray(i, i + 3), places.subarray(i, i + 3));
    }
    await program.release();
    return explained.shares;
  }
}

/** Questions and facts get half of the weight each; tokens within a half share it equally. */
function tokenWeights(rows: readonly QuestionRow[], shape: RowShape): Tensor {
  const half = rows.length / 2;
  const counts = [0, 0];
  const lengths = rows.map(({ answers }) => answers.reduce((sum, { length }) => sum + length, 0));
  lengths.forEach((length, row) => {
    counts[row < half ? 0 : 1] = at(counts, row < half ? 0 : 1) + length;
  });
  const data = new Float32Array(shape.rows * shape.targets);
  lengths.forEach((length, row) => {
    data.fill(1 / at(counts, row < half ? 0 : 1), row * shape.targets, row * shape.targets + length);
  });
  return float32(data, [shape.rows, shape.targets]);
}

/** Trains from scratch and writes the model's directory. */
export async function pretrain(
  directory: string,
  data: LabelledImages,
  options: PretrainingOptions,
): Promise<PretrainingResult> {
  const { seed, tower, joint, onProgress } = options;
  writeFiles(directory, options.size, data.names);
  const network = paligemmaNetwork(readPaliGemmaConfig(directory));
  const { shapes } = record(network.declare);
  const batches = new Batches(data, network, TextTokenizer.open(directory), directory);
  const trainable = data.count - options.heldOut;
  const names = data.names.length;
  const draw = (count: number, random: Random): number[] =>
    Array.from({ length: count }, () => random.below(trainable));
  const whole = jointPhase(network, { images: joint.batch, names, rows: batches.shape(joint.batch, 2 * joint.batch) });
  const order: readonly Phase[] = [
    {
      ...tower,
      ...towerPhase(network, { images: tower.batch, names }),
      batch: (random) => batches.tower(draw(tower.batch, random)),
    },
    { ...joint, ...whole, batch: (random) => batches.joint(draw(joint.batch, random), random) },
  ];
  const runtime = await startRuntime({ device: "cpu", threads: options.threads });
  try {
    const values = await runPhases(runtime, order, {
      seed,
      start,
      keeps: () => true,
      ...(onProgress !== undefined && { onProgress }),
    });
    const explained = await batches.explained(runtime, whole.layout, trainable, seed);
    writeWeights(directory, shapes, (name) => values.get(name) ?? new Float32Array(), publishedKey);
    return { explained };
  } finally {
    await runtime.close();
  }
}
