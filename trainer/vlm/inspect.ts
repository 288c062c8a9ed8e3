/**
 * @file Describes a model directory without running it: architecture, sizes, stored types, and the layers that an
 * adapter may target.
 */
import path from "node:path";
import { type Graph, sizeOf } from "../graph/index.js";
import { architectureIn } from "./architectures.js";
import { type ImageProcessing, readImageProcessing } from "./files/image-processor.js";
import type { FineTuning } from "./model.js";
import { typicalWork } from "./typical-work.js";
import { countOf } from "./weights/parameters.js";

/** Memory in bytes, predicted before anything is loaded. */
export interface ModelMemory {
  /** Number of images at once, each with two caption sets. */
  readonly images: number;
  /** Weights: mapped from the files, or copied into the programs where the model is small. */
  readonly weights: number;
  /**
   * Besides the weights: of a process that scores, and of one that fine-tunes with LoRA as the loop does by default.
   */
  readonly score: number;
  readonly tune: number;
}

export interface Inspection {
  readonly directory: string;
  readonly architecture: string;
  readonly parameters: number;
  /** Number of parameters by stored type. */
  readonly types: Readonly<Record<string, number>>;
  readonly sizes: object;
  readonly images: ImageProcessing;
  readonly memory: ModelMemory;
  /** Last parts of the names of linear layers, with their counts: for target_modules. */
  readonly targets: Readonly<Record<string, number>>;
}

function count<Item>(items: readonly Item[], key: (item: Item) => string, weight: (item: Item) => number) {
  const table: Record<string, number> = {};
  for (const item of items) table[key(item)] = (table[key(item)] ?? 0) + weight(item);
  return table;
}

/** Private memory of Node.js, onnxruntime and this package before a model is opened. */
const PROCESS = 125 * 2 ** 20;

/** Kept between fine-tuning steps: the trained parameters and Adam's two moments, 4 bytes each. */
const KEPT = 3 * 4;

/** Each program of a small model keeps an arena, which grows to about twice its largest run. */
const ARENA = 2;

/** The memory of programs that run one after another; those of a model used in place free theirs for the next. */
function together(graphs: readonly Graph[], inPlace: boolean): number {
  const peaks = graphs.map((graph) => graph.memory().peakBytes);
  return inPlace ? Math.max(...peaks) : ARENA * peaks.reduce((sum, peak) => sum + peak, 0);
}

/**
 * The memory for scoring images, and for fine-tuning on them.
 * @throws InputError for a directory that cannot be opened
 */
export function memoryOf(directory: string, images: number, fineTuning: FineTuning): ModelMemory {
  const architecture = architectureIn(directory);
  const work = typicalWork(images, architecture.phrasing);
  const { score, placement } = architecture.graphs(directory, work, { scoringBatch: images });
  const { step, trained } = architecture.graphs(directory, work, { fineTuning, scoringBatch: images });
  if (step === null) throw new Error("options with fine-tuning have a step");
  const weights = score.reduce((sum, graph) => sum + graph.memory().frozenBytes, 0);
  return {
    images,
    weights,
    score: PROCESS + together(score, placement.inPlace),
    tune: PROCESS + together([step], placement.inPlace) + KEPT * trained,
  };
}

/** Reads and checks a directory: its headers, and a small model's values. */
export function inspect(directory: string, images: number, fineTuning: FineTuning): Inspection {
  const architecture = architectureIn(directory);
  const { shapes, modules, sizes } = architecture.shape(directory);
  const { weights } = architecture.read(directory);
  return {
    directory: path.resolve(directory),
    architecture: architecture.name,
    parameters: countOf(shapes),
    types: count(
      shapes,
      ({ name }) => weights.typeOf(name),
      ({ shape }) => sizeOf(shape),
    ),
    sizes,
    images: readImageProcessing(directory),
    memory: memoryOf(directory, images, fineTuning),
    targets: count(
      modules,
      ({ path: name }) => name.slice(name.lastIndexOf(".") + 1),
      () => 1,
    ),
  };
}
