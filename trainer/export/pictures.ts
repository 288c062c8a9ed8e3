/**
 * @file A run's pictures. The embedded renderer's are drawn again from the states and compared with those that the run
 * stored; another renderer's are the stored ones.
 */
import path from "node:path";
import sharp from "sharp";
import { encodePng } from "../environments/picture.js";
import { InputError } from "../errors.js";
import { render } from "../rooms/index.js";
import type { SampleLine } from "../run-format/columns.js";
import { readSampleImage, readSamples } from "../run-format/readers.js";
import { type Box, boxesOf } from "./boxes.js";
import { type State, stateOf } from "./row.js";
import type { ExportedRun } from "./runs.js";

export interface ExportedPicture {
  readonly png: Uint8Array;
  /** By slot; null where the picture was not drawn here. */
  readonly boxes: readonly (Box | null)[] | null;
}

export interface RunPictures {
  /** Side in pixels. */
  readonly size: number;
  of(iteration: number, line: SampleLine): Promise<ExportedPicture>;
}

/** Draws a picture here. */
export async function drawn(
  { world }: Pick<ExportedRun, "world">,
  state: State,
  size: number,
): Promise<ExportedPicture> {
  const picture = render(world.catalog, state.scene, state.objects, size);
  return { png: await encodePng(picture.image), boxes: boxesOf(picture) };
}

/**
 * @param size side in pixels; null: the size that the model saw
 * @throws InputError where another renderer's pictures were not stored, or are requested at another size
 */
export async function picturesOf(run: ExportedRun, size: number | null): Promise<RunPictures> {
  const seen = run.imageSize ?? (await sizeOfKept(run)) ?? (run.drawnHere ? size : null);
  if (seen === null) {
    throw new InputError(
      `${run.folder}: does not record the size of its pictures (config.json has no imageSize, and there are no pictures in samples); give --size`,
    );
  }
  return run.drawnHere ? drawnHere(run, seen, size ?? seen) : kept(run, seen, size ?? seen);
}

function drawnHere(run: ExportedRun, seen: number, size: number): RunPictures {
  return {
    size,
    of: async (iteration, line) => {
      await holdToKept(run, iteration, line, seen);
      return drawn(run, stateOf(line), size);
    },
  };
}

function kept(run: ExportedRun, seen: number, size: number): RunPictures {
  if (size !== seen) {
    throw new InputError(
      `--size ${size}: the pictures of ${run.folder} came from its environment server at ${seen} pixels, and can't be drawn again; leave --size out`,
    );
  }
  return {
    size,
    of: async (iteration, line) => {
      const png = await readSampleImage(run.folder, iteration, line);
      if (png !== null) return { png, boxes: null };
      throw new InputError(
        `${run.folder}: its pictures came from its environment server, and that of iteration ${iteration}, episode ${line.episode}, step ${line.step} was not stored; train with --keep-pictures, or with --render embedded`,
      );
    },
  };
}

/** Checks with the stored pictures of the hardest samples that this renderer draws what the model saw. */
async function holdToKept(run: ExportedRun, iteration: number, line: SampleLine, seen: number): Promise<void> {
  if (line.image === undefined) return;
  const png = await readSampleImage(run.folder, iteration, line);
  if (png === null) return;
  const { objects, scene } = stateOf(line);
  const pixels = await sharp(png).raw().toBuffer();
  if (pixels.equals(render(run.world.catalog, scene, objects, seen).image)) return;
  throw new InputError(
    `${path.join(run.folder, "samples", line.image)}: is not the picture that this rls3 draws of its state; export by the rls3 that made the run, or put the file back as it was`,
  );
}

/** The size of a stored picture; null where there is none. */
async function sizeOfKept(run: ExportedRun): Promise<number | null> {
  for (const { iteration, samples } of await readSamples(run.folder)) {
    const line = samples.find(({ image }) => image !== undefined);
    const png = line === undefined ? null : await readSampleImage(run.folder, iteration, line);
    if (png !== null) return (await sharp(png).metadata()).width;
  }
  return null;
}
