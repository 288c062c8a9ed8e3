/** @file What a model directory is, without running it: architecture, sizes, stored types, and the layers an adapter may target. */
import path from "node:path";
import { sizeOf } from "../graph/index.js";
import { architectureIn } from "./architectures.js";
import { type ImageProcessing, readImageProcessing } from "./files/image-processor.js";
import { TextTokenizer } from "./files/tokenizer.js";
import { countOf } from "./weights/parameters.js";

export interface Inspection {
  readonly directory: string;
  readonly architecture: string;
  readonly parameters: number;
  /** Parameters by the type they are stored in. */
  readonly types: Readonly<Record<string, number>>;
  readonly sizes: object;
  readonly images: ImageProcessing;
  /** Last parts of the names of linear layers, with how many there are: for target_modules. */
  readonly targets: Readonly<Record<string, number>>;
}

function count<Item>(items: readonly Item[], key: (item: Item) => string, weight: (item: Item) => number) {
  const table: Record<string, number> = {};
  for (const item of items) table[key(item)] = (table[key(item)] ?? 0) + weight(item);
  return table;
}

/** Reads and checks every file of a directory. */
export function inspect(directory: string): Inspection {
  const architecture = architectureIn(directory);
  const { shapes, modules, sizes } = architecture.shape(directory);
  const { weights } = architecture.read(directory);
  TextTokenizer.open(directory);
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
    targets: count(
      modules,
      ({ path: name }) => name.slice(name.lastIndexOf(".") + 1),
      () => 1,
    ),
  };
}
