/**
 * @file The image network's values up to one of its stages: computed in batches, and cached per image where nothing
 * before is trained.
 */
import { at, only } from "../../at.js";
import type { Graph, Value } from "../../graph/index.js";
import { float32, floats, type Tensor } from "../../tensor.js";
import { type Patches, type PatchGrid, patchShape } from "../files/patches.js";
import type { Scope } from "../layers/scope.js";
import type { ImageBatch } from "../model.js";
import { type FrozenFront, frozenFront } from "../weights/frozen.js";
import type { Trainable } from "../weights/parameters.js";
import { record } from "../weights/recording.js";
import { type ImageRow, ImageRows } from "./image-rows.js";
import { type Built, bucket, type Programs } from "./program-cache.js";
import { programOf, type Source } from "./source.js";

/** The image part of a model. */
export interface ImageNetwork {
  readonly grid: PatchGrid;
  /** Patches [images, patches, 3 · patch²] → the input of the rest of the model. */
  image(scope: Scope, patches: Value): Value;
}

export const patchesInput = (graph: Graph, { grid }: ImageNetwork, images: number): Value =>
  graph.input("patches", [images, ...patchShape(grid)]);

/** The patches. Where a later stage is an input, nothing that runs depends on them, and they are no input. */
export const patchesUnlessFed = (graph: Graph, network: ImageNetwork, images: number, stage: string | null): Value =>
  stage === null
    ? patchesInput(graph, network, images)
    : graph.external([images, ...patchShape(network.grid)], "float32", { file: "unused", offset: 0, length: 0 });

/**
 * The stage up to which nothing in the image network is trained. Before the first stage an image is only embedded,
 * which is as cheap as a cache lookup.
 */
export function frozenImage(network: ImageNetwork, trainable: Trainable): FrozenFront {
  const image = record((scope) => network.image(scope, patchesInput(scope.graph, network, 1)));
  const front = frozenFront(image, trainable);
  return front.stage === image.stages[0]?.name ? { ...front, stage: null } : front;
}

/** patches → the value at a stage of the image network, one or more rows per image. */
export function frontProgram(source: Source, network: ImageNetwork, images: number, stage: string): Built {
  return programOf(
    source,
    (scope) => void network.image(scope, patchesInput(scope.graph, network, images)),
    (graph) => ({
      observe: (name, value) => {
        if (name === stage) graph.output("front", value);
      },
    }),
  );
}

export class ImageFront {
  private kept = new ImageRows();

  constructor(
    private readonly programs: Programs,
    private readonly patches: Patches,
    private readonly source: Source,
    private readonly network: ImageNetwork,
    /** Number of images at once. */
    private readonly batch: number,
    private readonly stage: string,
  ) {}

  /** The parameters before the stage have changed. */
  forget(): void {
    this.kept = new ImageRows();
  }

  /** The value at the stage for the chosen images, padded to `count` images: [count · rows of an image, width]. */
  async of(images: ImageBatch, chosen: readonly number[], count: number): Promise<Tensor> {
    const keys = ImageRows.keys(images, chosen);
    const known = keys.map((key) => this.kept.get(key));
    const missing = chosen.filter((_, row) => known[row] === undefined);
    const made = missing.length === 0 ? [] : await this.compute(images, missing);
    const all = known.map((row) => row ?? at(made.splice(0, 1), 0));
    keys.forEach((key, row) => {
      this.kept.set(key, at(all, row));
    });
    const { data: first, width } = at(all, 0);
    const data = new Float32Array(count * first.length);
    // Padding repeats an image: features of zero have no direction.
    for (let row = 0; row < count; row++) data.set(at(all, Math.min(row, all.length - 1)).data, row * first.length);
    return float32(data, [data.length / width, width]);
  }

  private async compute(images: ImageBatch, chosen: readonly number[]): Promise<ImageRow[]> {
    const { stage, source, network } = this;
    const rows: ImageRow[] = [];
    for (let first = 0; first < chosen.length; first += this.batch) {
      const part = chosen.slice(first, first + this.batch);
      const count = Math.min(bucket(part.length), this.batch);
      const build = (): Built => frontProgram(source, network, count, stage);
      const { program } = await this.programs.get(`front ${stage} ${count}`, build);
      const found = await program.run({ patches: this.patches.of(images, part, count) });
      const front = floats(found, "front");
      const width = at(only(Object.values(found)).dims, 1);
      const length = front.length / count;
      for (const row of part.keys()) rows.push({ data: front.slice(row * length, (row + 1) * length), width });
    }
    return rows;
  }
}
